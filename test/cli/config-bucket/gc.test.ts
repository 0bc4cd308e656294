import { describe, expect, it } from "vitest";
import { planGc, type Roots, removeGarbage } from "../../../cli/config/gc.ts";
import { NAMES } from "../../../cli/config/objects.ts";
import { push } from "../../../cli/config/push.ts";
import { Upload } from "../../../cli/config/upload.ts";
import { Failure } from "../../../functions/google/failure.ts";
import { Bucket, commit, folder, HOUR } from "./world.ts";

const DAY = 24 * HOUR;

/** Refs that moved once a day, the last one today; each commit has a file of its own and one they share. */
async function daysOf(count: number, force = false) {
  const bucket = new Bucket();
  const ada = folder(bucket);
  const made: string[] = [];
  for (let day = 0; day < count; day++) {
    const time = new Date(bucket.now).toISOString();
    const source = force ? folder(bucket) : ada;
    made.push(await commit(source, "web", { shared: "shared", own: `day ${day}` }, "", time));
    const upload = new Upload(
      source,
      bucket,
      () => bucket.now,
      () => {},
    );
    await push(source, bucket, upload, "web", made.at(-1) ?? "", { force, by: "ada", now: () => bucket.now });
    if (day < count - 1) bucket.now += DAY;
  }
  return { bucket, made };
}

async function collected(bucket: Bucket, rules: { keep: number; days: number }, roots: Partial<Roots> = {}) {
  const readRoots = async () => ({ needs: [], unread: [], ...roots });
  const plan = await planGc(bucket, readRoots, { keep: rules.keep, olderMs: rules.days * DAY, now: bucket.now });
  await removeGarbage(bucket, plan.remove, () => {});
  return plan;
}

const hasWhole = (bucket: Bucket, digest: string) => {
  try {
    bucket.requireWhole(digest, digest);
    return true;
  } catch {
    return false;
  }
};

describe("a collection", () => {
  it.each([
    { what: "the newest and its past by number, beyond the 50 former places", keep: 55, days: 0, stays: 55 },
    { what: "the 50 former places, whatever the number", keep: 1, days: 0, stays: 51 },
    { what: "what is younger than the given days", keep: 1, days: 55, stays: 55 },
  ])("keeps $what", async ({ keep, days, stays }) => {
    const { bucket, made } = await daysOf(60);
    const plan = await collected(bucket, { keep, days });
    expect(made.map((digest) => hasWhole(bucket, digest))).toEqual(made.map((_, i) => i >= made.length - stays));
    expect(plan.kept).toHaveLength(stays);
    // A commit, a blob and a pack of each; what they share stays.
    expect(plan.remove).toHaveLength((60 - stays) * 3);
    expect(bucket.ref("web")?.commit).toBe(made.at(-1));
    expect((await collected(bucket, { keep, days })).remove).toEqual([]);
  });

  it("keeps what a release needs that no ref knows any more, and says what needs it", async () => {
    const { bucket, made } = await daysOf(60, true);
    const [oldest = "", second = ""] = made;
    const by = "the stable release 3f2a5c1d9e0b of fleet web";
    const plan = await collected(bucket, { keep: 1, days: 0 }, { needs: [{ commit: oldest, by }] });
    expect([hasWhole(bucket, oldest), hasWhole(bucket, second)]).toEqual([true, false]);
    expect(plan.kept.find((kept) => kept.commit === oldest)?.by).toEqual([by]);
    expect(plan.remove.find(({ name }) => name === NAMES.commit(second))?.why).toMatch(/^no ref stands or stood there/);
  });

  it("keeps what the pack alone still says, and tells what was gone before", async () => {
    const { bucket, made } = await daysOf(60, true);
    const [oldest = "", second = ""] = made;
    bucket.held.delete(NAMES.commit(oldest));
    bucket.held.delete(NAMES.commit(second));
    bucket.held.delete(NAMES.pack(second));
    const needs = [oldest, second].map((digest) => ({ commit: digest, by: "a machine" }));
    const plan = await collected(bucket, { keep: 1, days: 0 }, { needs });
    expect(plan.lost).toEqual([`commit ${second}: a machine`]);
    expect(bucket.held.has(NAMES.pack(oldest))).toBe(true);
    expect(plan.remove.length).toBeGreaterThan(0);
  });

  it.each([
    { what: "a fleet that cannot be read", break: () => {}, unread: ["the record of web"] },
    { what: "a damaged ref", break: (bucket: Bucket) => damage(bucket, NAMES.ref("web")), unread: [] },
    { what: "a commit that a ref stands at and that is gone", break: loseTip, unread: [] },
    { what: "a damaged commit in the past of a ref", break: damagePast, unread: [] },
  ])("takes nothing at all after $what", async ({ break: wreck, unread }) => {
    const { bucket } = await daysOf(60, true);
    wreck(bucket);
    const names = [...bucket.held.keys()];
    const plan = await collected(bucket, { keep: 5, days: 0 }, { unread });
    expect(plan.unread.length).toBeGreaterThan(0);
    expect(plan.remove).toEqual([]);
    expect([...bucket.held.keys()]).toEqual(names);
  });

  it("stopped at any delete and run again comes to the same end", async () => {
    const whole = await daysOf(56);
    const count = (await collected(whole.bucket, { keep: 1, days: 0 })).remove.length;
    const end = [...whole.bucket.held.keys()].sort();
    for (let at = 0; at < count; at += 2) {
      const { bucket } = await daysOf(56);
      let deletes = 0;
      const dying = {
        place: bucket.place,
        read: bucket.read.bind(bucket),
        list: bucket.list.bind(bucket),
        write: bucket.write.bind(bucket),
        delete: async (name: string, generation: string) => {
          if (deletes++ >= at) throw new Failure("unavailable", 0, "delete", "the process is gone");
          await bucket.delete(name, generation);
        },
      };
      const rules = { keep: 1, olderMs: 0, now: bucket.now };
      const plan = await planGc(dying, async () => ({ needs: [], unread: [] }), rules);
      await expect(removeGarbage(dying, plan.remove, () => {})).rejects.toThrow("the process is gone");
      expect(bucket.held.size).toBe(end.length + count - at);
      await collected(bucket, { keep: 1, days: 0 });
      expect([...bucket.held.keys()].sort()).toEqual(end);
    }
  });

  it("leaves alone what is not an object of a store, and says so", async () => {
    const { bucket } = await daysOf(1);
    await bucket.write("notes.txt", Buffer.from("mine"), "0");
    await bucket.write("blobs/README", Buffer.from("mine"), "0");
    bucket.now += 400 * DAY;
    const plan = await collected(bucket, { keep: 1, days: 0 });
    expect(plan.foreign).toEqual(["blobs/README", "notes.txt"]);
    expect(bucket.held.has("notes.txt")).toBe(true);
  });
});

function damage(bucket: Bucket, name: string): void {
  const bytes = bucket.bytes(name);
  bytes[9] = (bytes[9] ?? 0) ^ 4;
}

function loseTip(bucket: Bucket): void {
  const tip = bucket.ref("web")?.commit ?? "";
  bucket.held.delete(NAMES.commit(tip));
  bucket.held.delete(NAMES.pack(tip));
}

function damagePast(bucket: Bucket): void {
  damage(bucket, NAMES.commit(bucket.ref("web")?.previous[2]?.commit ?? ""));
}
