import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { commit, configFolder, freshFolder, manifest, on, write } from "./folders.ts";

let folder: string;
let key: string;
const store = () => join(folder, ".moult", "store");

beforeAll(async () => {
  folder = await configFolder({ "manifest.yaml": manifest("a", "b"), "files/a": "first\n", "files/b": "second\n" });
  key = join(freshFolder(), "k");
  expect((await on(folder, "commit", "--ref", "web/prod", "-m", "a").then(async () => keygen())).code).toBe(0);
  write(folder, { "files/b": "third\n" });
  await commit(folder, "web/prod", "--sign", `${key}.pem`);
});

async function keygen() {
  const { type } = await import("../screen.ts");
  return type(["config", "keygen", key]);
}

function objects(): string[] {
  return readdirSync(store(), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Runs `work` while one bit of the file is the other way round. */
async function flipped<T>(file: string, bit: number, work: () => Promise<T>): Promise<T> {
  const whole = readFileSync(file);
  const bytes = Buffer.from(whole);
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  writeFileSync(file, bytes);
  try {
    return await work();
  } finally {
    writeFileSync(file, whole);
  }
}

describe("any bit of any object of the local store", () => {
  it("has every kind of object to try", () => {
    expect(new Set(objects().map((file) => file.slice(store().length + 1).split("/")[0]))).toEqual(
      new Set(["blobs", "commits", "refs", "signatures"]),
    );
  });

  it("is found by verify, which names the object", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...objects()), fc.nat(), async (file, at) => {
        const bit = at % (readFileSync(file).length * 8);
        const { code, err } = await flipped(file, bit, () => on(folder, "verify"));
        expect(code).toBe(3);
        expect(err).toContain(file);
      }),
      { numRuns: 150 },
    );
    expect((await on(folder, "verify")).code).toBe(0);
  });

  it("is refused by cat, ls, checkout and a commit on top, wherever they need the object", async () => {
    const before = (await on(folder, "refs")).out;
    write(folder, { "files/c": "new\n" });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...objects().filter((file) => /\/(commits|blobs|refs)\//.test(file))),
        fc.nat(),
        async (file, at) => {
          const bit = at % (readFileSync(file).length * 8);
          // Of the two states only the one that stands at the ref is asked for, and the first's own blob and commit are not in it.
          const needed = await needs();
          if (!needed.some((name) => file.endsWith(name))) return;
          const codes = await flipped(file, bit, async () => [
            (await on(folder, "checkout", "web/prod", join(freshFolder(), "out"))).code,
            (await on(folder, "commit", "--ref", "web/prod", "-m", "x")).code,
            file.includes("/blobs/") ? 3 : (await on(folder, "ls", "web/prod")).code,
            file.includes("/blobs/") ? await catAll() : (await on(folder, "cat", "web/prod", "manifest")).code,
          ]);
          expect(codes).toEqual([3, 3, 3, 3]);
        },
      ),
      { numRuns: 60 },
    );
    expect((await on(folder, "refs")).out).toBe(before);
  });

  /** Of the files of the ref, that one is refused whose blob is damaged. */
  async function catAll(): Promise<number> {
    const codes = [];
    for (const name of ["a", "b"]) codes.push((await on(folder, "cat", "web/prod", name)).code);
    return Math.max(...codes);
  }

  async function needs(): Promise<string[]> {
    const listed = JSON.parse((await on(folder, "ls", "web/prod", "--json")).out) as {
      commit: string;
      files: { digest: string }[];
    };
    return ["refs/web/prod.json", `${listed.commit}.json`, ...listed.files.map(({ digest }) => `blobs/${digest}`)];
  }

  it("finds what is gone, and what does not belong there", async () => {
    const [blob = ""] = objects();
    const stray = join(store(), "commits", "note.txt");
    const bytes = readFileSync(blob);
    const { rmSync } = await import("node:fs");
    rmSync(blob);
    writeFileSync(stray, "x");
    const { code, err } = await on(folder, "verify");
    writeFileSync(blob, bytes);
    rmSync(stray);
    expect(code).toBe(3);
    expect(err).toContain("2 things do not hold");
    expect(err).toContain(blob.slice(store().length + 1));
    expect(err).toContain(stray);
  });
});
