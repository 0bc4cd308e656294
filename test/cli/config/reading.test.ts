import { mkdirSync, readlinkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { localObjects } from "../../../cli/config/local.ts";
import { Repository } from "../../../cli/config/repository.ts";
import { findRevision } from "../../../cli/config/revision.ts";
import { type } from "../screen.ts";
import { type CommitJson, commit, configFolder, freshFolder, json, on, text, write } from "./folders.ts";

let folder: string;
const made: CommitJson[] = [];
const instance = (name: string, zone: string) =>
  JSON.stringify({
    instance: { id: "1", name, zone: `projects/1/zones/${zone}`, attributes: {} },
    project: { projectId: "p" },
  });

beforeAll(async () => {
  folder = await configFolder({
    "manifest.yaml":
      "manifest: 1\nfiles:\n  - { path: /etc/app.env, template: app.env }\n  - { path: /etc/key, secret: tls }\nready: { tcp: '{{ instance.name }}:80' }\nsecrets: { db: projects/p/secrets/d/versions/1, tls: projects/p/secrets/t/versions/2 }\n",
    "files/app.env": 'ZONE="{{ instance.zone }}"\nDB="{{ secrets.db }}"\n',
    "files/logo.bin": Buffer.from([0, 1, 2]),
    "files/deep/er/x": "x\n",
    "eu.json": instance("web-eu", "eu-a"),
    "us.json": instance("web-us", "us-a"),
  });
  made.push(await commit(folder, "web/prod"));
  write(folder, {
    "files/app.env": 'ZONE="{{ instance.zone }}"\nDB="{{ secrets.db }}"\nMORE="1"\n',
    "files/logo.bin": Buffer.from([0, 9]),
  });
  made.push(await commit(folder, "web/prod"));
});

describe("a revision", () => {
  it("is a ref, a digest, the beginning of one, or so many commits before", async () => {
    const repository = new Repository(localObjects(join(folder, ".moult")));
    const [first, second] = made.map((each) => each.commit);
    const found = [];
    for (const asked of [
      "web/prod",
      second,
      second?.slice(0, 7),
      "web/prod~0",
      "web/prod~",
      "web/prod~1",
      `${second}~1`,
    ])
      found.push((await findRevision(repository, asked ?? "")).digest);
    expect(found).toEqual([second, second, second, second, first, first, first]);
  });

  it.each([
    ["web/prd", 4, /Did you mean web\/prod\?/],
    ["web/prod~2", 4, /before the first commit/],
    ["abcdef0", 4, /has no ref or commit/],
    ["we b", 2, /is no revision/],
    ["f".repeat(64), 3, /is not in /],
    ["bucket:web/prod", 2, /has no bucket/],
  ])("%s ends with exit code %i and says what to do", async (asked, code, expected) => {
    const shown = await on(folder, "ls", asked);
    expect(shown.code).toBe(code);
    expect(shown.err).toMatch(expected);
  });
});

describe("reading a store", () => {
  it("log shows the newest first with what changed", async () => {
    const { out } = await on(folder, "log", "web/prod");
    expect(out.match(/^commit \w+/gm)).toEqual([`commit ${made[1]?.commit}`, `commit ${made[0]?.commit}`]);
    expect(out).toContain("(web/prod)");
    expect(out).toContain("2 files differ");
    expect(await json<unknown[]>(folder, "log", "web/prod", "-n", "1")).toHaveLength(1);
    expect((await on(folder, "log", "--oneline")).out.split("\n")).toHaveLength(3);
  });

  it("ls shows a folder of a commit, with sizes and digests", async () => {
    expect((await on(folder, "ls", "web/prod", "files/deep/")).out).toBe("files/deep/er/x\n");
    expect((await on(folder, "ls", "web/prod", "files/none")).code).toBe(4);
    expect((await on(folder, "ls", "web/prod", "files/deep", "-l")).out).toMatch(
      /\n[0-9a-f]{64} +2 +files\/deep\/er\/x\n/,
    );
  });

  it("cat writes bytes as they are, and says what a wrong path may have been", async () => {
    expect((await on(folder, "cat", "web/prod~1", "deep/er/x")).out).toBe("x\n");
    const wrong = await on(folder, "cat", "web/prod", "app.evn");
    expect(wrong.code).toBe(4);
    expect(wrong.err).toContain("Did you mean files/app.env?");
  });

  it("diff shows sources and says of what is no text that it differs", async () => {
    const { out } = await on(folder, "diff", "web/prod~1", "web/prod");
    expect(out).toContain('+MORE="1"');
    expect(out).toContain("--- files/logo.bin\n+++ files/logo.bin\n(not text)\n");
    expect((await on(folder, "diff")).out).toBe("");
    write(folder, { "files/new": "a\nb\n" });
    expect((await on(folder, "diff")).out).toBe("--- /dev/null\n+++ files/new\n@@ -0,0 +1,2 @@\n+a\n+b\n");
    expect((await on(folder, "diff", "--stat")).out).toMatch(
      /files\/new +added +\+2 -0\n1 file differs, \+2 -0 lines\n/,
    );
    expect(await json(folder, "diff", "web/prod")).toMatchObject([{ path: "files/new", how: "added", added: 2 }]);
  });

  it("diff shows what two instances would receive, secrets masked", async () => {
    const [eu, us] = [join(folder, "eu.json"), join(folder, "us.json")];
    const { out, code } = await on(folder, "diff", "--instances", eu, us, "web/prod");
    expect(code).toBe(0);
    expect(out).toContain('-ZONE="eu-a"\n+ZONE="us-a"\n DB="<secret db>"');
    expect(out).toContain("-web-eu:80\n+web-us:80");
    expect(out).not.toContain("/etc/key");
    const one = await on(folder, "diff", "web/prod~1", "web/prod", "--instance", eu);
    expect(one.out).toContain(' DB="<secret db>"\n+MORE="1"');
  });
});

describe("a checkout", () => {
  it("into one empty folder by several at once is one commit or the other, and none of them fails", async () => {
    const out = join(freshFolder(), "out");
    mkdirSync(out);
    const revisions = ["web/prod", "web/prod~1", "web/prod", "web/prod~1"];
    const ended = await Promise.all(revisions.map((revision) => on(folder, "checkout", revision, out)));
    expect(ended.map(({ code, err }) => ({ code, err }))).toEqual(revisions.map(() => ({ code: 0, err: "" })));
    const now = text(out, "files", "app.env").includes("MORE") ? 1 : 0;
    expect((await json(folder, "checkout", made[now]?.commit ?? "", out)).written).toBe(0);
  });

  it("refuses to lose what was changed in it, names it, and loses it when told to", async () => {
    const out = join(freshFolder(), "out");
    await json(folder, "checkout", "web/prod~1", out);
    write(out, { "files/deep/er/x": "mine\n", "files/mine": "new\n" });
    const { code, err } = await on(folder, "checkout", "web/prod", out);
    expect(code).toBe(1);
    expect(err).toContain("files/deep/er/x");
    expect(err).toContain("files/mine");
    expect(text(out, "files/mine")).toBe("new\n");
    await json(folder, "checkout", "web/prod", out, "--force");
    expect(text(out, "files/deep/er/x")).toBe("x\n");
    // Nobody's blob was changed through a link.
    expect((await on(folder, "verify")).code).toBe(0);
    expect(await json(folder, "checkout", "web/prod", out)).toMatchObject({ written: 0 });
  });

  it("takes the place of an empty folder, and of nothing else", async () => {
    const parent = freshFolder();
    mkdirSync(join(parent, "empty"));
    await json(folder, "checkout", "web/prod", join(parent, "empty"));
    expect(readlinkSync(join(parent, "empty"))).toMatch(/^\.empty\.moult\//);
    write(parent, { "full/file": "x" });
    symlinkSync("full", join(parent, "link"));
    for (const name of ["full", "link", "full/file"])
      expect((await on(folder, "checkout", "web/prod", join(parent, name))).code).toBe(2);
    expect(text(parent, "full/file")).toBe("x");
    expect((await on(folder, "checkout", "web/prod", folder)).code).toBe(2);
  });

  it("is never a mixture to who reads while it is switched", async () => {
    const out = join(freshFolder(), "out");
    const store = await configFolder({ "files/a": "one\n", "files/b": "one\n" });
    await commit(store, "one");
    write(store, { "files/a": "two\n", "files/b": "two\n" });
    await commit(store, "two");
    await json(store, "checkout", "one", out);
    const seen = new Set<string>();
    let done = false;
    const reading = (async () => {
      while (!done) {
        // What a program does that holds on to where the link led.
        const state = join(out, "..", readlinkSync(out));
        try {
          seen.add(text(state, "files/a") + text(state, "files/b"));
        } catch (problem) {
          if (!String(problem).includes("ENOENT")) throw problem;
        }
        await new Promise(setImmediate);
      }
    })();
    for (let i = 0; i < 10; i++) await json(store, "checkout", i % 2 === 0 ? "two" : "one", out);
    done = true;
    await reading;
    expect([...seen].sort()).toEqual(["one\none\n", "two\ntwo\n"]);
  });
});

describe("a folder that is no configuration folder", () => {
  it("is said to be none, with what to do", async () => {
    const { code, err } = await type(["config", "log", "--folder", freshFolder()]);
    expect(code).toBe(2);
    expect(err).toContain("moult config init");
  });
});
