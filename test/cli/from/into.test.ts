import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type } from "../screen.ts";
import { lay, textsBelow } from "./foreign.ts";
import { base64, config, file, files } from "./samples.ts";

describe("secrets", () => {
  it("are neither shown nor written; the manifest names what a person has to provide", async () => {
    const key = "-----BEGIN RSA PRIVATE KEY-----\nhidden-value\n-----END RSA PRIVATE KEY-----\n";
    const at = config({
      ...files(
        { path: "/etc/web/tls.key", mode: 0o644, contents: { source: base64(key) } },
        { path: "/etc/web/app.conf", contents: { source: base64("port = 1\ndb_password = hidden-value\n") } },
      ),
      passwd: { users: [{ name: "core", passwordHash: "hidden-value" }] },
    });
    const into = join(lay({}), "out");
    const shown = await type(["manifest", "check", "--from", "ignition", at, "--into", into]);
    const json = await type(["manifest", "check", "--from", "ignition", at, "--json"]);
    expect(shown.code).toBe(6);
    const written = textsBelow(into);
    for (const value of ["hidden-value", Buffer.from(key).toString("base64").slice(0, 60)])
      for (const text of [shown.out, shown.err, json.out, json.err, ...Object.values(written)])
        expect(text).not.toContain(value);
    expect(JSON.parse(json.out).manifest.files).toEqual([
      { path: "/etc/web/tls.key", secret: "etc-web-tls-key", owner: "root:root", mode: "0640" },
      {
        path: "/etc/web/app.conf",
        source: "etc/web/app.conf",
        owner: "root:root",
        mode: "0644",
        existing: "refuse",
      },
    ]);
    expect(shown.err).toContain("Its line 2 looks like a password");
    expect(shown.err).toContain("[source-missing]");
  });
});

describe("--into", () => {
  it("writes a folder that manifest check takes", async () => {
    const long = "x".repeat(5_000);
    const at = config(
      files(
        { path: "/etc/a", contents: { source: `data:,${long}` } },
        { path: "/etc/b", contents: { source: "data:,b" } },
      ),
    );
    const into = join(lay({}), "deep", "web");
    const shown = await type(["manifest", "check", "--from", "ignition", at, "--into", into]);
    expect(shown).toEqual({ code: 0, out: `${into}: manifest.yaml and 1 of files/ are written\n`, err: "" });
    const written = textsBelow(into);
    expect(Object.keys(written)).toEqual(["files/etc/a", "manifest.yaml"]);
    expect(written["files/etc/a"]).toBe(long);
    expect(await type(["manifest", "check", join(into, "manifest.yaml")])).toMatchObject({ code: 0, err: "" });

    const again = await type(["manifest", "check", "--from", "ignition", config({}), "--into", into]);
    expect(again).toMatchObject({ code: 2, out: "" });
    expect(again.err).toContain("manifest.yaml is there already, and nothing was written");
    expect(textsBelow(into)).toEqual(written);
  });

  it("needs --from", async () => {
    expect(await type(["manifest", "check", "a.yaml", "--into", "b"])).toMatchObject({ code: 2 });
  });
});

describe("docs/coming-from.md", () => {
  const page = readFileSync(new URL("../../../docs/coming-from.md", import.meta.url), "utf8");

  it("shows what is said, as it is said", async () => {
    const [, shown = ""] = /```\n(config\.ign:[\s\S]*?)```/.exec(page) ?? [];
    const contents = { source: "https://acme.example/x", verification: { hash: "sha512-ab" } };
    const { err } = await type(["manifest", "check", config(file({ contents })), "--from", "ignition"]);
    const withoutPlace = (text: string) => text.replace(/^.*?config\.ign:\d+:\d+: storage\.files\[\d+\]/gm, "");
    expect(withoutPlace(shown)).toMatch(/^\.contents\.source: left out: .+\n {4}.+\n$/);
    expect(withoutPlace(err)).toContain(withoutPlace(shown));
  });

  it("names every field of --json", async () => {
    const { out } = await type(["manifest", "check", config(files({ path: "x" })), "--from", "ignition", "--json"]);
    const { untranslated, ...rest } = JSON.parse(out);
    const names = [...Object.keys(rest), "untranslated", ...Object.keys(untranslated[0])];
    for (const name of names) expect(page).toContain(`\`${name}\``);
  });
});
