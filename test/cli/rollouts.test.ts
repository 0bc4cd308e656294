import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { PastRollout } from "../../cli/fleet/rollouts.ts";
import type { FleetView } from "../../cli/fleet/view.ts";
import type { Plan } from "../../functions/core/planned.ts";
import { type Ready, readyOf, start } from "./program.ts";
import { writeScratch } from "./scratch.ts";
import { type Shown, type } from "./screen.ts";

// One fleet of virtual machines and the real control plane; the tests are its life, in order. The command line runs in this
// process: its start is tested elsewhere.
vi.setConfig({ testTimeout: 120_000 });

const PROJECT = "acme-rollouts";
const ZONE = "us-central1-a";
let ready: Ready;

const moult = (...args: string[]): Promise<Shown> => type(args, { ...ready.env, MOULT_OPERATOR: "ada" });

async function json<T>(...args: string[]): Promise<T> {
  const { code, out, err } = await moult(...args, "--json");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out) as T;
}

const status = () => json<FleetView>("status", "web");
const phase = async () => (await status()).rollout?.phase;
const words = async () => (await status()).reasons.map(({ word }) => word);

async function compute(path: string, body: object): Promise<void> {
  const call = async (method: string, url: string, content?: object) => {
    const response = await fetch(`${ready.endpoints.compute}projects/${PROJECT}/${url}`, {
      method,
      ...(content && { headers: { "content-type": "application/json" }, body: JSON.stringify(content) }),
    });
    const answer = (await response.json()) as { name: string; zone?: string };
    expect(response.status, JSON.stringify(answer)).toBe(200);
    return answer;
  };
  const { name, zone } = await call("POST", path, body);
  await call("POST", `${zone ? `zones/${ZONE}` : "global"}/operations/${name}/wait`);
}

async function publish(name: string): Promise<void> {
  const folder = join(writeScratch(`${name}/etc/version`, name), "..", "..");
  const { code, err } = await moult("image", "create", name, "--family", "web", "--from", folder);
  expect(code, err).toBe(0);
}

function fleetFile(name: string, more: string): string {
  return writeScratch(
    `${name}.yaml`,
    `fleet: web
project: ${PROJECT}
groups: [{ zone: ${ZONE}, name: web, base: web-base }]
follows: { family: web }
finalBake: 1s
gates: [health]
${more}
`,
  );
}
const careful = () =>
  fleetFile("careful", "mode: approve\nsteps: [{ canary: 1, bake: 1s, approval: true }, { share: 100% }]");

beforeAll(async () => {
  const args = ["--port", "0", "--json", "--functions", "--instances", "virtual", "--project", PROJECT];
  ready = await readyOf(start(["emulator", ...args]));
  // Google's own clients read their endpoints from here.
  for (const [name, value] of Object.entries(ready.env)) vi.stubEnv(name, value);
  await publish("web-v1");
  await compute("global/healthChecks", {
    name: "web",
    type: "HTTP",
    httpHealthCheck: { port: 8080 },
    checkIntervalSec: 1,
    timeoutSec: 1,
    healthyThreshold: 1,
  });
  const sourceImage = `projects/${PROJECT}/global/images/web-v1`;
  await compute("global/instanceTemplates", {
    name: "web-base",
    properties: {
      machineType: "e2-small",
      disks: [{ boot: true, autoDelete: true, initializeParams: { sourceImage } }],
      networkInterfaces: [{ network: "global/networks/default" }],
    },
  });
  await compute(`zones/${ZONE}/instanceGroupManagers`, {
    name: "web",
    baseInstanceName: "web",
    targetSize: 4,
    versions: [{ instanceTemplate: `projects/${PROJECT}/global/instanceTemplates/web-base` }],
    autoHealingPolicies: [{ healthCheck: `projects/${PROJECT}/global/healthChecks/web`, initialDelaySec: 60 }],
  });
});

const OF_A_FLEET = [
  ["rollout", "plan", "wb"],
  ["rollout", "start", "wb"],
  ["rollout", "watch", "wb"],
  ["rollout", "pause", "wb"],
  ["rollout", "resume", "wb"],
  ["rollout", "approve", "wb"],
  ["rollout", "abort", "wb"],
  ["rollout", "history", "wb"],
  ["hold", "wb", "--reason", "x"],
  ["unhold", "wb"],
  ["fleet", "release", "wb", "--yes"],
  ["wait", "wb"],
  ["why", "wb", "--evidence"],
];

describe("a fleet that is not there", () => {
  for (const args of OF_A_FLEET)
    it(`moult ${args.join(" ")} is exit code 4`, async () => {
      expect(await moult(...args)).toMatchObject({ code: 4, err: expect.stringContaining('there is no fleet "wb"') });
    });

  it("can be planned from its file before it is applied", async () => {
    const plan = await json<Plan>("rollout", "plan", "web", "--file", careful());
    expect(plan).toMatchObject({ from: { release: null }, to: { image: { name: "web-v1" } }, begins: false });
    expect(plan.waves[0]?.steps.map(({ machines }) => machines)).toEqual([1, 4]);
    const { code, out } = await moult("rollout", "plan", "web", "--file", careful());
    expect(code).toBe(0);
    expect(out).toContain("the fleet is taken on as it is first");
    expect(await moult("status")).toMatchObject({ out: expect.stringContaining("no fleets in") });
  });

  it("a file of another fleet is exit code 2", async () => {
    expect(await moult("rollout", "plan", "api", "--file", careful())).toMatchObject({
      code: 2,
      err: expect.stringContaining("is the fleet file of web, not of api"),
    });
  });
});

describe("at rest", () => {
  it("is taken on, and wait and watch say so at once", async () => {
    expect(await moult("fleet", "apply", careful())).toMatchObject({ code: 0 });
    expect(await moult("wait", "web", "--timeout", "30s")).toMatchObject({ code: 0 });
    expect(await moult("rollout", "watch", "web", "--timeout", "30s")).toMatchObject({ code: 0 });
    expect(await moult("rollout", "history", "web")).toMatchObject({ out: "no rollout of web has begun yet\n" });
  });

  const refused: [string[], string][] = [
    [["rollout", "pause", "web"], "there is nothing to pause: no rollout is under way"],
    [["rollout", "resume", "web"], "no rollout is paused"],
    [["rollout", "abort", "web"], "there is nothing to abort"],
    [["rollout", "approve", "web"], "nothing waits to begin"],
    [["rollout", "start", "web", "--urgent"], "nothing waits to begin"],
    [["unhold", "web"], "the fleet is not held"],
    [["rollback", "web"], "there is no older release"],
  ];
  for (const [args, said] of refused)
    it(`moult ${args.join(" ")} is refused with exit code 1`, async () => {
      expect(await moult(...args)).toMatchObject({ code: 1, out: "", err: expect.stringContaining(said) });
    });

  it("what was refused is told to whoever asks later, also where nobody waited for the answer", async () => {
    const sent = await moult("rollout", "pause", "web", "--no-wait", "--json");
    const { command } = JSON.parse(sent.out) as { command: string };
    const asked = async () =>
      (JSON.parse((await moult("why", "web", "--json")).out) as Pick<FleetView, "refused">).refused;
    await expect.poll(asked, { timeout: 20_000 }).toContainEqual(expect.objectContaining({ command, kind: "pause" }));
    // Another look says nothing of it any more; the answer stays.
    expect(await moult("hold", "web", "--reason", "x")).toMatchObject({ code: 0 });
    expect(await moult("unhold", "web")).toMatchObject({ code: 0 });
    expect((await moult("why", "web")).out).toMatch(/refused: pause of [^\n]*\n +there is nothing to pause/);
    expect((await moult("status", "web")).out).toMatch(/refused +pause of .*: there is nothing to pause/);
    expect((await status()).refused.length).toBeGreaterThanOrEqual(refused.length);
  });

  const invalid: [string[], string][] = [
    [["hold", "web"], "a hold needs a reason"],
    [["hold", "web", "--reason", "x", "--for", "2 hours"], "--for must be a duration such as 90s, 5m or 2h"],
    [["hold", "web", "--reason", "x", "--for", "0s"], "--for 0 would be over at once"],
    [["hold", "web", "--reason", "x", "--for", "2h", "--until", "2030-01-01T00:00:00Z"], "give one of them"],
    [["hold", "web", "--reason", "x", "--until", "2020-01-01T00:00:00Z"], "has passed already"],
    [["hold", "web", "--reason", "x", "--until", "2030-01-01T00:00:00"], "an instant with its offset"],
    [["hold", "web", "--reason", "x", "--until", "2030-13-01T00:00:00Z"], "an instant with its offset"],
    [["rollout", "approve", "web", "--release", "web-v2"], "--release must be the 12 hex digits"],
    [["rollout", "start", "web", "--release", "abc"], "--release must be the 12 hex digits"],
    [["rollout", "history", "web", "--limit", "0"], "--limit must be a whole number"],
    [["rollout", "watch", "web", "--timeout", "soon"], "--timeout must be a duration"],
    [["fleet", "release", "web"], "say it with moult fleet release web --yes"],
    [["why", "web", "--rollout", "web-1"], "it goes with --evidence"],
    [["rollout", "web"], 'moult rollout has no "web"'],
    [["rollout"], "moult rollout needs one more word"],
  ];
  for (const [args, said] of invalid)
    it(`moult ${args.join(" ")} is not valid: exit code 2, nothing is sent`, async () => {
      expect(await moult(...args)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(said) });
    });

  it("has no evidence yet: exit code 4", async () => {
    expect(await moult("why", "web", "--evidence")).toMatchObject({
      code: 4,
      err: expect.stringContaining("no evidence"),
    });
  });

  it("is held for a while and not any more", async () => {
    const held = await moult("hold", "web", "--reason", "release freeze", "--for", "2h");
    expect(held).toMatchObject({ code: 0, out: expect.stringContaining("ada holds the fleet until") });
    const { hold } = await status();
    expect(hold).toMatchObject({ reason: "release freeze", by: "ada" });
    const left = Date.parse(hold?.until ?? "") - Date.now();
    expect(left).toBeGreaterThan(7_000_000);
    expect(left).toBeLessThanOrEqual(7_200_000);
    expect(await moult("unhold", "web")).toMatchObject({
      code: 0,
      out: expect.stringContaining("lifted the hold of ada"),
    });
    expect((await status()).hold).toBeNull();
  });
});

describe("a rollout", () => {
  it("waits for a person, who sees the plan first", async () => {
    await publish("web-v2");
    await expect.poll(words, { timeout: 20_000 }).toContain("awaiting-approval");
    expect(await moult("wait", "web")).toMatchObject({ code: 6, out: expect.stringContaining("awaiting-approval: ") });
    const before = await status();
    const plan = await json<Plan>("rollout", "plan", "web");
    expect(plan).toMatchObject({
      begins: false,
      changes: [{ what: "image", from: "web-v1", to: "web-v2" }],
      stops: [{ word: "awaiting-approval" }],
    });
    const { out } = await moult("rollout", "plan", "web");
    expect(out).toMatch(/^ {2}canary 1 +█+░+ +1 of 4 +≤ 1 +0 +1s$/m);
    // It only looks.
    expect({ ...(await status()), lastLook: "", nextLook: "" }).toEqual({ ...before, lastLook: "", nextLook: "" });
    const why = await moult("why", "web");
    expect(why.out).toContain(`moult rollout approve web --release ${plan.to?.release}`);
  });

  it("a plan from another file shows what that file would mean", async () => {
    const file = fleetFile("bold", "steps: [{ share: 50%, bake: 1h }, { share: 100% }]\nreplace: { above: 2 }");
    const plan = await json<Plan>("rollout", "plan", "web", "--file", file);
    expect(plan).toMatchObject({ begins: true, stops: [], most: { above: 2, missing: 0 } });
    expect(plan.waves[0]?.steps.map(({ name, machines }) => [name, machines])).toEqual([
      ["50%", 2],
      ["100%", 4],
    ]);
  });

  it("is not begun by an approval of something else", async () => {
    expect(await moult("rollout", "approve", "web", "--release", "000000000000")).toMatchObject({
      code: 1,
      err: expect.stringContaining("release 000000000000 is not what the inputs ask for now"),
    });
  });

  it("is approved, paused, resumed, approved again, and watched to its end", async () => {
    const release = (await json<Plan>("rollout", "plan", "web")).to?.release ?? "";
    expect(await moult("rollout", "approve", "web", "--release", release)).toMatchObject({ code: 0 });
    const watched = moult("rollout", "watch", "web", "--json", "--timeout", "100s");
    await expect.poll(words, { timeout: 40_000 }).toContain("awaiting-approval");
    expect(await moult("wait", "web")).toMatchObject({ code: 6, out: expect.stringContaining("for a person") });
    const shown = (await moult("status", "web")).out;
    expect(shown).toContain("○ approval, not asked yet");
    expect(shown).toMatch(/^ {2}web-v2 +1 +healthy$/m);

    expect(await moult("rollout", "pause", "web", "--reason", "a look")).toMatchObject({ code: 0 });
    expect(await phase()).toBe("paused");
    expect(await moult("wait", "web")).toMatchObject({
      code: 6,
      out: expect.stringContaining("ada paused it: a look"),
    });
    const why = (await moult("why", "web")).out;
    for (const command of ["rollout resume web", "rollout abort web", "rollback web"])
      expect(why).toContain(`moult ${command}`);
    expect(await moult("rollout", "start", "web")).toMatchObject({
      code: 1,
      err: expect.stringContaining("is paused"),
    });

    expect(await moult("rollout", "resume", "web")).toMatchObject({ code: 0 });
    await expect.poll(words, { timeout: 40_000 }).toContain("awaiting-approval");
    expect(await moult("rollout", "approve", "web")).toMatchObject({ code: 0 });
    const { code, out } = await watched;
    expect(code).toBe(0);
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.at(-1)).toMatchObject({ fleet: "web", ok: true, verdict: "succeeded", rollout: "web-1" });
    expect(new Set(lines.map((line) => line.phase))).toContain("paused");
    const past = await json<PastRollout[]>("rollout", "history", "web");
    expect(past).toMatchObject([{ id: "web-1", ending: "succeeded", pauses: 1 }]);
    expect(past[0]?.steps).toHaveLength(2);
    expect((await moult("rollout", "history", "web")).out).toMatch(/^web-1 +\S+ \S+ +.* s +succeeded +2 /m);
  });

  it("is begun in mode observe by a person, put back by abort, and not tried again", async () => {
    const file = fleetFile("watching", "mode: observe\nsteps: [{ canary: 1, bake: 1h }, { share: 100% }]");
    expect(await moult("fleet", "apply", file)).toMatchObject({ code: 0 });
    await publish("web-v3");
    await expect.poll(words, { timeout: 20_000 }).toContain("observing");
    expect(await moult("wait", "web", "--image", "web-v3")).toMatchObject({ code: 6 });
    expect(await moult("rollout", "start", "web")).toMatchObject({ code: 0 });
    await expect.poll(phase, { timeout: 40_000 }).toBe("baking");
    const left = Date.parse((await status()).rollout?.bakeEnds ?? "") - Date.now();
    expect(left).toBeGreaterThan(3_500_000);
    expect(await moult("wait", "web", "--timeout", "1s")).toMatchObject({
      code: 5,
      err: expect.stringContaining("baking: 1 new machine healthy"),
    });
    const aborted = await moult("rollout", "abort", "web", "--reason", "errors");
    expect(aborted).toMatchObject({ code: 0, out: expect.stringContaining("ada aborted it: errors") });
    const { code, out } = await moult("rollout", "watch", "web", "--timeout", "60s");
    expect(code).toBe(1);
    expect(out).toMatch(/web-2 to web-v3: rolled-back/);
    expect(out).toMatch(/^\d\d:\d\d:\d\d {2}web-2 {2}(rolling-back|restoring)/m);
    expect(await moult("quarantine", "list", "web")).toMatchObject({ out: expect.stringContaining("web-v3") });
    expect(await moult("wait", "web", "--image", "web-v3")).toMatchObject({ code: 1 });
    expect(await moult("why", "web")).toMatchObject({
      out: expect.stringContaining("moult quarantine lift web web-2"),
    });
  });
});

describe("kept evidence", () => {
  it("is shown of the newest rollout that has some, or of the one that is named", async () => {
    const put = async (rollout: string, machine: string, text: string) => {
      const name = encodeURIComponent(`fleets/web/evidence/${rollout}/${machine}.json`);
      const bucket = `${ready.env.STORAGE_EMULATOR_HOST}/upload/storage/v1/b/${PROJECT}-moult-state/o`;
      const answer = await fetch(`${bucket}?uploadType=media&name=${name}`, { method: "POST", body: text });
      expect(answer.status).toBe(200);
    };
    const of = (rollout: string, machine: string) =>
      JSON.stringify({
        machine,
        group: `${ZONE}/web`,
        rollout,
        why: "it did not start",
        serial: "boot\r\npanic\r\n",
        errors: [],
      });
    await put("web-9", "web-aaaa", of("web-9", "web-aaaa"));
    await put("web-10", "web-bbbb", of("web-10", "web-bbbb"));
    await put("web-10", "web-cccc", "not JSON");
    const newest = await moult("why", "web", "--evidence");
    expect(newest).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^web-bbbb {2}.*\n {4}it did not start\n[\s\S]*panic\n/),
    });
    expect(newest.out).not.toContain("web-aaaa");
    const named = await json<{ machine: string; object: string }[]>("why", "web", "--evidence", "--rollout", "web-9");
    expect(named).toMatchObject([{ machine: "web-aaaa", object: "fleets/web/evidence/web-9/web-aaaa.json" }]);
    expect(await moult("why", "web", "--evidence", "--rollout", "web-1")).toMatchObject({ code: 4 });
  });
});

describe("leaving", () => {
  it("asks a person for the fleet's name, and does nothing for another one", async () => {
    const asked: string[] = [];
    const answer = async (question: string) => {
      asked.push(question);
      return "wbe";
    };
    const shown = await type(["fleet", "release", "web"], ready.env, answer);
    expect(shown).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining('"wbe" is not web: nothing was sent'),
    });
    expect(asked).toEqual([expect.stringContaining("Type the fleet's name to go on")]);
    expect((await status()).mode).toBe("observe");
  });

  it("gives the groups back, after which nothing can be planned", async () => {
    expect(await type(["fleet", "release", "web"], ready.env, async () => "web")).toMatchObject({
      code: 0,
      out: expect.stringContaining("gave the groups back"),
    });
    expect(await status()).toMatchObject({ stable: null, mode: null, rollout: null, quarantine: [] });
    expect(await moult("rollout", "plan", "web")).toMatchObject({
      code: 1,
      err: expect.stringContaining("no fleet file"),
    });
    expect(await moult("fleet", "release", "web", "--yes")).toMatchObject({ code: 1 });
    expect(await json<PastRollout[]>("rollout", "history", "web")).toHaveLength(2);
  });
});
