/** A promise that does not hold, said as a sentence. */
export class Broken extends Error {}
