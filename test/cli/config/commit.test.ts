import { readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { sha256 } from "../../../agent/plan/pack.ts";
import { commitText, readCommit } from "../../../cli/config/commit.ts";
import { localObjects } from "../../../cli/config/local.ts";
import type { Objects } from "../../../cli/config/objects.ts";
import { checkPackSize, makePack } from "../../../cli/config/pack.ts";
import { Repository } from "../../../cli/config/repository.ts";
import { StatIndex } from "../../../cli/config/statindex.ts";
import { commitFolder } from "../../../cli/config/write.ts";
import { start } from "../program.ts";
import { commit, configFolder, freshFolder, json, manifest, on, text, write } from "./folders.ts";

const templated = (values = "{ port: 8000, tuning: { workers: 2, labels: {} } }") =>
  `manifest: 1\nvalues: ${values}\nfiles:\n  - { path: /etc/app.json, template: app.json.tmpl }\nsecrets: { db: projects/p/secrets/db/versions/1 }\n`;
const templates = { "files/app.json.tmpl": '{"port": {{ values.port }}, "db": {{ secrets.db }}}\n' };

describe("moult config check and commit", () => {
  it.each([
    [
      "a template that is not of its format",
      { "files/app.json.tmpl": "{" },
      [],
      /^files\/app\.json\.tmpl:1:\d+: .*\[not-in-format\]/,
    ],
    [
      "a name that no instance has",
      { "files/app.json.tmpl": "\n{{ instance.colour }}" },
      [],
      /^files\/app\.json\.tmpl:2:1: .*\[unknown-name\]/,
    ],
    [
      "a field that there is not",
      { "manifest.yaml": "manifest: 1\nfile: []\n" },
      [],
      /^manifest\.yaml:2:7: file: .*\[unknown-field\]/,
    ],
    [
      "a source that is not there",
      { "manifest.yaml": manifest("none") },
      [],
      /^manifest\.yaml:3:\d+: .*\[source-missing\]/,
    ],
    [
      "a value that the manifest does not have",
      { "v.yaml": "prot: 80\n" },
      ["v.yaml"],
      /v\.yaml:1:7: prot: .*\[value-undeclared\]/,
    ],
    [
      "one inside of an object",
      { "v.yaml": "port: 1\ntuning:\n  wrokers: 80\n" },
      ["v.yaml"],
      /v\.yaml:3:12: tuning\.wrokers: .*\[value-undeclared\]/,
    ],
    ["values that are a list", { "v.yaml": "- 1\n" }, ["v.yaml"], /v\.yaml:1:1: .*\[not-an-object\]/],
    ["a key twice in values", { "v.yaml": "port: 1\nport: 2\n" }, ["v.yaml"], /v\.yaml:2:1: .*\[duplicate-key\]/],
    ["a link among the files", {}, [], /^files\/link:1:1: .*\[not-a-file\]/],
  ])("both refuse %s, at its place", async (what, files, values, expected) => {
    const folder = await configFolder({ "manifest.yaml": templated(), ...templates, ...files });
    if (what.startsWith("a link")) (await import("node:fs")).symlinkSync("/etc/passwd", join(folder, "files/link"));
    const named = values.flatMap((file) => ["--values", join(folder, file)]);
    const checked = await on(folder, "check", ...named);
    const committed = await on(folder, "commit", "--ref", "web", "-m", "x", ...named);
    expect([checked.code, committed.code]).toEqual([2, 2]);
    const lines = checked.err.replaceAll(`${folder}/`, "").trimEnd().split("\n").slice(1);
    expect(
      lines.some((line) => expected.test(line)),
      checked.err,
    ).toBe(true);
    const said = committed.err
      .replaceAll(`${folder}/`, "")
      .split("\n")
      .map((line) => line.trim());
    expect(said).toEqual(expect.arrayContaining(lines));
    expect((await on(folder, "refs")).out).toBe("no refs yet\n");
  });

  it("say everything at once, and no value", async () => {
    const folder = await configFolder({
      "manifest.yaml": `${templated()}colour: hidden-value\n`,
      "files/app.json.tmpl": '{"a": {{ hidden_value }} "hidden-value"\n',
      "v.yaml": "prot: hidden-value\n",
      "w.yaml": "trot: hidden-value\n",
    });
    const values = ["v", "w"].flatMap((file) => ["--values", join(folder, `${file}.yaml`)]);
    const { err } = await on(folder, "check", ...values);
    expect(err).toContain("prot:");
    expect(err).toContain("trot:");
    expect(err).not.toContain("hidden-value");
  });

  it("merge objects, replace everything else, and let an empty object take anything", async () => {
    const folder = await configFolder({
      "manifest.yaml": templated("{ port: 8000, list: [1, 2], tuning: { workers: 2, depth: 1, labels: {} } }"),
      ...templates,
      "values/prod.yaml": "list: [3]\ntuning: { workers: 9, labels: { zone: a } }\n",
      "values/eu.yaml": "tuning: { workers: 10 }\n",
    });
    await commit(folder, "web", "--values", "values/prod.yaml", "--values", "values/eu.yaml");
    const { values } = JSON.parse((await on(folder, "cat", "web", "manifest", "--json")).out);
    expect(values).toEqual({ port: 8000, list: [3], tuning: { workers: 10, depth: 1, labels: { zone: "a" } } });
    expect((await commit(folder, "web", "--no-values")).new).toBe(true);
    const { values: own } = JSON.parse((await on(folder, "cat", "web", "manifest", "--json")).out);
    expect(own.tuning.workers).toBe(2);
  });

  it("try a sample instance, and refuse what only it shows", async () => {
    const folder = await configFolder({
      "manifest.yaml":
        "manifest: 1\nattributes: { queue: { type: text, allowed: [fast, slow] } }\nfiles:\n  - { path: /etc/q, content: '{{ attributes.queue }}', format: text }\n",
    });
    const sample = (queue: string) =>
      JSON.stringify({ instance: { id: "1", name: "a", zone: "z-a", attributes: { queue } }, project: {} });
    expect((await on(folder, "check")).code).toBe(0);
    write(folder, { "samples/good.json": sample("slow") });
    expect((await on(folder, "check")).out).toContain("of 1 sample");
    write(folder, { "samples/bad.json": sample("hidden-value") });
    const { code, err } = await on(folder, "commit", "--ref", "web", "-m", "x");
    expect(code).toBe(2);
    expect(err).toContain("samples/bad.json");
    expect(err).not.toContain("hidden-value");
  });

  it("say that there is nothing to commit, and succeed", async () => {
    const folder = await configFolder();
    const { commit: digest } = await commit(folder, "web");
    expect(await on(folder, "commit", "--ref", "web", "-m", "again")).toEqual({
      code: 0,
      out: `nothing to commit: web is ${digest.slice(0, 12)}, which says the same\n`,
      err: "",
    });
    expect(await json<unknown[]>(folder, "log")).toHaveLength(1);
  });

  it("commit what is in the file, also when it is changed again at once, with the same length and time", async () => {
    const folder = await configFolder({ "files/a": "0\n" });
    const file = join(folder, "files/a");
    for (let i = 1; i <= 20; i++) {
      const { atime, mtime } = statSync(file);
      writeFileSync(file, `${i % 10}\n`);
      utimesSync(file, atime, mtime);
      await commit(folder, "web");
      expect((await on(folder, "cat", "web", "a")).out).toBe(`${i % 10}\n`);
    }
  });

  it("believe no cache that was damaged", async () => {
    const folder = await configFolder({ "files/a": "one\n", "files/b": "two\n" });
    await commit(folder, "web");
    // So long that the files count as resting, and the next commit remembers them.
    for (const name of ["files/a", "files/b"]) utimesSync(join(folder, name), 1, 1);
    const index = join(folder, ".moult/index");
    await vi.waitFor(async () => {
      await commit(folder, "web");
      expect(text(index)).toContain("files/a");
    });
    const whole = text(index);
    const [a = "", b = ""] = ["one\n", "two\n"].map((held) => sha256(held));
    for (const damaged of [whole.replaceAll(a, b), whole.slice(0, -9), "", "{}", `${sha256("null")}\nnull`]) {
      writeFileSync(index, damaged);
      expect((await commit(folder, "web")).new).toBe(false);
    }
  });

  it("refuse what is over 16 MiB as a machine fetches it, and name what is large", async () => {
    const folder = await configFolder({
      "files/big/table.bin": Buffer.alloc(9 << 20, "a"),
      "files/other.bin": Buffer.alloc(4 << 20, "b"),
      "files/small": "x",
    });
    const { code, err } = await on(folder, "commit", "--ref", "web", "-m", "x");
    expect(code).toBe(3);
    expect(err).toMatch(/over the 16\.0 MiB/);
    expect(err).toMatch(/9\.0 MiB {2}files\/big\/table\.bin\n\s*4\.0 MiB {2}files\/other\.bin/);
    expect(readdirSync(join(folder, ".moult")).includes("store")).toBe(false);
  });

  it("know the size of a pack without making it", async () => {
    const folder = await configFolder({
      "files/a": "1",
      "files/b": "22",
      "files/c": "ü",
      "files/d": "1",
      "files/e": "",
    });
    const made = await commit(folder, "web");
    const bytes = Buffer.from(text(folder, ".moult/store/commits", `${made.commit}.json`));
    const read = readCommit("it", made.commit, bytes);
    const blobs = new Map(
      Object.values(read.tree).map((digest) => [digest, Buffer.from(text(folder, ".moult/store/blobs", digest))]),
    );
    const sizes = new Map([...blobs].map(([digest, blob]) => [digest, blob.length]));
    for (const signatures of [{}, { ["a".repeat(64)]: `${"A".repeat(86)}==` }])
      expect(checkPackSize(read, sizes, signatures)).toBe(makePack(read, blobs, signatures).length);
    expect(made.packSize).toBe(makePack(read, blobs, {}).length);
    expect(commitText(read)).toBe(bytes.toString());
  });

  it("refuse to move a ref that somebody moves while the commit is made, and lose neither", async () => {
    const folder = await configFolder({ "files/a": "0\n" });
    const theirs = localObjects(join(folder, ".moult"));
    const mine: Objects = {
      ...theirs,
      // The moment before the ref is moved: all else of the commit is there.
      write: async (name, bytes, generation) => {
        if (name === "refs/web.json") await json(folder, "commit", "--ref", "web", "-m", "theirs");
        return theirs.write(name, bytes, generation);
      },
    };
    const now = "2026-11-20T12:00:00.000Z";
    const asked = {
      folder,
      values: [],
      samples: [],
      ref: "web",
      message: "mine",
      author: "ben",
      time: now,
      now,
      keys: [],
    };
    const made = commitFolder(new Repository(mine), asked, new StatIndex(join(folder, ".moult", "index")));
    await expect(made).rejects.toThrow(/web was moved by somebody else/);
    expect(await json(folder, "log", "web")).toMatchObject([{ message: "theirs" }]);
    expect((await on(folder, "verify")).code).toBe(0);
  });

  it("tell one of two who commit at once, and lose nothing of the other", { timeout: 120_000 }, async () => {
    const folder = await configFolder({ "files/a": "0\n" });
    await commit(folder, "web");
    const seen = new Set<string>();
    for (let round = 0; round < 6; round++) {
      const trees = ["x", "y"].map((name) => {
        const tree = join(freshFolder(), name);
        write(tree, { "manifest.yaml": manifest(), "files/a": `${round} ${name}\n` });
        return tree;
      });
      const before = await json<{ commit: string }[]>(folder, "log", "web");
      const ended = await Promise.all(
        trees.map(
          (tree) => start(["config", "commit", "--ref", "web", "-m", tree, "--tree", tree, "--folder", folder]).ended,
        ),
      );
      const after = await json<{ commit: string; message: string }[]>(folder, "log", "web");
      const made = after.slice(0, after.length - before.length).map(({ message }) => message);
      expect(after.slice(made.length).map((each) => each.commit)).toEqual(before.map((each) => each.commit));
      for (const [i, { code, err }] of ended.entries()) {
        expect(made.includes(trees[i] ?? "")).toBe(code === 0);
        if (code !== 0)
          expect([code, err]).toEqual([1, expect.stringMatching(/^moult: web was moved by somebody else/)]);
        seen.add(String(code));
      }
      expect((await on(folder, "verify")).code).toBe(0);
    }
    expect(seen.has("0")).toBe(true);
  });
});
