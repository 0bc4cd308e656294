import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { moult } from "../program.ts";
import { commit, configFolder, freshFolder, json, manifest, on, text, write } from "./folders.ts";

const dying = join(import.meta.dirname, "dying.mjs");

/** Runs the program until it is about to change the file system for the nth time, and kills it there. */
function runDying(at: number | "count", args: string[]) {
  const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", DIE_AT: String(at) };
  return spawnSync(process.execPath, ["--import", dying, moult, "config", ...args], { env, encoding: "utf8" });
}

function changesOf(stderr: string): number {
  return Number(/changes: (\d+)/.exec(stderr)?.[1] ?? Number.NaN);
}

/** 1 when it was killed. A run may have one change less than another, when it finds less to tidy up: then it ends well. */
function died({ signal, status, stderr }: ReturnType<typeof runDying>): number {
  if (signal === "SIGKILL") return 1;
  expect([status, stderr]).toEqual([0, ""]);
  return 0;
}

/** Every point of a run at which it changes something, or as many spread over it. */
function points(count: number, most = 40): number[] {
  const step = Math.max(1, count / most);
  return [...new Set(Array.from({ length: Math.min(count, most) }, (_, i) => Math.ceil((i + 1) * step)))];
}

describe("killed before any of its changes to the file system", () => {
  it("a commit is made or not made, and the next one works", { timeout: 240_000 }, async () => {
    const folder = await configFolder({ "manifest.yaml": manifest("a"), "files/a": "1\n" });
    const first = await commit(folder, "web");
    write(folder, { "files/a": "2\n", "files/b": "3\n" });
    const args = (at: string) => ["commit", "--ref", "web", "-m", "second", "--author", "ana", "--folder", at];
    const copy = () => {
      const at = join(freshFolder(), "conf");
      cpSync(folder, at, { recursive: true, preserveTimestamps: true });
      return at;
    };
    const counted = runDying("count", args(copy()));
    expect(counted.stderr).toMatch(/changes: \d+/);
    const seen = new Set<string>();
    let killed = 0;
    for (const point of points(changesOf(counted.stderr))) {
      const at = copy();
      killed += died(runDying(point, args(at)));
      expect((await on(at, "verify")).code).toBe(0);
      const [found] = await json<{ commit: string; message: string }[]>(at, "log", "web");
      seen.add(found?.message ?? "");
      if (found?.message !== "second") expect(found?.commit).toBe(first.commit);
      const again = await commit(at, "web");
      expect(again.new).toBe(found?.message !== "second");
      expect((await on(at, "cat", "web", "a")).out).toBe("2\n");
    }
    expect(seen).toEqual(new Set(["a change", "second"]));
    expect(killed).toBeGreaterThan(15);
  });

  it("a checkout is the commit before or the one after, and the next one works", { timeout: 240_000 }, async () => {
    const folder = await configFolder({ "manifest.yaml": manifest("a", "b"), "files/a": "1\n", "files/b": "1\n" });
    await commit(folder, "one");
    write(folder, { "files/a": "2\n", "files/b": "2\n", "files/c": "same\n" });
    await commit(folder, "two");
    const out = join(freshFolder(), "out");
    await json(folder, "checkout", "one", out);
    const args = ["checkout", "two", out, "--folder", folder];
    const count = changesOf(runDying("count", args).stderr);
    const seen = new Set<string>();
    let killed = 0;
    for (const point of points(count)) {
      await json(folder, "checkout", "one", out);
      killed += died(runDying(point, args));
      const state = readdirSync(join(out, "files"))
        .map((name) => name + text(out, "files", name).trim())
        .join(" ");
      expect(["a1 b1", "a2 b2 csame"]).toContain(state);
      seen.add(state);
      await json(folder, "checkout", "two", out);
      expect(readdirSync(join(out, "files"))).toEqual(["a", "b", "c"]);
      // What the dead left is gone.
      expect(readdirSync(join(out, "..", ".out.moult")).length).toBe(2);
    }
    expect(seen.size).toBe(2);
    expect(killed).toBeGreaterThan(15);
  });

  it("init, keygen and sign leave nothing half-written", { timeout: 120_000 }, async () => {
    const folder = await configFolder();
    const { commit: digest } = await commit(folder, "web");
    const key = join(freshFolder(), "k");
    expect(runDying("count", ["keygen", key]).status).toBe(0);
    const args = ["sign", "web", "--key", `${key}.pem`, "--folder", folder];
    for (const point of points(changesOf(runDying("count", args).stderr))) {
      runDying(point, args);
      expect((await on(folder, "verify")).code).toBe(0);
    }
    expect(readFileSync(join(folder, ".moult/store/signatures", `${digest}.json`), "utf8")).toContain(
      '"signatures":{"',
    );
  });
});
