import { randomBytes, randomUUID } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cloudOf, openRest } from "../../cli/cloud.ts";
import { CAST } from "../../cli/demo/cast.ts";
import { makeGroup, makeSecret } from "../../cli/demo/infrastructure.ts";
import { findLeaks } from "../../cli/demo/leaks.ts";
import { readFleetFile } from "../../cli/fleet/file.ts";
import { send, taken } from "../../cli/fleet/order.ts";
import { createImage } from "../../cli/images/create.ts";
import { until } from "../../cli/waiting.ts";
import type { Cloud } from "../../functions/controller/cloud.ts";
import { loadRecord } from "../../functions/controller/records.ts";
import type { FleetRecord } from "../../functions/core/record.ts";
import type { Rest } from "../../functions/google/rest.ts";
import type { LogEntry } from "../../wire/logging.d.ts";
import { moultRun, type Program, type Ready, readyOf, start } from "../cli/program.ts";

/** One local cloud with moult's functions in it and a fleet of six, as its users have it; the scenarios follow one another. */
const demo = join(import.meta.dirname, "..", "..", "demo");
const folder = mkdtempSync(join(tmpdir(), "moult-fleet-"));
const state = join(folder, "state");
const secret = Buffer.from(randomBytes(24).toString("hex"));

let program: Program;
let ready: Ready;
let cloud: Cloud;
let root: Rest;

const record = async (): Promise<FleetRecord> => (await loadRecord(cloud.state, CAST.fleet)).record;

async function reach(what: string, there: (record: FleetRecord) => boolean): Promise<FleetRecord> {
  return until(
    what,
    async () => {
      const now = await record();
      return there(now) ? now : undefined;
    },
    { withinMs: 60_000, everyMs: 100, explain: async () => JSON.stringify((await record()).reasons) },
  );
}

/** An image made of the demo's parts and one folder of changes. */
async function publish(name: string, change: (image: string) => void = () => {}) {
  const changed = join(folder, name);
  cpSync(join(demo, "image"), changed, { recursive: true });
  cpSync(join(demo, "v2"), changed, { recursive: true });
  change(changed);
  const order = { project: CAST.project, name, family: CAST.family, from: [changed], bucket: `${CAST.project}-images` };
  return createImage(cloud.compute(CAST.project), order, () => {});
}

async function order(kind: "start" | "rollback"): Promise<void> {
  await taken(cloud, await send(cloud, CAST.fleet, { kind }, "test", { write: () => {} } as never));
}

async function auditEntries(method: string, name = ""): Promise<LogEntry[]> {
  const filter = `protoPayload.methodName="v1.compute.${method}" AND operation.last=true AND protoPayload.resourceName:"${name}"`;
  const body = { resourceNames: [`projects/${CAST.project}`], filter, pageSize: 1000 };
  return (await root.send<{ entries?: LogEntry[] }>("POST", "v2/entries:list", body)).entries ?? [];
}

const machines = () =>
  cloud.compute(CAST.project).managedInstances({ location: CAST.zone, regional: false, name: CAST.group });

beforeAll(async () => {
  program = start([
    "emulator",
    "--functions",
    "--json",
    "--port",
    "0",
    "--grpc-port",
    "0",
    "--project",
    CAST.project,
    "--state",
    state,
  ]);
  ready = await readyOf(program);
  Object.assign(process.env, ready.env);
  cloud = cloudOf(ready.env);
  root = openRest(`${ready.url}/`);
  await makeSecret(root, secret);
  await publish("web-v1");
  await makeGroup(openRest(ready.env.MOULT_COMPUTE_ENDPOINT ?? ""), cloud.compute(CAST.project));
  const { document } = await readFleetFile(join(demo, "fleet.yaml"));
  await taken(
    cloud,
    await send(cloud, CAST.fleet, { kind: "apply", policy: document }, "test", { write: () => {} } as never),
  );
  await reach("the fleet to be taken on", ({ stable }) => stable !== null);
});

afterAll(async () => {
  program.child.kill("SIGTERM");
  await program.ended;
  await cloud.topics.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("a fleet on the local cloud", () => {
  it("killing the functions again and again during a rollout does not stop it, nor make a second one", async () => {
    await publish("web-v2");
    const killed = new Set<string>();
    await until(
      "the fleet to run v2",
      async () => {
        const { active, stable } = await record();
        if (active && !killed.has(active.phase)) {
          killed.add(active.phase);
          process.kill(await functionsPid(), "SIGKILL");
        }
        return stable?.release.image.name === "web-v2" ? true : undefined;
      },
      { withinMs: 90_000, everyMs: 50, explain: async () => JSON.stringify((await record()).reasons) },
    );
    expect(killed.size).toBeGreaterThanOrEqual(3);
    expect((await record()).rollouts).toBe(1);
    expect(
      (await machines()).every(({ currentAction }) => currentAction === "NONE" || currentAction === "DELETING"),
    ).toBe(true);
  }, 120_000);

  it("the same event sent five times makes one rollout, and each change of the group once", async () => {
    const before = await record();
    const patches = (await auditEntries("instanceGroupManagers.patch")).length;
    await publish("web-v3");
    const [entry] = await auditEntries("images.insert", "web-v3");
    expect(entry?.operation?.last).toBe(true);
    const data = JSON.stringify(entry);
    await Promise.all(Array.from({ length: 5 }, () => cloud.topics.ring("moult-images", {}, data)));
    await reach("the fleet to run v3", ({ stable, active }) => !active && stable?.release.image.name === "web-v3");
    await Promise.all(Array.from({ length: 5 }, () => cloud.topics.ring("moult-images", {}, data)));
    await order("start");
    expect((await record()).rollouts).toBe(before.rollouts + 1);
    // The canary, then all of them; the group's own policy is what the fleet file asks for, so there is nothing to give back.
    expect((await auditEntries("instanceGroupManagers.patch")).length - patches).toBe(2);
  }, 90_000);

  it("a template with an unknown name stops at one machine, and says the file, the line and the name", async () => {
    await publish("web-v4", (image) => {
      writeFileSync(join(image, "usr/lib/moult/files/config.json.tmpl"), '{\n  "name": "{{ instance.nmae }}"\n}\n');
    });
    const { last } = await reach("v4 to be put back", ({ last, active }) => !active && last?.imageName === "web-v4");
    expect(last).toMatchObject({ ending: "rolled-back", why: { word: "report-failed" } });
    expect(last?.why.text).toMatch(/config\.json\.tmpl/);
    expect(last?.why.text).toMatch(/2:1\d|line 2/);
    expect(last?.why.text).toMatch(/instance\.nmae/);
  }, 60_000);

  it("a secret without permission stops at one machine, and says the account, the secret and the role", async () => {
    const rule = {
      principal: `web@${CAST.project}.iam.gserviceaccount.com`,
      permission: "secretmanager.versions.access",
      resource: "*",
    };
    await root.send("POST", "emulator/iam/deny", rule);
    await publish("web-v5");
    const { last, stable } = await reach(
      "v5 to be put back",
      ({ last, active }) => !active && last?.imageName === "web-v5",
    );
    await root.send("DELETE", "emulator/iam/deny", rule);
    expect(last).toMatchObject({ ending: "rolled-back" });
    expect(last?.why.text).toContain(`web@${CAST.project}.iam.gserviceaccount.com`);
    expect(last?.why.text).toContain(CAST.secret);
    expect(last?.why.text).toContain("roles/secretmanager.secretAccessor");
    expect(stable?.release.image.name).toBe("web-v3");
  }, 60_000);

  it("what the failed machine said is kept when it is gone", async () => {
    const names = await cloud.state.names(`fleets/${CAST.fleet}/evidence/`);
    expect(names).toHaveLength(2);
    const kept = JSON.parse((await cloud.state.read(names[1] ?? ""))?.text ?? "{}") as { serial?: string };
    expect(kept.serial).toMatch(/moult-agent: failed/);
  });

  it("an image that is not READY starts nothing, and why names it and what it waits for", async () => {
    await root.send("PATCH", "emulator/timings", { imageCreation: 60_000 });
    const body = { name: "web-v6", family: CAST.family, sourceImage: `projects/${CAST.project}/global/images/web-v3` };
    await cloud.compute(CAST.project).insertImage(body, randomUUID());
    await cloud.topics.ring("moult-ticks", { fleet: CAST.fleet });
    await reach("the fleet to speak of v6", ({ reasons }) => reasons.some(({ word }) => word === "image-not-ready"));
    const { code, out } = await moultRun(["why", CAST.fleet], ready.env);
    expect(code).toBe(0);
    expect(out.replace(/\s+/g, " ")).toMatch(
      /newer image web-v6 is PENDING and is not the family's head before it is READY/,
    );
    expect((await record()).active).toBeNull();
    await root.send("PATCH", "emulator/timings", { imageCreation: 300 });
  }, 30_000);

  it("an unknown field in a fleet file says file, line, column and the field that was meant", async () => {
    mkdirSync(join(folder, "bad"));
    const file = join(folder, "bad", "fleet.yaml");
    writeFileSync(
      file,
      "fleet: web\nproject: moult-demo\ngroups:\n  - { zone: us-central1-a, name: web, base: web-base }\nfolows: { family: web }\n",
    );
    const { code, err } = await moultRun(["fleet", "apply", file], ready.env);
    expect(code).toBe(2);
    expect(err).toMatch(/fleet\.yaml:5:1/);
    expect(err).toMatch(/follows/);
  });

  it("no secret is in anything the run wrote: state, logs, reports, instances' folders outside their tmpfs", async () => {
    expect(await findLeaks(state, secret)).toEqual([]);
    const { entries = [] } = await root.send<{ entries?: LogEntry[] }>("POST", "v2/entries:list", {
      resourceNames: [`projects/${CAST.project}`],
      pageSize: 1000,
    });
    expect(JSON.stringify(entries)).not.toContain(secret.toString());
    for (const name of await cloud.reports.names(""))
      expect((await cloud.reports.read(name))?.text).not.toContain(secret.toString());
  });
});

async function functionsPid(): Promise<number> {
  // The supervisor writes which process it has started last.
  const { readFileSync } = await import("node:fs");
  const started = [...readFileSync(join(state, "functions.log"), "utf8").matchAll(/run as process (\d+)/g)].at(-1);
  return Number(started?.[1]);
}
