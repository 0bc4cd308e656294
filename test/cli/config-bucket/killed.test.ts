import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { openPack, sha256 } from "../../../agent/plan/pack.ts";
import { readCommit } from "../../../cli/config/commit.ts";
import { NAMES } from "../../../cli/config/objects.ts";
import { configFolder, freshFolder, manifest } from "../config/folders.ts";
import { start } from "../program.ts";
import { BUCKET, cloudOfFile, committed, refOf } from "./cloud.ts";

vi.setConfig({ testTimeout: 240_000 });
const cloud = cloudOfFile();

/** What anybody who reads the ref needs. */
async function requireWhole(ref: string): Promise<string> {
  const { commit: digest } = await refOf(cloud.bucket(), ref);
  const read = async (name: string) => {
    const found = await cloud.bucket().read(name);
    if (!found) throw new Error(`${name} is not there`);
    return found.bytes;
  };
  const { tree } = readCommit(digest, digest, await read(NAMES.commit(digest)));
  for (const blob of Object.values(tree)) expect(sha256(await read(NAMES.blob(blob)))).toBe(blob);
  openPack(await read(NAMES.pack(digest)), digest);
  return digest;
}

/** A folder whose ref was pushed once and has a second commit since; copies of it have the same two commits. */
async function twoCommits(ref: string) {
  const folder = await configFolder({ "manifest.yaml": manifest("a", "b"), "files/a": "1\n", "files/b": "1\n" });
  const first = await committed(cloud, folder, ref, {});
  expect((await cloud.on(folder, "push", ref)).code).toBe(0);
  const second = await committed(cloud, folder, ref, { "files/a": `${ref}\n`, "files/b": `${ref} too\n` });
  const copy = join(freshFolder(), "conf");
  cpSync(folder, copy, { recursive: true, preserveTimestamps: true });
  return { copy, first, second };
}

describe("a push", () => {
  it("killed at any request leaves the ref where it was or where it should be, whole, and the next one finishes", async () => {
    let killed = 0;
    const ends = new Set<string>();
    for (let at = 1; ; at++) {
      const ref = `killed/at${at}`;
      const { copy, first, second } = await twoCommits(ref);
      const program = start(["config", "push", ref, "--folder", copy, "--bucket", BUCKET], cloud.env());
      let count = 0;
      cloud.onCall(() => {
        if (++count === at) program.child.kill("SIGKILL");
      });
      const { signal, code } = await program.ended;
      cloud.onCall(() => {});
      const stands = await requireWhole(ref);
      expect([first, second]).toContain(stands);
      ends.add(stands === second ? "second" : "first");
      if (signal === "SIGKILL") killed++;
      expect((await cloud.on(copy, "push", ref)).code).toBe(0);
      expect(await requireWhole(ref)).toBe(second);
      if (count < at) {
        expect(code).toBe(0);
        break;
      }
    }
    expect(killed).toBeGreaterThanOrEqual(6);
    expect(ends).toEqual(new Set(["first", "second"]));
  });

  it.each([
    {
      what: "is refused",
      fails: { fail: { status: 403, reason: "forbidden", message: "No." } },
      when: "before",
      codes: [3],
    },
    {
      what: "is done and its answer lost",
      fails: { fail: { status: 503, reason: "backendError" } },
      when: "after",
      codes: [0],
    },
    { what: "is done and the connection breaks", fails: { reset: true }, when: "after", codes: [0] },
  ])("whose any call $what leaves nothing half", async ({ fails, when, codes, what }) => {
    const seen = new Set<number>();
    for (let at = 1; at <= 7; at++) {
      const ref = `failed/${what.replaceAll(" ", "-")}${at}`;
      const { copy, first, second } = await twoCommits(ref);
      const lift = await cloud.fault({ match: { method: "storage.objects.*" }, do: fails, when, every: at, times: 1 });
      const { code, err } = await cloud.on(copy, "push", ref);
      await lift();
      expect(codes, err).toContain(code);
      seen.add(code);
      const stands = await requireWhole(ref);
      expect(stands).toBe(code === 0 ? second : first);
      expect((await cloud.on(copy, "push", ref)).code).toBe(0);
      expect(await requireWhole(ref)).toBe(second);
    }
    expect([...seen].sort()).toEqual(codes);
  });
});
