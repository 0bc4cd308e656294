import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { FleetView } from "../../cli/fleet/view.ts";
import { type Ended, moultRun, type Program, type Ready, readyOf, start } from "./program.ts";
import { writeScratch } from "./scratch.ts";

// One fleet of virtual machines and the real control plane; the tests are its life, in order.
vi.setConfig({ testTimeout: 120_000 });

const PROJECT = "acme-fleet";
const ZONE = "us-central1-a";
let program: Program;
let ready: Ready;

const moult = (...args: string[]): Promise<Ended> => moultRun(args, ready.env);

async function json<T>(...args: string[]): Promise<T> {
  const { code, out, err } = await moult(...args, "--json");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out) as T;
}

const status = () => json<FleetView>("status", "web");

async function compute(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${ready.endpoints.compute}projects/${PROJECT}/${path}`, {
    method,
    ...(body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  expect(response.status, JSON.stringify(answer)).toBe(200);
  return answer;
}

/** Of the child that runs now: it may have been started again since the ready line. */
function functionsPid(): number {
  return Number([...program.err().matchAll(/supervisor: the functions run as process (\d+)/g)].at(-1)?.[1]);
}

const GROUP = `zones/${ZONE}/instanceGroupManagers/web`;
const group = () => compute("GET", GROUP) as Promise<{ updatePolicy: { type: string }; versions: Version[] }>;
interface Version {
  instanceTemplate: string;
  targetSize: { fixed?: number };
}

function fleetFile(canaryBake: string): string {
  return writeScratch(
    `bake-${canaryBake}.yaml`,
    `fleet: web
project: ${PROJECT}
groups: [{ zone: ${ZONE}, name: web, base: web-base }]
follows: { family: web }
steps: [{ canary: 1, bake: ${canaryBake} }, { share: 100% }]
finalBake: 1s
gates: [health]
replace: { above: 2, missing: 0 }
`,
  );
}

async function publish(name: string): Promise<void> {
  const folder = join(writeScratch(`${name}/etc/version`, name), "..", "..");
  const { code, err } = await moult(
    "image",
    "create",
    name,
    "--family",
    "web",
    "--from",
    folder,
    "--label",
    "made=here",
  );
  expect(code, err).toBe(0);
}

beforeAll(async () => {
  program = start(["emulator", "--port", "0", "--json", "--functions", "--instances", "virtual", "--project", PROJECT]);
  ready = await readyOf(program);
  await publish("web-v1");
  const done = (operation: Record<string, unknown>) =>
    compute("POST", `${operation.zone ? `zones/${ZONE}` : "global"}/operations/${operation.name}/wait`);
  await done(
    await compute("POST", "global/healthChecks", {
      name: "web",
      type: "HTTP",
      httpHealthCheck: { port: 8080 },
      checkIntervalSec: 1,
      timeoutSec: 1,
      healthyThreshold: 1,
    }),
  );
  await done(
    await compute("POST", "global/instanceTemplates", {
      name: "web-base",
      properties: {
        machineType: "e2-small",
        disks: [
          {
            boot: true,
            autoDelete: true,
            initializeParams: { sourceImage: `projects/${PROJECT}/global/images/web-v1` },
          },
        ],
        networkInterfaces: [{ network: "global/networks/default" }],
      },
    }),
  );
  await done(
    await compute("POST", `zones/${ZONE}/instanceGroupManagers`, {
      name: "web",
      baseInstanceName: "web",
      targetSize: 3,
      versions: [{ instanceTemplate: `projects/${PROJECT}/global/instanceTemplates/web-base` }],
      autoHealingPolicies: [{ healthCheck: `projects/${PROJECT}/global/healthChecks/web`, initialDelaySec: 60 }],
    }),
  );
});

describe("before there is a fleet", () => {
  it("status says so, and one fleet is exit code 4", async () => {
    expect(await moult("status")).toMatchObject({ code: 0, out: expect.stringContaining("no fleets in gs://") });
    expect(await moult("why", "web")).toMatchObject({
      code: 4,
      err: expect.stringContaining('there is no fleet "web"'),
    });
  });

  it("images are listed with the family's head", async () => {
    const images = await json<{ name: string; head: boolean; state: string }[]>("image", "list");
    expect(images).toMatchObject([{ name: "web-v1", family: "web", head: true, status: "READY", state: "ACTIVE" }]);
    expect((await moult("image", "list")).out).toMatch(/^web-v1 +web +head +READY +ACTIVE +\d+ +\S+ s ago$/m);
  });

  it("an image's name is used once", async () => {
    const { code, err } = await moult(
      "image",
      "create",
      "web-v1",
      "--family",
      "web",
      "--from",
      join(writeScratch("x/y", ""), ".."),
    );
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining("image web-v1 exists") });
  });
});

describe("a fleet's life", () => {
  it("is taken on as it is", async () => {
    const { code, out } = await moult("fleet", "apply", fleetFile("1s"));
    expect(code).toBe(0);
    expect(out).toContain("canary 1, bake 1s, then 100%, then a final bake of 1s");
    await expect
      .poll(async () => (await status()).stable, { timeout: 10_000 })
      .toMatchObject({ image: "web-v1", adopted: true });
    expect(await moult("status", "wb")).toMatchObject({ code: 4, err: expect.stringContaining("Did you mean web?") });
  });

  it("has its functions started again when they die", async () => {
    const dead = functionsPid();
    process.kill(dead, "SIGKILL");
    await expect.poll(functionsPid, { timeout: 15_000 }).not.toBe(dead);
    expect((await fetch(`${ready.functions?.url}/nonsense`)).status).toBe(404);
  });

  it("follows a new image", async () => {
    await publish("web-v2");
    const { code, out } = await moult("wait", "web", "--image", "web-v2", "--timeout", "90s");
    expect({ code, out }).toEqual({ code: 0, out: "web-v2 is stable\n" });
    const view = await status();
    expect(view).toMatchObject({ stable: { image: "web-v2" }, rollout: null, last: { ending: "succeeded" } });
    expect(view.groups[0]?.machines.map(({ runs }) => runs)).toEqual(["web-v2", "web-v2", "web-v2"]);
    const shown = await moult("status", "web");
    expect(shown.out).toMatch(/^ {2}web-v2 +3 +healthy$/m);
    const history = await json<{ what: string }[]>("history", "web");
    expect(history.map(({ what }) => what)).toEqual(
      expect.arrayContaining(["policy", "adopted", "started", "gate-passed", "succeeded"]),
    );
  });

  it("shows how machines booted, the newest last, and draws one", async () => {
    const nobody = await moult("boots", "web");
    expect(nobody).toMatchObject({ code: 0, out: "no machine of web has reported a boot yet\n" });
    const bucket = `${ready.env.STORAGE_EMULATOR_HOST}/upload/storage/v1/b/${PROJECT}-moult-reports/o`;
    const put = async (name: string, text: string) => {
      const url = `${bucket}?uploadType=media&name=${encodeURIComponent(name)}`;
      expect((await fetch(url, { method: "POST", body: text })).status).toBe(200);
    };
    const report = (machine: string, id: string, verdict: string, reason: string, more: object = {}) =>
      JSON.stringify({
        token: "x",
        report: JSON.stringify({
          report: 1,
          fleet: "web",
          release: "3f2a5c1d9e0b77",
          instance: { id, name: machine, zone: ZONE },
          verdict,
          reason,
          message: "web.service, on its port",
          boot: "b",
          bootedAt: "2026-11-20T16:03:42.170Z",
          agent: "0.1.0",
          files: [],
          phases: [
            { name: "identify", at: 0, ms: 20 },
            { name: "fetch", at: 20, ms: 300 },
          ],
          ...more,
        }),
      });
    await put("reports/web/3f2a5c1d9e0b77/11/b1.json", report("web-aaaa", "11", "ready", "ready"));
    await put("reports/web/3f2a5c1d9e0b77/12/b2.json", report("web-bbbb", "12", "failed", "not-ready"));
    await put("reports/web/3f2a5c1d9e0b77/13/b3.json", "no report");
    const all = await moult("boots", "web");
    expect(all).toMatchObject({ code: 0, err: "" });
    const [head = "", ...rows] = all.out.trimEnd().split("\n");
    expect(head).toMatch(/^REPORTED \(UTC\) +MACHINE +RELEASE +TOOK +LONGEST +HOW IT ENDED$/);
    expect(rows).toEqual([
      expect.stringMatching(/ web-aaaa +3f2a5c1d9e0b +320 ms +fetch 300 ms +ready: web.service, on its port$/),
      expect.stringMatching(
        / web-bbbb +3f2a5c1d9e0b +320 ms +fetch 300 ms +failed not-ready: web.service, on its port$/,
      ),
    ]);
    const boots = await json<object[]>("boots", "web", "--limit", "1");
    expect(boots).toEqual([
      expect.objectContaining({
        machine: "web-bbbb",
        instance: "12",
        verdict: "failed",
        reason: "not-ready",
        ms: 320,
        longest: { name: "fetch", ms: 300 },
        object: "reports/web/3f2a5c1d9e0b77/12/b2.json",
      }),
    ]);
    const picture = writeScratch("boot.svg", "");
    for (const machine of ["web-aaaa", "11"]) {
      const one = await moult("boots", "web", machine, "--svg", picture);
      expect(one.code).toBe(0);
      expect(one.out).not.toContain("web-bbbb");
      expect(one.out).toMatch(/^fetch +=+ +300 ms$/m);
    }
    expect(readFileSync(picture, "utf8")).toMatch(/^<svg [\s\S]*fetch 300 ms from 20.0 ms[\s\S]*<\/svg>\n$/);
    expect(boots).toEqual([expect.objectContaining({ signedBy: null })]);
    const signedBy = [{ key: "ab".repeat(32), name: "prod-2026" }];
    await put("reports/web/3f2a5c1d9e0b77/14/b4.json", report("web-dddd", "14", "ready", "ready", { signedBy }));
    const [signedHead = "", ...signedRows] = (await moult("boots", "web")).out.split("\n");
    expect(signedHead).toMatch(/LONGEST +SIGNED BY +HOW IT ENDED$/);
    expect(signedRows[0]).toMatch(/ web-aaaa +3f2a5c1d9e0b +320 ms +fetch 300 ms +ready: /);
    expect(signedRows[2]).toMatch(/ web-dddd +3f2a5c1d9e0b +320 ms +fetch 300 ms +prod-2026 +ready: /);
    expect(await json("boots", "web", "web-dddd")).toEqual([expect.objectContaining({ signedBy })]);
    expect(await moult("boots", "web", "web-cccc")).toMatchObject({
      code: 4,
      err: expect.stringContaining('no machine "web-cccc" of fleet "web" has reported a boot'),
    });
    expect(await moult("boots", "wb")).toMatchObject({ code: 4 });
  });

  it("is held by stop, says why, and goes on with start", async () => {
    expect(await moult("stop", "web", "--reason", "a look at the logs")).toMatchObject({ code: 0 });
    expect(await status()).toMatchObject({ hold: { reason: "a look at the logs" } });
    await publish("web-v3");
    await expect
      .poll(async () => (await moult("why", "web")).out, { timeout: 20_000 })
      .toMatch(/^held\n[\s\S]*a look at the logs/m);
    expect((await moult("start", "web")).code).toBe(0);
    expect((await moult("wait", "web", "--image", "web-v3", "--timeout", "60s")).code).toBe(0);
  });

  it("goes back by a person's rollback, and stays there", async () => {
    expect((await moult("rollback", "web")).code).toBe(0);
    expect(await moult("wait", "web", "--timeout", "60s")).toMatchObject({ code: 0 });
    expect(await status()).toMatchObject({
      stable: { image: "web-v2" },
      hold: { reason: expect.stringContaining("rolled back") },
    });
  });

  it("is frozen by stop --direct while the functions do not answer, and held when they do again", async () => {
    expect((await moult("fleet", "apply", fleetFile("10m"))).code).toBe(0);
    await publish("web-v4");
    expect((await moult("start", "web", "--no-wait")).code).toBe(0);
    await expect.poll(async () => (await status()).rollout?.phase, { timeout: 30_000 }).toBe("baking");
    const pid = functionsPid();
    process.kill(pid, "SIGSTOP");
    try {
      const { code, out } = await moult("stop", "web", "--direct");
      expect({ code, out }).toMatchObject({
        code: 0,
        out: expect.stringContaining(`${ZONE}/web  frozen: 3 machines stay`),
      });
      const frozen = await group();
      expect(frozen.updatePolicy.type).toBe("OPPORTUNISTIC");
      expect(frozen.versions.map(({ targetSize }) => targetSize.fixed)).toEqual([undefined, 1]);
      expect(await json("stop", "web", "--direct")).toMatchObject({ groups: [{ what: "was frozen already" }] });
      expect(await moult("start", "web", "--no-wait")).toMatchObject({ code: 0 });
      await moult("stop", "web", "--no-wait");
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await expect.poll(async () => (await status()).rollout?.phase, { timeout: 30_000 }).toBe("paused");
    expect((await status()).reasons.map(({ word }) => word)).toContain("paused");
    expect((await group()).versions.map(({ targetSize }) => targetSize.fixed)).toEqual([undefined, 1]);
    expect((await moult("rollback", "web")).code).toBe(0);
    const verdict = await moult("wait", "web", "--timeout", "60s");
    expect(verdict).toMatchObject({ code: 1, out: expect.stringContaining("rolled-back") });
    expect(await status()).toMatchObject({ stable: { image: "web-v2" }, rollout: null });
  });

  it("has nothing quarantined, because a person put it back and not a gate", async () => {
    expect(await moult("quarantine", "list", "web")).toMatchObject({ code: 0, out: "nothing of web is quarantined\n" });
    expect(await moult("quarantine", "lift", "web")).toMatchObject({ code: 4 });
  });

  it("an image can be deprecated and made active again", async () => {
    expect(await json("image", "deprecate", "web-v4", "--state", "DEPRECATED")).toMatchObject({ head: "web-v3" });
    expect(await json("image", "deprecate", "web-v4", "--state", "ACTIVE")).toMatchObject({ head: "web-v4" });
    expect(await moult("image", "deprecate", "web-v9", "--state", "ACTIVE")).toMatchObject({ code: 4 });
  });
});
