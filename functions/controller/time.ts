/** Time as it is passed in, so that tests drive it. */
export interface Time {
  /** ms since the epoch */
  now(): number;
  sleep(ms: number): Promise<void>;
}

export const realTime: Time = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
