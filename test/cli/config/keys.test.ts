import { statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type } from "../screen.ts";
import { commit, configFolder, freshFolder, json, on, text, write } from "./folders.ts";

let folder: string;
let keys: string;
const ids: Record<string, string> = {};

beforeAll(async () => {
  folder = await configFolder({ "files/a": "1\n" });
  keys = freshFolder();
  for (const name of ["old", "new", "other"]) {
    const { out } = await type(["config", "keygen", join(keys, name), "--json"]);
    ids[name] = JSON.parse(out).key;
  }
});

const pub = (name: string) => ["--key", join(keys, `${name}.pub.pem`)];

describe("moult config keygen", () => {
  it("makes a pair whose private half only its owner reads, and never writes over one", async () => {
    expect(statSync(join(keys, "old.pem")).mode & 0o777).toBe(0o600);
    expect(text(keys, "old.pub.pem")).toMatch(/^-----BEGIN PUBLIC KEY-----/);
    const before = text(keys, "old.pem");
    const again = await type(["config", "keygen", join(keys, "old")]);
    expect(again.code).toBe(2);
    expect(again.err).toContain("never written over");
    expect(text(keys, "old.pem")).toBe(before);
  });

  it("says nothing of the private key", async () => {
    const { out, err } = await type(["config", "keygen", join(keys, "quiet")]);
    const secret = text(keys, "quiet.pem").split("\n")[1] ?? "";
    expect(secret.length).toBeGreaterThan(40);
    expect(out + err).not.toContain(secret);
    expect(out).toContain("keep it secret");
  });
});

describe("moult config sign and verify", () => {
  it("rotate a key: old, then both, and who has which key is satisfied", async () => {
    const made = await commit(folder, "web", "--sign", join(keys, "old.pem"));
    expect(made.signedBy).toEqual([ids.old]);
    const codes = async () => {
      const all = [];
      for (const asked of [pub("old"), pub("new"), [...pub("old"), ...pub("new")], pub("other")])
        all.push((await on(folder, "verify", "web", ...asked)).code);
      return all;
    };
    expect(await codes()).toEqual([0, 1, 0, 1]);
    const signed = await json(folder, "sign", "web", "--key", join(keys, "new.pem"));
    expect(signed).toEqual({ commit: made.commit, signedBy: [ids.old, ids.new].sort() });
    expect(await codes()).toEqual([0, 0, 0, 1]);
    const [entry] = await json<{ signedBy: string[]; commit: string }[]>(folder, "log", "web");
    expect(entry).toMatchObject({ commit: made.commit, signedBy: [ids.old, ids.new].sort() });
  });

  it("lose no signature of two who sign at once", async () => {
    write(folder, { "files/a": "2\n" });
    await commit(folder, "web");
    await Promise.all(
      ["old", "new", "other"].map((name) => on(folder, "sign", "web", "--key", join(keys, `${name}.pem`))),
    );
    expect((await json<{ signedBy: string[] }[]>(folder, "log", "web"))[0]?.signedBy).toEqual(
      Object.values(ids).sort(),
    );
  });

  it("say who has not signed, without a revision of what any ref names", async () => {
    write(folder, { "files/a": "3\n" });
    const { commit: digest } = await commit(folder, "unsigned");
    const { code, err } = await on(folder, "verify", ...pub("old"));
    expect(code).toBe(1);
    expect(err).toContain(digest);
    expect(err).toContain("none of ");
  });

  it.each([
    ["a private key where a public one belongs", ["verify", "web", "--key", "old.pem"], /is not a public key/],
    ["a public key where a private one belongs", ["sign", "web", "--key", "old.pub.pem"], /is not a private key/],
    ["a key that is not there", ["sign", "web", "--key", "none.pem"], /there is no such file/],
    ["no key", ["sign", "web"], /which key\?/],
  ])("refuse %s, and quote nothing of it", async (_sentence, args, expected) => {
    const { code, err } = await on(folder, ...args.map((arg) => (arg.endsWith(".pem") ? join(keys, arg) : arg)));
    expect(code).toBe(2);
    expect(err).toMatch(expected);
    expect(err).not.toContain("MC4CAQAw");
  });
});
