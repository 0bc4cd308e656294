import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../../agent/plan/pack.ts";
import { commitText, readCommit } from "../../../cli/config/commit.ts";
import { Damaged } from "../../../cli/config/damage.ts";
import { type } from "../screen.ts";
import { commit, configFolder, freshFolder, on, write } from "./folders.ts";

const good = {
  tree: { "a/b": "0".repeat(64) },
  manifest: { manifest: 1 },
  parent: null,
  message: "m",
  author: "ana",
  time: "2026-01-01T00:00:00Z",
};
const read = (bytes: Buffer) => readCommit("gs://b/commits/x.json", sha256(bytes), bytes);

describe("an object that has the digest of its name", () => {
  it("is a commit in its one form", () => {
    expect(read(Buffer.from(commitText(good)))).toEqual(good);
  });

  const deep = 100_000;
  for (const [what, text] of [
    ["no JSON", "not JSON"],
    ["empty", ""],
    ["null", "null"],
    ["a commit with another order of keys", JSON.stringify(good)],
    ["a commit with white space", `${commitText(good)}\n`],
    ["a commit with a key twice", commitText(good).replace('{"author"', '{"author":"eve","author"')],
    ["a commit that is not UTF-8", Buffer.from(commitText(good).replace("ana", "\u00ff"), "latin1")],
    ["a commit with a key more", commitText({ ...good, ...{ more: 1 } })],
    [
      "a commit with a path that is a file and a folder",
      commitText({ ...good, tree: { a: "0".repeat(64), "a/b": "1".repeat(64) } }),
    ],
    ["a commit whose tree leads elsewhere", commitText({ ...good, tree: { "../etc/passwd": "0".repeat(64) } })],
    ["a commit whose tree has an absolute path", commitText({ ...good, tree: { "/etc/passwd": "0".repeat(64) } })],
    [
      "a commit nested deeper than can be printed",
      `{"author":"","manifest":${"[".repeat(deep)}${"]".repeat(deep)},"message":"","parent":null,"time":"","tree":{}}`,
    ],
  ] as const)
    it(`is damaged when it is ${what}`, () => {
      expect(() => read(Buffer.from(text))).toThrow(Damaged);
    });
});

describe("texts that somebody else wrote", () => {
  it("do not reach the terminal with what it would obey", async () => {
    const folder = await configFolder();
    const evil = "\u001b[2J\u001b]0;title\u0007\u202e";
    const args = ["--ref", "a", "-m", `red ${evil}\nsecond ${evil}`, "--author", `eve\n${evil}`];
    expect((await on(folder, "commit", ...args)).code).toBe(0);
    for (const command of [["log"], ["log", "--oneline"], ["refs"]]) {
      const { out } = await on(folder, ...command);
      expect(out).not.toMatch(/[^\P{C}\n]/u);
      expect(out).toContain(command[0] === "log" ? "red ?" : "eve?");
    }
    const [entry]: { message: string }[] = JSON.parse((await on(folder, "log", "--json")).out);
    expect(entry?.message).toContain(evil);
  });
});

describe("a folder that cannot be committed as it is", () => {
  it.runIf(process.platform === "linux")("has a file whose name is not UTF-8, which is a finding", async () => {
    const folder = await configFolder({ "files/a": "1\n" });
    writeFileSync(Buffer.concat([Buffer.from(join(folder, "files", "bad-")), Buffer.from([0xff])]), "x");
    for (const args of [["check"], ["commit", "--ref", "a", "-m", "m"]]) {
      const { code, err } = await on(folder, ...args);
      expect(code).toBe(2);
      expect(err).toContain("A commit holds names in UTF-8 only: rename it. [path-not-plain]");
    }
  });
});

describe("what the disk refuses", () => {
  it("is told with the path and what to do, and is no bug", async () => {
    const file = join(freshFolder(), "file");
    writeFileSync(file, "");
    for (const [folder, why] of [
      [join(file, "x"), "not a directory"],
      [file, "file already exists"],
    ] as const) {
      const { code, err } = await type(["config", "init", folder]);
      expect(code).toBe(2);
      expect(err).toContain(`${folder}: ${why} (mkdir)`);
      expect(err).toContain("name another folder");
    }
  });
});

describe("a bucket that cannot be one", () => {
  for (const name of ["gs://acme/sub/folder", "Bad Name", "../x", "a"])
    it(`is refused before anything is asked: ${name}`, async () => {
      const folder = await configFolder();
      await commit(folder, "a");
      for (const args of [["push"], ["refs", "--remote"]]) {
        const { code, err } = await on(folder, ...args, "--bucket", name);
        expect(code).toBe(2);
        expect(err).toContain(`"${name}" cannot be a bucket`);
      }
    });

  it("is named by gs:// or without", async () => {
    const folder = await configFolder();
    write(folder, { "files/a": "1" });
    await commit(folder, "a");
    expect((await on(folder, "log", "a", "--bucket", "gs://acme-moult-config/")).code).toBe(0);
  });
});
