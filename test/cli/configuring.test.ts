import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FakeCloud, putPack, startCloud } from "../agent/cloud.ts";
import { ended, Machine, runAgent } from "../agent/machine.ts";
import { type } from "./screen.ts";

const page = readFileSync(new URL("../../docs/configuring.md", import.meta.url), "utf8");
const blocks = [...page.matchAll(/```(yaml|json)\n([\s\S]*?)```/g)].map(([, kind, text = ""]) => ({ kind, text }));
const yamlOf = (way: string) => blocks.find(({ text }) => text.startsWith(`# ${way}\n`))?.text ?? `there is no ${way}`;
const template = blocks.find(({ kind }) => kind === "json")?.text ?? "";

let cloud: FakeCloud;
let machine: Machine;
let folder: string;

beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
  for (const unit of ["web.service", "moult-verify.timer"])
    machine.write(`/usr/lib/systemd/system/${unit}`, "[Unit]\n");
  folder = mkdtempSync(join(tmpdir(), "moult-configuring-"));
});
afterEach(async () => {
  await cloud.close();
  machine.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Through the command line, as its author would: checked, then compiled. */
async function compiled(way: string, sources: Record<string, string> = {}): Promise<string> {
  const file = join(folder, "manifest.yaml");
  mkdirSync(join(folder, "files"), { recursive: true });
  for (const [name, text] of Object.entries(sources)) writeFileSync(join(folder, "files", name), text);
  writeFileSync(file, yamlOf(way));
  expect(await type(["manifest", "check", file])).toEqual({ code: 0, out: `${file} is valid\n`, err: "" });
  return (await type(["manifest", "compile", file])).out;
}

async function boot(): Promise<void> {
  const run = await machine.boot();
  expect(`${run.exit} ${run.last} ${run.stderr}`).toMatch(/^0 moult-agent: ready: /);
}

const verify = () => runAgent("verify", "--root", machine.root);

describe("docs/configuring.md", () => {
  it("has four ways, each with a manifest", () => {
    expect(blocks.filter(({ kind }) => kind === "yaml")).toHaveLength(4);
  });

  it("baked in: the application has what the image has, and an edit of it is found", async () => {
    machine.bake(await compiled("baked in"));
    machine.write("/etc/web/web.conf", "port 8080\n");
    await boot();
    expect(machine.read("/etc/web/web.conf")).toBe("port 8080\n");
    expect(cloud.requests.some(({ path }) => path.includes("/secrets/") || path.includes("/storage/"))).toBe(false);
    expect((await verify()).exit).toBe(0);
    machine.write("/etc/web/web.conf", "port 9090\n");
    const drifted = await verify();
    expect(drifted.exit).toBe(14);
    expect(drifted.stdout + drifted.stderr).toContain("/etc/web/web.conf");
  });

  it("environment variables: the application has them, and the file that a tool would have edited", async () => {
    const password = "p\"w' [x]\\$é%";
    cloud.secrets.set("projects/acme-prod/secrets/web-db/versions/3", Buffer.from(password));
    machine.bake(await compiled("environment variables"));
    machine.write("/opt/app", '#!/bin/sh\nprintf "%s|%s|%s" "$ENV" "$PORT" "$DATABASE_PASSWORD" > "$1"\n', 0o755);
    const got = join(machine.root, "got");
    const run = await ended(machine.start("--exec", "--", `${machine.root}/opt/app`, got));
    expect(run.exit).toBe(0);
    expect(readFileSync(got, "utf8")).toBe(`dev|8000|${password}`);
    expect(machine.read("/etc/web/web.ini")).toBe(
      `[server]\nenv = dev\nport = 8000\n[database]\npassword = ${password}\n`,
    );
    expect(machine.read("/run/moult/environment/web.service")).toContain("PORT=");
    expect(JSON.stringify(machine.persistent())).not.toContain(JSON.stringify(password).slice(1, -1));
  });

  it("environment variables: a value that would change the file's meaning starts nothing", async () => {
    cloud.secrets.set("projects/acme-prod/secrets/web-db/versions/3", Buffer.from("x\nport = 1"));
    machine.bake(await compiled("environment variables"));
    const run = await machine.boot();
    expect(run.exit).toBe(10);
    expect(run.stdout).toContain("value-unfit");
    expect(() => machine.read("/etc/web/web.ini")).toThrow();
  });

  it("made outside, copied in once: from the commit that the release names, and never again", async () => {
    const key = "projects/acme-prod/secrets/web-tls/versions/1";
    cloud.secrets.set(key, Buffer.from("a key"));
    const name = (commit: string) => {
      cloud.instance.attributes["moult-release"] = JSON.stringify({
        release: commit,
        fleet: "web",
        image: { name: "web-1", id: "1" },
        config: { bucket: "acme-config", commit },
        secrets: { "tls-key": key },
        reports: { bucket: "acme-reports", topic: "projects/acme/topics/moult-reports" },
      });
    };
    const sources = { "web.conf": "{{ as it is }}\n", "upstream.json.tmpl": template };
    const manifest = JSON.parse(await compiled("made outside, copied in once", sources));
    name(putPack(cloud, "acme-config", manifest, sources));
    await boot();
    const placed = () => ({
      conf: machine.read("/etc/web/web.conf"),
      upstream: JSON.parse(machine.read("/etc/web/upstream.json")),
      key: machine.read("/etc/web/tls.key"),
    });
    const first = { conf: "{{ as it is }}\n", upstream: { name: "web-b7kq", zone: "us-central1-a" }, key: "a key" };
    expect(placed()).toEqual(first);
    expect(machine.mode("/etc/web/upstream.json")).toBe("0640");
    expect(machine.mode("/var/lib/web")).toBe("0750");

    name(putPack(cloud, "acme-config", manifest, { ...sources, "web.conf": "another\n" }));
    machine.loseMemory();
    await boot();
    expect(placed()).toEqual(first);
    // The same image as another machine of the new release.
    cloud.instance.id = "5184363046278950999";
    await boot();
    expect(placed()).toEqual({ ...first, conf: "another\n" });
  });

  describe("a blob at each boot", () => {
    const config = () => JSON.parse(machine.read("/etc/web/config.json"));

    beforeEach(async () => {
      cloud.secrets.set("projects/acme-prod/secrets/web-token/versions/7", Buffer.from('to"ken'));
      cloud.secrets.set("projects/acme-prod/secrets/web-licence/versions/2", Buffer.from('{"seats": 5}'));
      machine.bake(await compiled("a blob at each boot"));
    });

    it("is made again in memory at each boot, as it was at the first", async () => {
      cloud.instance.attributes.shard = "7";
      await boot();
      const wanted = { shard: 7, log: "info", token: 'to"ken' };
      expect(config()).toEqual(wanted);
      expect(machine.read("/etc/web/licence.json")).toBe('{"seats": 5}');
      expect(JSON.stringify(machine.persistent())).not.toMatch(/seats|to.{1,3}ken/);

      machine.loseMemory();
      expect(() => config()).toThrow();
      Object.assign(cloud.instance.attributes, { shard: "8", "log-level": "debug" });
      await boot();
      expect(config()).toEqual(wanted);

      cloud.instance.id = "5184363046278950999";
      await boot();
      expect(config()).toEqual({ shard: 8, log: "debug", token: 'to"ken' });
    });

    it.each([
      ["is missing", {}, "attribute-missing"],
      ["is out of bounds", { shard: "64" }, "attribute-unfit"],
      ["is not of its type", { shard: "seven" }, "attribute-unfit"],
      ["is none of what is allowed", { shard: "7", "log-level": "chatty" }, "attribute-unfit"],
    ])("boots nothing when a key of it %s", async (_sentence, attributes, code) => {
      Object.assign(cloud.instance.attributes, attributes);
      const run = await machine.boot();
      expect(run.exit).toBe(10);
      expect(run.stdout).toContain(code);
      expect(run.stdout).not.toMatch(/seven|chatty/);
      expect(() => config()).toThrow();
    });
  });
});

describe("moult manifest init", () => {
  it("writes a folder that is valid and boots as it is", async () => {
    const at = join(folder, "web");
    const shown = await type(["manifest", "init", at]);
    expect(shown).toEqual({
      code: 0,
      out: `${at}: manifest.yaml and files/ are written. Next: moult manifest check ${at}/manifest.yaml\n`,
      err: "",
    });
    expect(await type(["manifest", "check", `${at}/manifest.yaml`])).toMatchObject({ code: 0 });
    const { out } = await type(["manifest", "compile", `${at}/manifest.yaml`]);
    machine.bake(out, { "config.json.tmpl": readFileSync(`${at}/files/config.json.tmpl`, "utf8") });
    await boot();
    expect(JSON.parse(machine.read("/etc/app/config.json"))).toEqual({
      name: "web-b7kq",
      address: "127.0.0.1",
      port: 8080,
    });
    expect(machine.read("/etc/hostname")).toBe("web-b7kq\n");
  });

  it("has nothing in its comments that could not be taken in", async () => {
    const at = join(folder, "web");
    await type(["manifest", "init", at]);
    const file = join(at, "manifest.yaml");
    const text = readFileSync(file, "utf8").replace(/^# ?((?: {2})?\w[\w ]*: ?.*|units.*)$/gm, "$1");
    writeFileSync(file, text);
    expect(text).toMatch(/^units: /m);
    expect(text).toMatch(/^ {2}db: /m);
    expect((await type(["manifest", "check", file])).err.replaceAll(file, "FILE")).toBe("");
  });

  it("writes over nothing", async () => {
    writeFileSync(join(folder, "manifest.yaml"), "mine\n");
    const shown = await type(["manifest", "init", folder]);
    expect(shown).toMatchObject({ code: 2, out: "" });
    expect(shown.err).toContain("is there already, and nothing was written");
    expect(readFileSync(join(folder, "manifest.yaml"), "utf8")).toBe("mine\n");
  });

  it("says when a folder cannot be made", async () => {
    writeFileSync(join(folder, "file"), "");
    expect(await type(["manifest", "init", join(folder, "file", "below")])).toMatchObject({
      code: 2,
      err: expect.stringContaining("cannot be written: ENOTDIR"),
    });
  });
});
