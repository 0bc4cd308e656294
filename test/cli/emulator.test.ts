import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { moultRun, readyOf, start } from "./program.ts";
import { scratch } from "./scratch.ts";

const FREE = ["--port", "0", "--grpc-port", "0"];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

describe("moult emulator", () => {
  it("prints one ready line with every endpoint, nothing after it, and ends with 0 on SIGTERM", async () => {
    const program = start(["emulator", ...FREE, "--json", "--project", "acme-test"]);
    const ready = await readyOf(program);
    expect(ready).toMatchObject({ ready: true, project: "acme-test", pid: program.child.pid });
    expect(Object.keys(ready.endpoints).sort()).toEqual([
      "certs",
      "compute",
      "eventarc",
      "logging",
      "metadata",
      "pubsub",
      "pubsubGrpc",
      "scheduler",
      "secretmanager",
      "storage",
    ]);
    expect(ready.env).toMatchObject({ GOOGLE_CLOUD_PROJECT: "acme-test", PUBSUB_EMULATOR_HOST: ready.grpc });
    const zones = await fetch(`${ready.endpoints.compute}projects/acme-test/zones/us-central1-a`);
    expect(await zones.json()).toMatchObject({ kind: "compute#zone", name: "us-central1-a" });
    program.child.kill("SIGTERM");
    const { code, signal, out } = await program.ended;
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    expect(out.split("\n")).toHaveLength(2);
    await expect(fetch(ready.url)).rejects.toThrow();
  });

  it("ends with 0 on Ctrl-C, and shows the export lines of its environment", async () => {
    const port = await freePort();
    const program = start(["emulator", "--port", String(port), "--grpc-port", "0"]);
    await expect.poll(program.out).toContain("Ctrl-C stops it");
    expect(program.out()).toContain(`http://127.0.0.1:${port}`);
    expect(program.out()).toContain(`export STORAGE_EMULATOR_HOST=http://127.0.0.1:${port}\n`);
    program.child.kill("SIGINT");
    expect(await program.ended).toMatchObject({ code: 0, signal: null });
  });

  it("says which port is taken, and what to do", async () => {
    const program = start(["emulator", ...FREE, "--json"]);
    const port = new URL((await readyOf(program)).url).port;
    const second = await moultRun(["emulator", "--port", port, "--grpc-port", "0"]);
    expect(second.code).toBe(1);
    expect(second.err).toContain(`port ${port} of 127.0.0.1 is taken`);
    expect(second.err).toContain("--port N");
    program.child.kill("SIGTERM");
    await program.ended;
  });

  it("goes on from a state folder, which only one may use", async () => {
    const folder = join(scratch(), "state");
    const first = start(["emulator", ...FREE, "--json", "--state", folder]);
    const { env, endpoints } = await readyOf(first);
    const made = await fetch(`${endpoints.storage}b?project=${env.GOOGLE_CLOUD_PROJECT}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "kept" }),
    });
    expect(made.status).toBe(200);
    const second = await moultRun(["emulator", ...FREE, "--state", folder]);
    expect(second).toMatchObject({ code: 1, out: "" });
    expect(second.err).toMatch(/is in use by the emulator with process id \d+/);
    first.child.kill("SIGTERM");
    expect(await first.ended).toMatchObject({ code: 0 });

    const third = start(["emulator", ...FREE, "--json", "--state", folder]);
    const { endpoints: again } = await readyOf(third);
    expect((await fetch(`${again.storage}b/kept`)).status).toBe(200);
    third.child.kill("SIGTERM");
    await third.ended;
  });

  it("--verbose writes one line a request, on standard error", async () => {
    const program = start(["emulator", ...FREE, "--json", "--verbose"]);
    const { url } = await readyOf(program);
    await fetch(`${url}/compute/v1/projects/moult-local/global/nonsense`);
    await expect.poll(program.err).toMatch(/^501 GET \/compute\/v1\/projects\/moult-local\/global\/nonsense /m);
    program.child.kill("SIGTERM");
    expect((await program.ended).out.split("\n")).toHaveLength(2);
  });
});

describe("moult emulator exec", () => {
  const rows: [string, string[], number][] = [
    ["a command that succeeds", ["true"], 0],
    ["a command that fails", ["sh", "-c", "exit 7"], 7],
    ["a command that a signal ends", ["sh", "-c", "kill -TERM $$"], 143],
    ["a command that is not there", ["no-such-command-anywhere"], 127],
    ["a file that cannot be run", [join(import.meta.dirname, "emulator.test.ts")], 126],
  ];
  for (const [sentence, words, code] of rows) {
    it(`exits with ${code} for ${sentence}`, async () => {
      expect(await moultRun(["emulator", "exec", "--", ...words])).toMatchObject({ code, signal: null });
    });
  }

  it("gives the command the emulator's environment and leaves standard output to it", async () => {
    const script =
      "const {url} = {url: process.env.STORAGE_EMULATOR_HOST}; fetch(url + '/emulator').then((r) => r.json()).then((j) => console.log(j.project))";
    const { code, out } = await moultRun([
      "emulator",
      "exec",
      "--project",
      "acme-exec",
      "--",
      process.execPath,
      "-e",
      script,
    ]);
    expect({ code, out }).toEqual({ code: 0, out: "acme-exec\n" });
  });

  it("passes a signal on and ends as the command does", async () => {
    const program = start([
      "emulator",
      "exec",
      "--",
      "sh",
      "-c",
      'trap "exit 9" TERM; echo up; while :; do sleep 0.05; done',
    ]);
    expect(await program.firstLine).toBe("up");
    program.child.kill("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 9, out: "up\n" });
  });
});
