import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { refText } from "../../../cli/config/ref.ts";
import { readRef } from "../../../functions/controller/refs.ts";
import { Failure } from "../../../functions/google/failure.ts";
import { fakeCloud } from "./fakes.ts";

const commit = createHash("sha256").update("a commit").digest("hex");
const other = createHash("sha256").update("another").digest("hex");
const moved = "2026-11-20T12:00:00.000Z";
const good = refText({ by: "ada", commit, moved, previous: [{ by: "grace", commit: other, moved }] });

async function placed(ref: string | undefined, packs: string[] = [commit]) {
  const cloud = fakeCloud();
  if (ref !== undefined) await cloud.config.write("refs/web/prod.json", ref, "0");
  for (const pack of packs) await cloud.config.write(`packs/${pack}.json`, "{}", "0");
  return cloud;
}

describe("the commit a ref names", () => {
  it("is taken from what the command line writes, when its pack is there", async () => {
    expect(await readRef(await placed(good), "web/prod")).toBe(commit);
  });

  it("is found by asking for the pack's name: the pack itself, of up to 16 MiB, is not read", async () => {
    const cloud = await placed(good);
    await readRef(cloud, "web/prod");
    expect([...cloud.config.reads.keys()]).toEqual(["refs/web/prod.json"]);
  });

  it.each<[string, string | undefined, string[], RegExp]>([
    ["a ref that is gone", undefined, [commit], /refs\/web\/prod\.json\) does not exist; the fleet stays as it is/],
    [
      "a pack that is not there yet",
      good,
      [],
      /names a commit that no machine could fetch: .*packs\/[0-9a-f]{64}\.json\)/,
    ],
    ["a pack whose name only begins so", good, [`${commit}.json.old`], /no machine could fetch/],
    ["a ref without a check", JSON.stringify({ commit }), [commit], /does not match its own check/],
    ["a flipped bit in the author", good.replace("ada", "adb"), [commit], /does not match its own check/],
    ["another commit under the same check", good.replace(commit, other), [other], /does not match its own check/],
    ["a check of something else", good.replace(/"check":"./, '"check":"!'), [commit], /does not match its own check/],
    ["a commit that is too short", JSON.stringify({ commit: commit.slice(1) }), [commit], /64 hex digits/],
    ["a commit in capitals", JSON.stringify({ commit: commit.toUpperCase() }), [commit], /64 hex digits/],
    ["a commit that is no text", JSON.stringify({ commit: 7 }), [commit], /64 hex digits/],
    ["a ref cut short", good.slice(0, -1), [commit], /is not JSON/],
    ["a ref that is a list", "[]", [commit], /is not a JSON object/],
  ])("is not taken from %s", async (_, ref, packs, text) => {
    expect(await readRef(await placed(ref, packs), "web/prod")).toEqual({
      problem: "missing",
      text: expect.stringMatching(text),
    });
  });

  it("is not taken where the bucket may not be listed, and the sentence names the right", async () => {
    const cloud = await placed(good);
    cloud.config.names = () => Promise.reject(new Failure("denied", 403, "list", "storage.objects.list denied"));
    expect(await readRef(cloud, "web/prod")).toMatchObject({
      problem: "denied",
      text: expect.stringMatching(/storage\.objects\.list denied; grant the functions the right to list/),
    });
  });

  it("is asked for again when Storage is only away", async () => {
    const cloud = await placed(good);
    cloud.config.names = () => Promise.reject(new Failure("unavailable", 503, "list", "try later"));
    await expect(readRef(cloud, "web/prod")).rejects.toMatchObject({ kind: "unavailable" });
  });
});
