import { rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type CommitJson, commit, configFolder, on, write } from "./folders.ts";

let folder: string;
const made: CommitJson[] = [];

beforeAll(async () => {
  folder = await configFolder({ "files/a": "0\n" });
  for (const n of [1, 2, 3, 4]) {
    write(folder, { "files/a": `${n}\n` });
    made.push(await commit(folder, "web/prod"));
  }
  rmSync(join(folder, ".moult", "store", "commits", `${made[1]?.commit}.json`));
});

describe("a history that a collection has shortened", () => {
  it("is listed as far as it goes, and the list says that it was longer", async () => {
    const { code, out, err } = await on(folder, "log", "web/prod");
    expect(code).toBe(0);
    expect(out.match(/^commit [0-9a-f]{64}/gm)).toEqual([`commit ${made[3]?.commit}`, `commit ${made[2]?.commit}`]);
    // What the oldest of them changed is not known: that it added everything would be a lie.
    expect(out.match(/files? differs?/g)).toHaveLength(1);
    expect(err).toContain(`older history is not there: ${made[1]?.commit.slice(0, 12)}`);
  });

  it("is JSON all the same, with what is unknown as null", async () => {
    const { code, out } = await on(folder, "log", "web/prod", "--json");
    expect(code).toBe(0);
    const entries: { changes: number | null; parent: string }[] = JSON.parse(out);
    expect(entries.map(({ changes }) => changes)).toEqual([1, null]);
    expect(entries[1]?.parent).toBe(made[1]?.commit);
  });

  it("says nothing of it where the list ends before", async () => {
    expect((await on(folder, "log", "web/prod", "-n", "1", "--oneline")).err).toBe("");
  });

  it("has no commit beyond its end, which is told with exit code 4", async () => {
    expect((await on(folder, "ls", "web/prod~1")).code).toBe(0);
    const { code, err } = await on(folder, "ls", "web/prod~3");
    expect(code).toBe(4);
    expect(err).toContain(`${made[1]?.commit.slice(0, 12)}, 2 before web/prod, and what was before it was collected`);
  });

  it("can be committed to", async () => {
    write(folder, { "files/a": "5\n" });
    expect((await commit(folder, "web/prod")).changed).toBe(1);
  });
});
