import { rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../../agent/plan/pack.ts";
import { commit, configFolder, freshFolder, json, write } from "./folders.ts";

const part = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9._ ~#%&'"$-]{1,12}$/),
  fc.constantFrom("ü", "名", "-", "...", "__proto__", "constructor"),
);
const goodPart = part.filter((name) => name !== "." && name !== "..");
const path = fc.array(goodPart, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));

/** Paths of which none is a folder of another. */
const tree = fc
  .dictionary(path, fc.uint8Array({ maxLength: 40 }), { maxKeys: 8, noNullPrototype: true })
  .map((files) =>
    Object.fromEntries(
      Object.entries(files).filter(([name]) => !Object.keys(files).some((other) => other.startsWith(`${name}/`))),
    ),
  );
const value = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.string({ unit: "grapheme", maxLength: 12 }),
    fc.constantFrom(
      "yes",
      "0x10",
      "1e3",
      "null",
      "~",
      "2026-11-20",
      "<<",
      "- a",
      "a: b",
      "#",
      " x ",
      "a\nb\n",
      "\t",
      "'",
      '"',
    ),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("any"), { maxLength: 3 }),
    fc.dictionary(fc.stringMatching(/^[A-Za-z_]\w{0,6}$/), tie("any"), { maxKeys: 3, noNullPrototype: true }),
  ),
})).any;
const values = fc.dictionary(fc.stringMatching(/^[A-Za-z_][\w-]{0,6}$/), value, { maxKeys: 4, noNullPrototype: true });

describe("any tree of files and any values", () => {
  it("are the same after commit, checkout and commit, and the same again from the other side", {
    timeout: 120_000,
  }, async () => {
    const folder = await configFolder();
    const out = join(freshFolder(), "out");
    let refs = 0;
    await fc.assert(
      fc.asyncProperty(tree, values, async (files, given) => {
        rmSync(join(folder, "files"), { recursive: true, force: true });
        const named = Object.entries(files).map(([name, bytes]) => [join("files", name), Buffer.from(bytes)]);
        write(folder, {
          ...Object.fromEntries(named),
          "manifest.yaml": JSON.stringify({ manifest: 1, values: given }),
        });
        const ref = `r${refs++}`;
        const time = ["--time", "2026-11-20T12:00:00Z"];
        const first = await commit(folder, ref, ...time);
        await json(folder, "checkout", ref, out);
        const again = await commit(folder, ref, "--tree", out);
        expect([again.new, again.commit]).toEqual([false, first.commit]);
        const other = await commit(folder, `${ref}-copy`, "--tree", out, ...time);
        expect(other.commit).toBe(first.commit);
        const listed = await json<{ files: { path: string }[] }>(folder, "ls", ref);
        expect(
          listed.files
            .map(({ path }) => path)
            .slice(1)
            .sort(),
        ).toEqual(
          Object.keys(files)
            .map((name) => `files/${name}`)
            .sort(),
        );
      }),
      { numRuns: 25, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false, endOnFailure: true },
    );
  });

  it("have the digest of what they say, not of how the manifest is written", async () => {
    const folder = await configFolder({ "manifest.yaml": "manifest: 1\nvalues: { b: 1, a: [2] }\n" });
    const first = await commit(folder, "a", "--time", "2026-11-20T12:00:00Z");
    write(folder, { "manifest.yaml": '# said otherwise\nvalues:\n  a:\n    - 2\n  b: 1\n"manifest": 1\n' });
    const second = await commit(folder, "b", "--time", "2026-11-20T13:00:00+01:00");
    expect(second.commit).toBe(first.commit);
    expect(canonicalJson({ b: 1, a: 2 })).toBe('{"a":2,"b":1}');
  });
});
