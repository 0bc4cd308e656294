import { describe, expect, it } from "vitest";
import { adoptImage } from "../../../cli/images/adopt.ts";
import { discardIfSame } from "../../../cli/images/discard.ts";
import type { Compute } from "../../../functions/google/compute.ts";
import { PROJECT } from "../../functions/google/emulated.ts";
import { useBaker } from "./baker.ts";
import { makeRoot } from "./roots.ts";

const { world, bucket, moult, json, made } = useBaker();

describe("moult image discard-if-same", () => {
  const APP = ["--label", "application=aaaa"];
  const head = async (family: string) => (await world().compute.head(family))?.name;

  it("deletes an image that is the head over again, with its list; the head has not moved", async () => {
    await made("same-20261119-120000-abc1234", { a: "1" }, "--family", "same", ...APP);
    await made("same-20261120-120000-abc1234", { a: "1" }, "--no-family", ...APP);
    expect(await json("discard-if-same", "same-20261120-120000-abc1234", "--adopt")).toEqual({
      image: "same-20261120-120000-abc1234",
      family: "same",
      than: "same-20261119-120000-abc1234",
      discarded: true,
      reasons: [],
      adopted: false,
    });
    expect(await world().compute.image("same-20261120-120000-abc1234")).toBeUndefined();
    expect(await bucket().list("contents/same-20261120-120000-abc1234/")).toEqual([]);
    expect(await head("same")).toBe("same-20261119-120000-abc1234");
    // As when the answer of the first call was lost.
    const again = await moult("discard-if-same", "same-20261120-120000-abc1234");
    expect(again.code).toBe(4);
    expect(again.err).toContain("it may have discarded it then");
  });

  it("keeps one with another package, and lets it become the head", async () => {
    await made("same-20261121-120000-abc1234", { a: "2", b: "1" }, "--no-family", ...APP);
    const { code, out } = await moult("discard-if-same", "same-20261121-120000-abc1234", "--adopt");
    expect(code).toBe(0);
    expect(out).toBe(
      "image same-20261121-120000-abc1234 is kept: it is not same-20261119-120000-abc1234\n  packages: 1 added, 1 upgraded\nit is in family same, and its head\n",
    );
    expect(await head("same")).toBe("same-20261121-120000-abc1234");
  });

  it("touches nothing that is in a family: fleets have heard of it", async () => {
    const { code, err } = await moult(
      "discard-if-same",
      "same-20261121-120000-abc1234",
      "--than",
      "same-20261119-120000-abc1234",
    );
    expect(code).toBe(1);
    expect(err).toContain("is in family same already");
    expect((await world().compute.image("same-20261121-120000-abc1234"))?.deprecated).toBeUndefined();
  });

  it("keeps what may be another one: application, what OLD does not say, no head, a head that is out", async () => {
    const packages = { a: "2", b: "1" };
    const reasons = async (...args: string[]) =>
      ((await json("discard-if-same", ...args)) as { reasons: string[] }).reasons;
    await moult("create", "bare-v1", "--family", "bare", "--from", makeRoot("bare", { a: "" }));
    await made("kept-1", packages, "--no-family", "--label", "application=bbbb");
    expect(await reasons("kept-1", "--family", "same")).toEqual(["application bbbb, not aaaa"]);
    expect(await reasons("kept-1", "--family", "nobody")).toEqual([
      "family nobody has no head that it could be the same as",
    ]);
    expect(await reasons("kept-1", "--family", "same", "--than", "bare-v1")).toEqual([
      "bare-v1 has no label application, so its application is not known",
      "there is no package list of bare-v1",
    ]);
    await moult("deprecate", "bare-v1", "--state", "DEPRECATED");
    expect(await reasons("kept-1", "--family", "same", "--than", "bare-v1")).toEqual(["bare-v1 is DEPRECATED"]);
    expect((await world().compute.image("kept-1"))?.status).toBe("READY");
  });

  it("refuses what it cannot judge", async () => {
    await made("odd-1", { a: "1" }, "--no-family");
    const refusal = async (...args: string[]) => {
      const { code, out, err } = await moult("discard-if-same", ...args);
      expect(out).toBe("");
      return `${code} ${err}`;
    };
    expect(await refusal("odd-1")).toMatch(/^2 .*which family\?/);
    expect(await refusal("odd-1", "--family", "same")).toMatch(/^2 .*nothing says which application is in odd-1/);
    expect(await refusal("kept-1", "--family", "same", "--application", "cccc")).toMatch(
      /^2 .*--application says cccc/,
    );
    expect(await refusal("kept-1", "--family", "same", "--than", "kept-1")).toMatch(/^2 .*is the image itself/);
    expect(await refusal("kept-1", "--family", "same", "--than", "none")).toMatch(/^4 .*no image none/);
    await moult("create", "odd-2", "--no-family", "--from", makeRoot("odd-2", { a: "" }), ...APP);
    expect(await refusal("odd-2", "--family", "same")).toMatch(/^4 .*no package list of odd-2/);
  });

  it("leaves an image that joins a family meanwhile, in the state it had", async () => {
    await made("race-1", { a: "1" }, "--family", "race", ...APP);
    await made("race-2", { a: "1" }, "--no-family", ...APP);
    const compute: Compute = {
      ...world().compute,
      deprecateImage: async (name, status, id) => {
        if (status.state === "OBSOLETE")
          await world().compute.waitFor(
            await world().compute.patchImage(name, { family: "race" }, crypto.randomUUID()),
          );
        return world().compute.deprecateImage(name, status, id);
      },
    };
    const order = { project: PROJECT, name: "race-2", family: "race" };
    await expect(discardIfSame(compute, bucket(), order)).rejects.toThrow(/is in family race already/);
    expect((await world().compute.image("race-2"))?.deprecated).toBeUndefined();
    expect(await head("race")).toBe("race-2");
  });

  it("that dies at any call leaves the head alone, and is finished by the next one", async () => {
    await made("dies-1", { a: "1" }, "--family", "dies", ...APP);
    for (const call of ["deprecateImage", "image", "deleteImage"] as const) {
      const name = `dies-at-${call.toLowerCase()}`;
      await made(name, { a: "1" }, "--no-family", ...APP);
      const order = { project: PROJECT, name, family: "dies" };
      let calls = 0;
      const dying = async () => {
        throw new Error("killed");
      };
      const compute: Compute = { ...world().compute };
      if (call === "image") compute.image = (one) => (++calls > 1 ? dying() : world().compute.image(one));
      else compute[call] = dying;
      await expect(discardIfSame(compute, bucket(), order)).rejects.toThrow("killed");
      expect(await head("dies")).toBe("dies-1");
      expect(await discardIfSame(world().compute, bucket(), order)).toMatchObject({ discarded: true });
      expect(await world().compute.image(name)).toBeUndefined();
    }
  });
});

describe("moult image adopt", () => {
  it("makes an image the head of a family, and a second time changes nothing", async () => {
    await made("adopt-1", { a: "1" }, "--no-family");
    const lines: string[] = [];
    for (let i = 0; i < 2; i++) lines.push((await moult("adopt", "adopt-1", "--family", "adopted")).out);
    expect(new Set(lines)).toEqual(new Set(["image adopt-1 is in family adopted, and its head\n"]));
    const before = world().calls.length;
    await adoptImage(world().compute, { project: PROJECT, name: "adopt-1", family: "adopted" });
    expect(
      world()
        .calls.slice(before)
        .filter((call) => !call.startsWith("GET ")),
    ).toEqual([]);
  });

  it("says when the head was made later", async () => {
    await made("late-1", { a: "1" }, "--no-family");
    await made("late-2", { a: "1" }, "--family", "late");
    expect((await moult("adopt", "late-1", "--family", "late")).out).toBe(
      "image late-1 is in family late, whose head is still late-2, which was made later\n",
    );
  });

  it("refuses what would be no head, what others follow, and what is not there", async () => {
    const refusal = async (...args: string[]) => {
      const { code, err } = await moult("adopt", ...args);
      return `${code} ${err}`;
    };
    expect(await refusal("adopt-1", "--family", "other")).toMatch(/^1 .*is in family adopted/);
    await made("out-1", { a: "1" }, "--no-family");
    await moult("deprecate", "out-1", "--state", "OBSOLETE");
    expect(await refusal("out-1", "--family", "other")).toMatch(/^1 .*is OBSOLETE/);
    expect(await refusal("none", "--family", "other")).toMatch(/^4 .*no image none/);
    expect(await refusal("out-1")).toMatch(/^2 .*needs --family/);
  });
});
