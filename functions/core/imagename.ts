/**
 * The names of images: `<family>-<yyyymmdd>-<hhmmss>-<git short>`, time in UTC. Family, age and source can be read from the
 * name alone, and the names of one family sort by age as texts do.
 */
export interface ImageName {
  family: string;
  /** Milliseconds since 1970, whole seconds. */
  time: number;
  /** The first 7 to 12 hex digits of the source's commit, in lower case. */
  commit: string;
}

/** Compute Engine's own limit on a resource's name. */
export const MOST_NAME = 63;
/** What is left for a family when the commit is cut to 7 digits. */
export const MOST_FAMILY = MOST_NAME - "-20261120-120000-abc1234".length;
const SHORT = 7;

const FAMILY = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/;
const COMMIT = /^[0-9a-f]{7,12}$/;
const FORM = /^(.+)-(\d{8})-(\d{6})-([^-]+)$/;

export type Named<T> = { problem: string } | { problem?: never; value: T };

/** What is wrong with a family whose images are to be named so; undefined when nothing is. */
export function familyProblem(family: string): string | undefined {
  if (!FAMILY.test(family))
    return `"${family}" cannot be a family: lower-case letters, digits and dashes, a letter first and no dash last`;
  if (family.length > MOST_FAMILY)
    return `family "${family}" has ${family.length} characters and may have ${MOST_FAMILY}: an image's name ends at ${MOST_NAME}, and time and commit take the rest`;
  return undefined;
}

/** A commit as git says it, cut to what a name holds; undefined when it is none. */
export function shortCommit(sha: string): string | undefined {
  const text = sha.toLowerCase();
  return /^[0-9a-f]{7,64}$/.test(text) ? text.slice(0, SHORT) : undefined;
}

export function formatImageName({ family, time, commit }: ImageName): Named<string> {
  const problem = familyProblem(family);
  if (problem !== undefined) return { problem };
  if (!COMMIT.test(commit))
    return { problem: `"${commit}" cannot be a commit in a name: 7 to 12 hex digits in lower case` };
  if (!(time >= 0 && time < Date.UTC(10_000, 0)))
    return { problem: `the time must be between the years 1970 and 9999, not ${time} ms` };
  const [day = "", clock = ""] = new Date(time).toISOString().slice(0, 19).replaceAll(/[-:]/g, "").split("T");
  const value = `${family}-${day}-${clock}-${commit}`;
  if (value.length > MOST_NAME)
    return { problem: `${value} has ${value.length} characters and may have ${MOST_NAME}: shorten the family` };
  return { value };
}

export function parseImageName(text: string): Named<ImageName> {
  const [, family = "", day = "", clock = "", commit = ""] = FORM.exec(text) ?? [];
  if (family === "") return { problem: "it is not <family>-<yyyymmdd>-<hhmmss>-<git short>" };
  if (text.length > MOST_NAME) return { problem: `it has ${text.length} characters and may have ${MOST_NAME}` };
  const problem = familyProblem(family);
  if (problem !== undefined) return { problem };
  if (!COMMIT.test(commit)) return { problem: `"${commit}" is no short commit: 7 to 12 hex digits in lower case` };
  const at = /^(\d{4})(\d\d)(\d\d)$/.exec(day);
  const iso = `${at?.[1]}-${at?.[2]}-${at?.[3]}T${clock.slice(0, 2)}:${clock.slice(2, 4)}:${clock.slice(4)}.000Z`;
  const time = Date.parse(iso);
  // The 31st of February is read as a day in March.
  if (Number.isNaN(time) || time < 0 || new Date(time).toISOString() !== iso)
    return { problem: `there is no instant ${day}-${clock}` };
  return { value: { family, time, commit } };
}

/** By family, then the older first; of one second, by commit. */
export function compareImageNames(a: ImageName, b: ImageName): number {
  return order(a.family, b.family) || a.time - b.time || order(a.commit, b.commit);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
