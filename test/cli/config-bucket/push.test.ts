import { cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { NAMES } from "../../../cli/config/objects.ts";
import { configFolder, freshFolder, json, manifest, text } from "../config/folders.ts";
import { type } from "../screen.ts";
import { BUCKET, cloudOfFile, committed, refOf } from "./cloud.ts";

vi.setConfig({ testTimeout: 60_000 });
const cloud = cloudOfFile();
const { calls, on } = cloud;

async function pushed(folder: string, ref: string, ...flags: string[]) {
  const { code, out, err } = await on(folder, "push", ref, "--json", ...flags);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out)[0];
}

const twelve = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`files/f${i}`, `file ${i}\n`]));
const names = Array.from({ length: 12 }, (_, i) => `f${i}`);

/** A second person's folder, which begins where the first one's is. */
function copyOf(folder: string): string {
  const copy = join(freshFolder(), "conf");
  cpSync(folder, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

describe("moult config push", () => {
  it("writes everything once, and later only what changed, the ref last", async () => {
    const folder = await configFolder({ "manifest.yaml": manifest(...names), ...twelve });
    const first = await committed(cloud, folder, "web/calls", {});
    calls.length = 0;
    expect(await pushed(folder, "web/calls")).toMatchObject({ from: null, to: first, outcome: "moved", objects: 14 });
    expect(calls.filter((id) => id === "storage.objects.insert")).toHaveLength(12 + 3);
    expect(calls.filter((id) => id.endsWith(".list"))).toEqual([]);
    const second = await committed(cloud, folder, "web/calls", { "files/f3": "changed\n" });
    calls.length = 0;
    expect(await pushed(folder, "web/calls")).toMatchObject({ from: first, to: second, commits: [second], objects: 3 });
    // The ref as it is, the blob, the commit, the pack, a look for signatures, the ref.
    expect(calls).toHaveLength(6);
    expect(await refOf(cloud.bucket(), "web/calls")).toMatchObject({
      commit: second,
      by: "ada@example.com",
      previous: [{ commit: first }],
    });
    calls.length = 0;
    expect(await pushed(folder, "web/calls")).toMatchObject({ outcome: "standing", objects: 0 });
    expect(calls.filter((id) => id === "storage.objects.insert")).toEqual([]);
  });

  it("costs one call for each blob that the bucket has already from another ref, and each is written again", async () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`files/m${i}`, `many ${i}\n`]));
    const folder = await configFolder({ "manifest.yaml": manifest("m0"), ...many });
    await committed(cloud, folder, "many/one", {});
    await pushed(folder, "many/one");
    const before = new Map((await cloud.bucket().list("blobs/")).map(({ name, generation }) => [name, generation]));
    await committed(cloud, folder, "many/two", {});
    calls.length = 0;
    expect(await pushed(folder, "many/two")).toMatchObject({ outcome: "moved", objects: 62 });
    // At most 24 find out by themselves at the same time; then one list tells all the others.
    expect(calls.length).toBeLessThan(60 + 24 + 12);
    expect(calls.filter((id) => id.endsWith(".list"))).toHaveLength(1);
    const ours = await json<{ files: { path: string; digest: string }[] }>(folder, "ls", "many/two");
    const after = new Map((await cloud.bucket().list("blobs/")).map(({ name, generation }) => [name, generation]));
    for (const { path, digest } of ours.files.filter((each) => each.path.startsWith("files/m")))
      expect(after.get(NAMES.blob(digest)), path).not.toBe(before.get(NAMES.blob(digest)));
  });

  it("is followed by a fetch that leaves alone what a collection here removed, and brings what is new", async () => {
    const ada = await configFolder({ "manifest.yaml": manifest("a"), "files/a": "0\n" });
    const all = [];
    for (const n of [1, 2, 3]) all.push(await committed(cloud, ada, "web/old", { "files/a": `${n}\n` }));
    await pushed(ada, "web/old");
    const bob = copyOf(ada);
    const older = join(ada, ".moult", "store", NAMES.commit(all[0] ?? ""));
    rmSync(older);
    const before = await cloud.on(ada, "fetch", "web/old", "--json");
    expect(JSON.parse(before.out)[0]).toMatchObject({ commits: 0, mine: "same" });
    await committed(cloud, bob, "web/old", { "files/a": "4\n" });
    await pushed(bob, "web/old");
    const after = await cloud.on(ada, "fetch", "web/old", "--json");
    expect(JSON.parse(after.out)[0]).toMatchObject({ commits: 1, mine: "behind" });
    expect(existsSync(older)).toBe(false);
    // And whoever has nothing gets everything.
    const fresh = await configFolder();
    expect((await cloud.on(fresh, "fetch", "web/old")).out).toContain("4 new commits");
  });

  it("says that there is no such bucket, and how to make one", async () => {
    const folder = await configFolder();
    await committed(cloud, folder, "web/nowhere", {});
    const { code, err } = await on(folder, "push", "--bucket", "acme-prod-nowhere");
    expect(code).toBe(4);
    expect(err).toContain("there is no bucket gs://acme-prod-nowhere");
    expect(err).toContain("gcloud storage buckets create gs://acme-prod-nowhere");
  });

  it("is refused when somebody moved the ref, and says who, what and what to do; nothing of theirs is lost", async () => {
    const ada = await configFolder({ "manifest.yaml": manifest("a"), "files/a": "1\n" });
    const base = await committed(cloud, ada, "web/two", {});
    await pushed(ada, "web/two");
    const bob = copyOf(ada);
    const theirs = await committed(cloud, bob, "web/two", { "files/a": "bob\n" });
    await pushed(bob, "web/two");
    const ours = await committed(cloud, ada, "web/two", { "files/a": "ada\n" });
    const refused = await on(ada, "push", "web/two");
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("web/two in gs://acme-prod-moult-config has 1 commit that yours does not have");
    expect(refused.err).toContain(`ada@example.com moved it to ${theirs.slice(0, 12)} at 20`);
    expect(refused.err).toContain(`${theirs.slice(0, 12)}  a change (ana)`);
    expect(refused.err).toContain("moult config fetch web/two --move");
    expect((await refOf(cloud.bucket(), "web/two")).commit).toBe(theirs);
    // What it says to do works: their commit becomes the parent of the next one, and the files stay as they are.
    const fetched = await on(ada, "fetch", "web/two");
    expect(fetched.out).toContain("each has commits that the other does not have");
    expect((await on(ada, "fetch", "web/two", "--move")).out).toContain("ours stands there now");
    expect(text(ada, "files/a")).toBe("ada\n");
    const merged = await committed(cloud, ada, "web/two", {});
    expect(await pushed(ada, "web/two")).toMatchObject({ from: theirs, to: merged, commits: [merged] });
    expect((await refOf(cloud.bucket(), "web/two")).previous.map(({ commit }) => commit)).toEqual([theirs, base]);
    expect((await on(ada, "cat", ours, "a")).out).toBe("ada\n");
  });

  it("with --force says what the ref holds no more, and keeps it where rollback finds it", async () => {
    const ada = await configFolder({ "manifest.yaml": manifest("a"), "files/a": "1\n" });
    const base = await committed(cloud, ada, "web/force", {});
    await pushed(ada, "web/force");
    const bob = copyOf(ada);
    const theirs = await committed(cloud, bob, "web/force", { "files/a": "bob\n" });
    await pushed(bob, "web/force");
    const ours = await committed(cloud, ada, "web/force", { "files/a": "ada\n" });
    const { code, out } = await on(ada, "push", "web/force", "--force");
    expect(code).toBe(0);
    expect(out).toContain("the ref holds no more");
    expect(out).toContain(theirs.slice(0, 12));
    const { commit, previous } = await refOf(cloud.bucket(), "web/force");
    expect([commit, ...previous.map((place) => place.commit)]).toEqual([ours, theirs, base]);
    expect((await on(ada, "cat", theirs, "a", "--bucket", BUCKET)).out).toBe("bob\n");
  });

  it("of the same commit by two people at once is well for both", async () => {
    const ada = await configFolder({ "manifest.yaml": manifest(...names), ...twelve });
    const same = await committed(cloud, ada, "web/same", {});
    const bob = copyOf(ada);
    const both = await Promise.all([pushed(ada, "web/same"), pushed(bob, "web/same")]);
    for (const each of both) expect(each).toMatchObject({ to: same });
    expect((await refOf(cloud.bucket(), "web/same")).previous).toEqual([]);
  });

  it("of different commits by two people at once: one is told, nothing is lost", async () => {
    const ada = await configFolder({ "manifest.yaml": manifest("a"), "files/a": "1\n" });
    await committed(cloud, ada, "web/race", {});
    await pushed(ada, "web/race");
    const bob = copyOf(ada);
    const commits = [
      await committed(cloud, ada, "web/race", { "files/a": "ada\n" }),
      await committed(cloud, bob, "web/race", { "files/a": "bob\n" }),
    ];
    const ends = await Promise.all([on(ada, "push", "web/race"), on(bob, "push", "web/race")]);
    expect(ends.map(({ code }) => code).sort()).toEqual([0, 1]);
    const winner = commits[ends.findIndex(({ code }) => code === 0)];
    expect((await refOf(cloud.bucket(), "web/race")).commit).toBe(winner);
    expect(ends.find(({ code }) => code === 1)?.err).toContain("that yours does not have");
  });

  it("brings signatures that were added later, and the pack with them, without moving the ref", async () => {
    const folder = await configFolder({ "manifest.yaml": manifest("a"), "files/a": "1\n" });
    const made = await committed(cloud, folder, "web/signed", {});
    await pushed(folder, "web/signed");
    const keys = join(freshFolder(), "new");
    expect((await type(["config", "keygen", keys])).code).toBe(0);
    await json(folder, "sign", "web/signed", "--key", `${keys}.pem`);
    expect(await pushed(folder, "web/signed")).toMatchObject({ outcome: "mended", to: made });
    const pack = await cloud.bucket().read(NAMES.pack(made));
    expect(Object.keys(JSON.parse(pack?.bytes.toString() ?? "{}").signatures ?? {})).toHaveLength(1);
    expect(await pushed(folder, "web/signed")).toMatchObject({ outcome: "standing" });
  });

  it("knows which ref is meant, and says so where it does not", async () => {
    const folder = await configFolder({ "manifest.yaml": manifest() });
    expect(await on(folder, "push")).toMatchObject({ code: 4, err: expect.stringContaining("has no commit yet") });
    await committed(cloud, folder, "web/known", {});
    expect(await on(folder, "push", "web/knwon")).toMatchObject({
      code: 4,
      err: expect.stringContaining("Did you mean web/known?"),
    });
    expect(await on(folder, "push", "web/known", "--all")).toMatchObject({ code: 2 });
    expect((await on(folder, "push")).out).toMatch(/refs\/web\/known is new, at /);
    expect(await on(folder, "push", "--bucket", "no-such-bucket")).toMatchObject({ code: 4 });
  });
});
