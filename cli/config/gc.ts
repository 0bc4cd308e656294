import { formatDuration } from "../../functions/core/instants.ts";
import { isConflict, writeAnew } from "./anew.ts";
import { type GcRules, isYoung, Needed } from "./needed.ts";
import type { ListedObject, Objects } from "./objects.ts";
import { eachTogether } from "./together.ts";

export type { GcRules } from "./needed.ts";

/** What needs a commit: as people read it. */
export interface Root {
  commit: string;
  by: string;
}

export interface Roots {
  needs: Root[];
  /** What could not be read. It may need anything, so everything is kept. */
  unread: string[];
}

export interface GcPlan {
  kept: { commit: string; by: string[] }[];
  young: ListedObject[];
  remove: (ListedObject & { why: string })[];
  unread: string[];
  /** Something names them, and they were not there before either. */
  lost: string[];
  /** Objects that are none of a store's: never touched. */
  foreign: string[];
}

/** The kinds of objects that a collection may take, and what each is named by. */
const COLLECTED = /^(?:(blobs)\/([0-9a-f]{64})|(commits|signatures|packs)\/([0-9a-f]{64})\.json)$/;
const OTHERS = /^(refs\/.+\.json|installations\/.+|gc\.json)$/;
const BEGUN = "gc.json";

/**
 * Lists first and then reads what is needed: an object that comes to be needed meanwhile is either named by what is read, or
 * was written again since the list, and a delete names the generation in the list.
 */
export async function planGc(objects: Objects, readRoots: () => Promise<Roots>, rules: GcRules): Promise<GcPlan> {
  const all = await objects.list("");
  const listed = all.filter(({ name }) => COLLECTED.test(name));
  const needed = new Needed(objects, new Map(listed.map((each) => [each.name, each])), rules);
  await needed.addRefs();
  const { needs, unread } = await readRoots();
  for (const { commit, by } of needs) await needed.add(commit, by);
  await needed.addYoung();
  needed.unread.push(...unread);
  const plan: GcPlan = {
    kept: [...needed.commits].map(([commit, by]) => ({ commit, by: [...by] })),
    young: [],
    remove: [],
    unread: needed.unread,
    lost: needed.lost,
    foreign: all.map(({ name }) => name).filter((name) => !COLLECTED.test(name) && !OTHERS.test(name)),
  };
  for (const object of listed) {
    if (needed.names.has(object.name)) continue;
    if (isYoung(object, rules)) plan.young.push(object);
    else if (plan.unread.length === 0) plan.remove.push({ ...object, why: whyNot(object.name, rules) });
  }
  return plan;
}

/** Packs and commits before blobs, so that nothing that is left half-way names what is gone. Each only as it was seen. */
export async function removeGarbage(
  objects: Objects,
  remove: readonly ListedObject[],
  removed: (object: ListedObject) => void,
): Promise<ListedObject[]> {
  const stayed: ListedObject[] = [];
  const isBlob = ({ name }: ListedObject) => name.startsWith("blobs/");
  for (const part of [remove.filter((each) => !isBlob(each)), remove.filter(isBlob)])
    await eachTogether(part, async (object) => {
      try {
        await objects.delete(object.name, object.generation);
        removed(object);
      } catch (problem) {
        if (!isConflict(problem)) throw problem;
        stayed.push(object);
      }
    });
  return stayed;
}

/** When the store's own clock says it is: the time of an object that is written for this, and says who collected last. */
export async function storeTime(objects: Objects, by: string): Promise<number> {
  await writeAnew(objects, BEGUN, Buffer.from(JSON.stringify({ by })));
  const [written] = (await objects.list(BEGUN)).filter(({ name }) => name === BEGUN);
  const time = Date.parse(written?.created ?? "");
  if (Number.isNaN(time)) throw new Error(`${objects.place} does not say when ${BEGUN} was written`);
  return time;
}

function whyNot(name: string, { keep, olderMs }: GcRules): string {
  if (name.startsWith("blobs/")) return "no commit that stays names it";
  if (!name.startsWith("commits/")) return "its commit does not stay";
  return `no ref stands or stood there, it is not among the newest ${keep} of a ref nor followed by commits younger than ${formatDuration(olderMs)} only, and no release, template or machine names it`;
}
