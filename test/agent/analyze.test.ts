import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chart } from "../../agent/tools/analyze/chart.ts";
import { svg } from "../../agent/tools/analyze/svg.ts";
import { showMs, type Timeline, timelineOf } from "../../agent/tools/analyze/timeline.ts";
import { type FakeCloud, startCloud } from "./cloud.ts";
import { builtAgent, ended, Machine, runAgent } from "./machine.ts";

const version = "projects/acme/secrets/db/versions/3";
const payload = "hunter2-of-the-database";

let cloud: FakeCloud;
let machine: Machine;

beforeEach(async () => {
  cloud = await startCloud();
  cloud.secrets.set(version, Buffer.from(payload));
  machine = new Machine(cloud);
  machine.bake({ manifest: 1, secrets: { db: version }, files: [{ path: "/etc/db", secret: "db" }] });
});

afterEach(async () => {
  machine.remove();
  await cloud.close();
});

const analyze = (...args: string[]) => runAgent("analyze", "--root", machine.root, ...args);
const kept = "/var/lib/moult/boots.json";

/** Well-formed as far as tags, attributes and entities go: every tag closed in order, one root, nothing raw. */
function elementsOf(xml: string): string[] {
  const names: string[] = [];
  const open: string[] = [];
  const rest = xml.replace(
    /<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<&]*(?:&(?:amp|lt|gt|quot);[^"<&]*)*")*)\s*(\/?)>/g,
    (_tag, end, name, _attributes, empty) => {
      if (end) expect(open.pop()).toBe(name);
      else {
        if (names.length > 0) expect(open.length).toBeGreaterThan(0);
        names.push(name);
        if (!empty) open.push(name);
      }
      return "";
    },
  );
  expect(open).toEqual([]);
  expect(rest.replace(/&(amp|lt|gt|quot);/g, "")).not.toMatch(/[<&]/);
  return names;
}

describe("analyze", () => {
  test("shows every phase of the last boot, in ASCII and 80 columns", async () => {
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    const run = await analyze();
    expect(run).toMatchObject({ exit: 0, stderr: "" });
    for (const phase of ["start", "identify", "plan", "fetch", "render", "place", "report"])
      expect(run.stdout).toMatch(new RegExp(`^${phase} +[.=#%:~-]+ +[\\d.]+ m?s$`, "m"));
    expect(run.stdout).toMatch(/^ready: 0 files sealed$/m);
    expect(run.stdout).toMatch(
      /^kernel\s+to\s+agent\s+[\d.]+\s[^,]+,\s+agent\s+0\.1\.0\s[^,]+,\s+processor\s[^,]+,\s+memory\s+\d+\s+MiB$/m,
    );
    expect(run.lines.filter((line) => line.length > 80 || /[^ -~]/.test(line))).toEqual([]);
  });

  test("shows attempts that failed on the way", async () => {
    let refusals = 2;
    cloud.interfere = (_request, response, path) => {
      if (!path.includes(":access") || refusals-- <= 0) return false;
      response.writeHead(503, { "Retry-After": "0" });
      response.end();
      return true;
    };
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    const { stdout } = await analyze();
    const [, tail = ""] = stdout.split("\non the way\n");
    expect(tail.split("\n").filter((line) => /503/.test(line))).toHaveLength(2);
  });

  test("draws a picture that is whole XML, says in words what it shows, and runs nothing", async () => {
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    const file = join(machine.root, "boot.svg");
    expect(await analyze("--svg", file)).toMatchObject({ exit: 0 });
    const picture = readFileSync(file, "utf8");
    const names = elementsOf(picture);
    expect(names.slice(0, 3)).toEqual(["svg", "title", "desc"]);
    expect(names).not.toContain("script");
    expect(picture).toMatch(/<desc id="desc">.*identify [\d.]+ ms from [\d.]+ ms/);
    expect(picture).toContain("prefers-color-scheme:dark");
    expect(await analyze("--svg", machine.root)).toMatchObject({ exit: 64 });
  });

  test("keeps the last five boots, whose records hold no secret", async () => {
    for (let i = 0; i < 6; i++) expect(await machine.boot()).toMatchObject({ exit: 0 });
    const { boots } = JSON.parse((await analyze("--json")).stdout);
    expect(boots).toHaveLength(5);
    expect(new Set(boots.map(({ boot }: { boot: string }) => boot)).size).toBe(5);
    expect(machine.mode(kept)).toBe("0600");
    expect(machine.read(kept)).not.toContain(payload);
    expect(existsSync(`${machine.root}${kept}.new`)).toBe(false);
    expect((await analyze()).lines.filter((line) => line.includes("longest: "))).toHaveLength(5);
  });

  test("of a machine that was never sealed nothing is on its disk, and the failed boot is shown all the same", async () => {
    mkdirSync(`${machine.root}/run`);
    cloud.secrets.clear();
    const before = machine.persistent();
    expect(await machine.boot()).toMatchObject({ exit: 11 });
    expect(machine.persistent()).toEqual(before);
    const run = await analyze();
    expect(run.exit).toBe(0);
    expect(run.stdout).toMatch(/^failed secret-missing: /m);
  });

  test("a record that a power cut has torn is made anew", async () => {
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    machine.write(kept, '[{"boot": "ab');
    machine.write(`${kept}.new`, "[");
    expect((await analyze()).exit).toBe(64);
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(JSON.parse(machine.read(kept))).toHaveLength(1);
    expect(existsSync(`${machine.root}${kept}.new`)).toBe(false);
  });

  test("a machine without any record: exit 64", async () => {
    expect(await analyze()).toMatchObject({ exit: 64, stdout: "" });
  });

  test("reads a report wherever it was kept", async () => {
    cloud.instance.attributes["moult-release"] = JSON.stringify({
      release: "a".repeat(64),
      fleet: "web",
      image: { name: "i", id: "1" },
      secrets: { db: version },
      reports: { bucket: "told", topic: "projects/acme/topics/told" },
    });
    const { stdout } = await machine.boot("--json");
    const attribute = cloud.guestAttributes.get("moult/report") ?? "";
    const [, object = Buffer.of()] = [...cloud.objects].find(([name]) => name.startsWith("told/reports/")) ?? [];
    for (const text of [stdout, attribute, object.toString()]) {
      const file = join(machine.root, "report.json");
      writeFileSync(file, text);
      const run = await runAgent("analyze", file);
      expect(run).toMatchObject({ exit: 0, stderr: "" });
      expect(run.stdout).toMatch(/^identify +=+ +[\d.]+ ms$/m);
      expect(run.stdout).toContain("5184363046278950541");
    }
    const piped = spawn(process.execPath, [builtAgent(), "analyze", "-", "--json"], {
      env: {},
      stdio: ["pipe", "pipe", "pipe"],
    });
    piped.stdin.end(attribute);
    expect(await ended(piped)).toMatchObject({ exit: 0, stderr: "" });
  });

  test("takes no file that is no report", async () => {
    const file = join(machine.root, "report.json");
    for (const text of ["", "{}", "[]", "7", '{"report": "{}", "token": ""}']) {
      writeFileSync(file, text);
      expect(await runAgent("analyze", file)).toMatchObject({ exit: 64, stdout: "" });
    }
    expect(await runAgent("analyze", join(machine.root, "none"))).toMatchObject({ exit: 64 });
    expect(await analyze(file)).toMatchObject({ exit: 64 });
  });
});

describe("a line of time", () => {
  const phases = (...all: [string, number | undefined, number][]) => ({
    verdict: "ready",
    phases: all.map(([name, at, ms]) => ({ name, ...(at === undefined ? {} : { at }), ms })),
  });

  test("puts phases one after the other when a report does not say when they began", () => {
    const timeline = timelineOf(phases(["identify", undefined, 10], ["fetch", undefined, 30]));
    expect(timeline?.placed).toBe(false);
    expect(timeline?.bars).toMatchObject([
      { at: 0, ms: 10 },
      { at: 10, ms: 30 },
    ]);
    expect(timeline?.ms).toBe(40);
  });

  test("begins with what Node needed where that is known", () => {
    const timeline = timelineOf({ ...phases(["identify", 1, 10]), start: 40, ms: 60 });
    expect(timeline?.bars).toMatchObject([
      { name: "start", at: 0, ms: 40 },
      { name: "identify", at: 41, ms: 10 },
    ]);
    expect(timeline?.ms).toBe(60);
  });

  test("draws boots of a microsecond, of a day and with strange texts", () => {
    const odd = {
      message: `<&">\u0000\u001b[31m${"x".repeat(300)}`,
      bootedAt: "2026",
      said: [{ at: 1, line: "a <b> & c\u0007" }],
    };
    for (const ms of [0, 0.001, 86_400_000]) {
      const timeline: Timeline | undefined = timelineOf({
        ...phases(["place", 0, ms], ["constructor", ms, 0]),
        ...odd,
      });
      expect(timeline).toBeDefined();
      if (!timeline) continue;
      elementsOf(svg(timeline));
      expect(svg(timeline).replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
      expect(chart(timeline).filter((line) => line.length > 80)).toEqual([]);
    }
  });

  test.each([
    [0.04, "0.0 ms"],
    [12.34, "12.3 ms"],
    [432.1, "432 ms"],
    [4_210, "4.21 s"],
    [61_000, "1 min 1 s"],
    [119_900, "2 min 0 s"],
  ])("says %d ms as %s", (ms, text) => {
    expect(showMs(ms)).toBe(text);
  });
});
