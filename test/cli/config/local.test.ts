import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { localObjects } from "../../../cli/config/local.ts";
import { locked } from "../../../cli/config/lock.ts";
import { isFailure } from "../../../functions/google/failure.ts";
import { freshFolder } from "./folders.ts";

const bytes = (text: string) => Buffer.from(text);
const conflict = (problem: unknown) => isFailure(problem, "conflict");

describe("a store in a folder", () => {
  it("behaves as a map with generations does, whatever is asked of it in whatever order", async () => {
    const name = fc.constantFrom("refs/a.json", "refs/a/b.json", "blobs/1", "commits/1.json");
    const step = fc.tuple(fc.constantFrom("write", "create", "stale", "delete", "read", "list"), name, fc.string());
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const objects = localObjects(freshFolder());
        const model = new Map<string, { text: string; generation: string }>();
        for (const [what, at, text] of steps) {
          const known = model.get(at);
          if (what === "write" || what === "create") {
            const condition = what === "create" ? "0" : (known?.generation ?? "0");
            const fits = condition === (known?.generation ?? "0");
            const written = objects.write(at, bytes(text), condition);
            if (fits) model.set(at, { text, generation: await written });
            else await expect(written).rejects.toSatisfy(conflict);
            if (fits && known) expect(BigInt(model.get(at)?.generation ?? 0)).toBeGreaterThan(BigInt(known.generation));
          } else if (what === "stale") {
            await expect(objects.write(at, bytes(text), "12345")).rejects.toSatisfy(conflict);
          } else if (what === "delete") {
            if (known) await expect(objects.delete(at, "12345")).rejects.toSatisfy(conflict);
            await objects.delete(at, known?.generation ?? "12345");
            model.delete(at);
          } else if (what === "read") {
            const found = await objects.read(at);
            expect(found && { text: found.bytes.toString(), generation: found.generation }).toEqual(known);
          } else {
            const prefix = at.slice(0, 7);
            const listed = (await objects.list(prefix)).map((each) => [each.name, each.generation, each.size]);
            const expected = [...model]
              .filter(([each]) => each.startsWith(prefix))
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([each, { text: held, generation }]) => [each, generation, bytes(held).length]);
            expect(listed).toEqual(expected);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each(["../x", "/x", "refs/../../x", "", "a//b", "a/./b"])("has no object called %j", async (name) => {
    await expect(localObjects(freshFolder()).write(name, bytes("x"), "0")).rejects.toThrow(/cannot be the name/);
  });

  it("loses no write of four processes that each count up the same object", { timeout: 120_000 }, async () => {
    const folder = freshFolder();
    const each = 50;
    const children = Array.from({ length: 4 }, () =>
      fork(join(import.meta.dirname, "counting.ts"), [folder, String(each)], { stdio: "inherit" }),
    );
    const codes = await Promise.all(children.map(async (child) => (await once(child, "exit"))[0]));
    expect(codes).toEqual([0, 0, 0, 0]);
    expect((await localObjects(folder).read("refs/count.json"))?.bytes.toString()).toBe(String(4 * each));
    expect(readdirSync(join(folder, "unfinished"))).toEqual([]);
  });
});

describe("the lock of a store", () => {
  it("is free at once when the process that held it was killed", { timeout: 60_000 }, async () => {
    const folder = join(freshFolder(), "lock");
    const child = fork(join(import.meta.dirname, "holding.ts"), [folder], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    await once(child, "message");
    let mine = false;
    const waiting = locked(folder, () => {
      mine = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(mine).toBe(false);
    child.kill("SIGKILL");
    await waiting;
    expect(mine).toBe(true);
  });

  it("is not taken by one who has the number of a process that is gone", async () => {
    const folder = freshFolder();
    // The same process number, started at another time: on Linux that is somebody else.
    writeFileSync(
      join(folder, "7"),
      JSON.stringify({ pid: process.pid, started: "1", host: (await import("node:os")).hostname() }),
    );
    if (existsSync("/proc/self/stat")) expect(await locked(folder, () => readdirSync(folder))).toEqual(["8"]);
  });
});
