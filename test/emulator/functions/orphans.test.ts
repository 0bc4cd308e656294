import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { expect, it, vi } from "vitest";
import { ECHO, isAlive } from "./bed.ts";

it("functions end with an emulator that was killed", { timeout: 60_000 }, async () => {
  const child = spawn(process.execPath, [resolve("test/emulator/functions/hosted.ts")], {
    env: { ...process.env, SOURCE: ECHO },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    child.kill("SIGKILL");
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000, interval: 20 });
  } finally {
    child.kill("SIGKILL");
  }
});
