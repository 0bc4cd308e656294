import type { ImageHold } from "../core/images/holds.ts";
import { type FamilyPolicy, readFamilyPolicy } from "../core/images/policy.ts";
import type { Bucket } from "../google/bucket.ts";
import { isFailure } from "../google/failure.ts";
import { isObject } from "./problems.ts";

export interface FamilyName {
  project: string;
  family: string;
}

/** Names of objects in the state bucket: docs/contracts.md. */
export const familyPaths = {
  families: "families/",
  policy: ({ project, family }: FamilyName) => `families/${project}/${family}/policy.json`,
  holds: ({ project, family }: FamilyName) => `families/${project}/${family}/holds.json`,
};

export interface Families {
  policies: FamilyPolicy[];
  /** By project. An image's family can be changed, so a hold counts for all families of the project. */
  holds: Map<string, ImageHold[]>;
  /** Families that cannot be rotated because what is stored of them cannot be read, and why. */
  broken: (FamilyName & { why: string })[];
}

/** Objects read at a time. */
const TOGETHER = 20;
const OBJECT = /^families\/([^/]+)\/([^/]+)\/(policy|holds)\.json$/;

/** The policies and holds of every family, with one listing and one read for each object there is. */
export async function loadFamilies(state: Bucket): Promise<Families> {
  const found: Families = { policies: [], holds: new Map(), broken: [] };
  const objects = (await state.names(familyPaths.families)).flatMap((name) => {
    const [, project, family, what] = OBJECT.exec(name) ?? [];
    return project !== undefined && family !== undefined ? [{ project, family, what }] : [];
  });
  for (let i = 0; i < objects.length; i += TOGETHER)
    await Promise.all(objects.slice(i, i + TOGETHER).map((object) => loadOne(state, object, found)));
  found.policies.sort((a, b) => order(nameOf(a), nameOf(b)));
  return found;
}

async function loadOne(state: Bucket, name: FamilyName & { what: string | undefined }, found: Families): Promise<void> {
  const { project, family } = name;
  try {
    if (name.what === "holds") {
      const { holds } = await loadHolds(state, name);
      found.holds.set(project, [...(found.holds.get(project) ?? []), ...holds]);
      return;
    }
    const policy = await loadPolicy(state, name);
    if (policy) found.policies.push(policy);
  } catch (problem) {
    if (isFailure(problem, "unavailable")) throw problem;
    const why = `what is stored of family ${family} of ${project} cannot be read: ${(problem as Error).message}`;
    found.broken.push({ project, family, why });
  }
}

/** Throws when what is there is no policy of this family. */
export async function loadPolicy(state: Bucket, name: FamilyName): Promise<FamilyPolicy | undefined> {
  const stored = await state.read(familyPaths.policy(name));
  if (!stored) return undefined;
  const read = readFamilyPolicy(memberOf(stored.text, "policy"));
  if ("findings" in read) throw new Error(read.findings.map(({ message }) => message).join("; "));
  const { policy } = read;
  if (policy.project !== name.project || policy.family !== name.family)
    throw new Error(`it is the policy of family ${policy.family} of ${policy.project}`);
  return policy;
}

/**
 * Makes a family file the family's policy; false when it was that already. Kept as it was written, and judged again whenever it
 * is read.
 */
export async function savePolicy(state: Bucket, name: FamilyName, document: unknown): Promise<boolean> {
  const path = familyPaths.policy(name);
  const stored = await state.read(path);
  const text = JSON.stringify({ schema: 1, policy: document }, null, 1);
  if (stored?.text === text) return false;
  await state.write(path, text, stored?.generation ?? "0");
  return true;
}

export async function loadHolds(state: Bucket, name: FamilyName): Promise<{ holds: ImageHold[]; generation: string }> {
  const stored = await state.read(familyPaths.holds(name));
  if (!stored) return { holds: [], generation: "0" };
  const holds = memberOf(stored.text, "holds");
  if (!Array.isArray(holds) || !holds.every(isHold)) throw new Error("it is not a list of holds");
  return { holds, generation: stored.generation };
}

export async function saveHolds(
  state: Bucket,
  name: FamilyName,
  holds: readonly ImageHold[],
  generation: string,
): Promise<void> {
  await state.write(familyPaths.holds(name), JSON.stringify({ schema: 1, holds }, null, 1), generation);
}

function memberOf(text: string, name: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!isObject(value) || value.schema !== 1) throw new Error("another version of moult wrote it");
  return value[name];
}

function isHold(value: unknown): value is ImageHold {
  if (!isObject(value) || !isObject(value.image)) return false;
  const texts = [value.image.id, value.image.name, value.reason, value.by, value.at, value.until ?? ""];
  return texts.every((text) => typeof text === "string");
}

export function nameOf({ project, family }: FamilyName): string {
  return `${project}/${family}`;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
