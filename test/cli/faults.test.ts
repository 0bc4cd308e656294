import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { moultRun, readyOf, start } from "./program.ts";
import { scratch } from "./scratch.ts";

const FREE = ["--port", "0", "--grpc-port", "0", "--instances", "virtual", "--json"];

async function running() {
  const program = start(["emulator", ...FREE]);
  const { url, project } = await readyOf(program);
  const env = { STORAGE_EMULATOR_HOST: url };
  return {
    url,
    project,
    run: (...args: string[]) => moultRun(["emulator", ...args], env),
    stop: async () => {
      program.child.kill("SIGTERM");
      await program.ended;
    },
  };
}

describe("moult emulator fault", () => {
  it("adds, lists with counts, and removes", async () => {
    const { url, project, run, stop } = await running();
    expect(await run("fault", "list")).toMatchObject({ code: 0, out: "there are no faults\n" });
    const added = await run(
      "fault",
      "add",
      "storage.buckets.list",
      "--fail",
      "503",
      "--retry-after",
      "2",
      "--times",
      "1",
    );
    expect(added).toMatchObject({ code: 0, out: "fault-1  storage.buckets.list: fail 503, each time, 1 at most\n" });
    const lost = await run(
      "fault",
      "add",
      "compute.*",
      "--resource",
      "instanceGroupManagers/web",
      "--drop",
      "--after",
      "--every",
      "3",
      "--json",
    );
    expect(JSON.parse(lost.out)).toMatchObject({
      id: "fault-2",
      match: { method: "compute.*", resource: "instanceGroupManagers/web" },
      do: { drop: true },
      when: "after",
      every: 3,
    });
    const buckets = `${url}/storage/v1/b?project=${project}`;
    const first = await fetch(buckets);
    expect([first.status, first.headers.get("retry-after"), (await fetch(buckets)).status]).toEqual([503, "2", 200]);
    const listed = await run("fault", "list");
    expect(listed.out).toMatch(/fault-1 +storage\.buckets\.list +fail 503 +each time, 1 at most +2 +1/);
    expect(listed.out).toMatch(
      /fault-2 +compute\.\* \/instanceGroupManagers\/web\/ +drop, after it was done +every 3rd +0 +0/,
    );
    expect(await run("fault", "remove", "fault-1")).toMatchObject({ code: 0, out: "fault-1 is gone\n" });
    expect(await run("fault", "remove", "fault-1")).toMatchObject({ code: 4 });
    expect(await run("fault", "remove", "--all")).toMatchObject({ code: 0 });
    expect(JSON.parse((await run("fault", "list", "--json")).out)).toEqual([]);
    await stop();
  });

  const rows: [string, string[], RegExp][] = [
    ["no action", ["add", "storage.objects.get"], /exactly one of --fail, --delay, --reset/],
    ["two actions", ["add", "storage.objects.get", "--reset", "--drop"], /exactly one of/],
    ["details of an error that is none", ["add", "storage.objects.get", "--reset", "--reason", "x"], /go with --fail/],
    ["a number that is none", ["add", "storage.objects.get", "--delay", "soon"], /--delay must be a number/],
    ["nothing to remove", ["remove"], /its ID, or all with --all/],
    ["no word", [], /needs one more word: moult emulator fault knows add, list, remove/],
    ["a wrong word", ["ad"], /has no "ad".*Did you mean moult emulator fault add\?/],
  ];
  it.each(rows)("refuses %s with a sentence, before it asks anybody", async (_sentence, args, message) => {
    const { code, err } = await moultRun(["emulator", "fault", ...args], {
      STORAGE_EMULATOR_HOST: "http://127.0.0.1:9",
    });
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(message) });
  });

  it("passes on what the emulator says of a rule that means nothing", async () => {
    const { run, stop } = await running();
    const { code, err } = await run("fault", "add", "--fail", "503");
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/would stop everything/) });
    await stop();
  });

  it("says when no emulator is there", async () => {
    const { code, err } = await moultRun(["emulator", "fault", "list", "--url", "http://127.0.0.1:9"]);
    expect({ code, err }).toEqual({
      code: 3,
      err: expect.stringMatching(/no emulator answers at http:\/\/127\.0\.0\.1:9/),
    });
  });
});

describe("moult emulator export, reset and import", () => {
  it("take everything out, away and back in", async () => {
    const { url, project, run, stop } = await running();
    const topic = `${url}/v1/projects/${project}/topics/kept`;
    await fetch(topic, { method: "PUT", body: "{}" });
    const file = join(scratch(), "all.tar.gz");
    expect((await run("export", file)).out).toMatch(/all\.tar\.gz has \d+ KiB/);
    expect(readFileSync(file).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
    expect(await run("reset")).toMatchObject({ code: 0, out: "the emulator is empty\n" });
    expect((await fetch(topic)).status).toBe(404);
    expect(await run("import", file)).toMatchObject({ code: 0 });
    expect((await fetch(topic)).status).toBe(200);
    expect(await run("import", join(scratch(), "nothing"))).toMatchObject({ code: 2 });
    await stop();
  });

  it("reset with --functions sets the project up again, and the functions go on", async () => {
    const program = start(["emulator", ...FREE, "--functions"]);
    const { url, project } = await readyOf(program);
    const there = async () =>
      Promise.all(
        [
          `/v1/projects/${project}/topics/moult-commands`,
          `/v1/projects/${project}/locations/us-central1/triggers/moult-oncommand`,
        ].map(async (path) => (await fetch(url + path)).status),
      );
    expect(await there()).toEqual([200, 200]);
    await moultRun(["emulator", "reset", "--url", url]);
    expect(await there()).toEqual([200, 200]);
    program.child.kill("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0 });
  });

  it("serves its page from the bundle", async () => {
    const { url, stop } = await running();
    const page = await fetch(`${url}/`, { headers: { accept: "text/html" } });
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("<title>moult emulator</title>")]);
    await stop();
  });
});
