import { createHash } from "node:crypto";
import { makeSite } from "../../functions/controller/status/site.ts";
import type { GroupView, MachineView, ReportView } from "../../functions/core/observation.ts";
import type { FleetRecord, HistoryEntry } from "../../functions/core/record.ts";
import type { Compute } from "../../functions/google/compute.ts";
import { type Fakes, fakeCloud } from "./controller/fakes.ts";
import { imageOf, policyOf, SmallCloud } from "./core/small-cloud.ts";

/** One fleet as it stands: its record, what Compute says of its group, and its signed reports. */
export interface Standing {
  record: FleetRecord;
  group: GroupView;
  reports: (ReportView & { release: string })[];
  history: HistoryEntry[];
  now: number;
  evidence?: { rollout: string; machine: string; object: unknown }[];
}

/** Friday noon; the windows of a fleet that parks are over by then. */
const SECRET = "projects/acme-prod/secrets/web-db/versions/3";

export function stood(cloud: SmallCloud, more: Partial<Standing> = {}): Standing {
  const history = cloud.decisions.flatMap(({ record }) => record.unwritten);
  const { record, group, reports, now } = cloud;
  return {
    record,
    group,
    reports,
    history: [...new Map(history.map((one) => [one.number, one])).values()],
    now,
    ...more,
  };
}

function fleet(size = 6, policy: Record<string, unknown> = {}): SmallCloud {
  const cloud = new SmallCloud(size);
  cloud.secrets = { "db-password": SECRET };
  cloud.command({ kind: "apply", policy: policyOf(policy) });
  cloud.until(() => cloud.record.stable !== null);
  cloud.step();
  return cloud;
}

const newer = (cloud: SmallCloud, name = "web-2") => {
  cloud.head = imageOf(name, name.replace("web-", "100"));
};
const phase = (cloud: SmallCloud, wanted: string, step = 0) =>
  cloud.until(() => cloud.record.active?.phase === wanted && cloud.record.active.step >= step);

/** The states an operator meets, each as the machine itself came to it. */
export const STATES: Record<string, () => Standing> = {
  "at rest": () => {
    const cloud = fleet();
    newer(cloud);
    cloud.until(() => cloud.record.stable?.release.image.name === "web-2");
    cloud.step();
    cloud.step();
    return stood(cloud);
  },
  "other secrets settle": () => {
    const cloud = fleet();
    cloud.secrets = { "db-password": SECRET.replace(/3$/, "4") };
    cloud.step();
    return stood(cloud);
  },
  "a secret that is needed is disabled": () => {
    const cloud = fleet();
    newer(cloud);
    cloud.until(() => cloud.record.stable?.release.image.name === "web-2");
    cloud.unusable = [{ name: SECRET, state: "DISABLED" }];
    cloud.step();
    return stood(cloud);
  },
  "no way back": () => {
    const cloud = fleet(6, { settle: "0s" });
    for (const number of ["4", "5"]) {
      cloud.secrets = { "db-password": SECRET.replace(/3$/, number) };
      cloud.until(() => cloud.record.stable?.release.secrets["db-password"] === cloud.secrets["db-password"]);
    }
    cloud.unusable = [{ name: SECRET.replace(/3$/, "4"), state: "DESTROYED" }];
    cloud.step();
    return stood(cloud);
  },
  "taken on as it is": () => stood(fleet()),
  "configuration and secrets roll out": () => {
    const cloud = fleet(6, { settle: "0s", config: { ref: "web/prod" } });
    const many = (version: number) =>
      Object.fromEntries(
        Array.from({ length: 20 }, (_, i) => [
          `key-${i}`,
          `projects/acme-prod/secrets/web-key-${i}/versions/${version}`,
        ]),
      );
    cloud.commit = "3f2a".repeat(16);
    cloud.secrets = { "db-password": SECRET, ...many(1) };
    cloud.until(() => cloud.record.stable?.release.configCommit === cloud.commit);
    cloud.commit = "9c1b".repeat(16);
    cloud.secrets = { "db-password": SECRET.replace(/3$/, "4"), ...many(2) };
    phase(cloud, "baking");
    return stood(cloud);
  },
  "a command was refused": () => {
    const cloud = fleet();
    newer(cloud);
    cloud.until(() => cloud.record.stable?.release.image.name === "web-2");
    cloud.command({ kind: "pause", reason: "wait" });
    cloud.command({ kind: "lift", key: "web-9" });
    cloud.step();
    cloud.step();
    return stood(cloud);
  },
  "paused because there is no way back": () => {
    const cloud = fleet(6, { settle: "0s" });
    newer(cloud);
    cloud.until(() => cloud.record.stable?.release.image.name === "web-2");
    cloud.unusable = [{ name: SECRET, state: "DISABLED", destroyAt: "2026-11-27T12:00:00.000Z" }];
    cloud.secrets = { "db-password": SECRET.replace(/3$/, "4") };
    cloud.behaviours.set("web-2", { report: "failed" });
    phase(cloud, "paused");
    return stood(cloud);
  },
  "being made": () => {
    const cloud = fleet();
    cloud.slow = true;
    newer(cloud);
    phase(cloud, "converging");
    return stood(cloud);
  },
  "canary baking": () => {
    const cloud = fleet(6, {
      steps: [{ canary: 1, bake: "5m" }, { share: "50%", bake: "5m", approval: true }, { share: "100%" }],
      gates: ["reports", "health", { backend: "web" }],
    });
    newer(cloud);
    phase(cloud, "baking");
    for (let i = 0; i < 20; i++) cloud.step();
    return stood(cloud);
  },
  "awaiting approval": () => {
    const cloud = fleet(6, { steps: [{ canary: 1, bake: "60s", approval: true }, { share: "100%" }] });
    newer(cloud);
    cloud.until(() => cloud.record.reasons.some(({ word }) => word === "awaiting-approval"));
    return stood(cloud);
  },
  "rolling back": () => {
    const cloud = fleet(6, { limits: { progress: "5m", failedMachines: 1 } });
    cloud.behaviours.set("web-2", { report: "failed", health: "UNHEALTHY" });
    newer(cloud);
    // Look by look: between two of them the whole way back may lie.
    const isBack = () => cloud.record.active?.phase === "rolling-back";
    for (let i = 0; i < 400 && !isBack(); i++) {
      if (!cloud.look() && !isBack()) {
        cloud.update();
        cloud.now += 3000;
      }
    }
    const [failed] = Object.keys(cloud.record.active?.failed ?? {});
    const rollout = cloud.record.active?.id ?? "";
    return stood(cloud, { evidence: [{ rollout, machine: failed ?? "", object: evidenceOf(failed ?? "", rollout) }] });
  },
  "rolled back": () => {
    const cloud = fleet();
    cloud.behaviours.set("web-2", { report: "failed", health: "UNHEALTHY" });
    newer(cloud);
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
    cloud.step();
    return stood(cloud, {
      evidence: [{ rollout: "web-1", machine: "web-7", object: evidenceOf("web-7", "web-1") }],
    });
  },
  paused: () => {
    const cloud = fleet();
    newer(cloud);
    phase(cloud, "baking");
    cloud.command({ kind: "pause", reason: "users see errors on the login page" });
    cloud.step();
    cloud.step(200_000);
    return stood(cloud);
  },
  "parked by window": () => {
    const cloud = fleet(6, {
      windows: [{ days: "mon-fri", from: "09:00", to: "12:01", zone: "UTC" }],
      steps: [{ canary: 1, bake: "60s" }, { share: "100%" }],
    });
    newer(cloud);
    phase(cloud, "parked");
    return stood(cloud);
  },
  "waits for its window": () => {
    const cloud = fleet(6, { windows: [{ days: "sat,sun", from: "09:00", to: "17:00", zone: "Europe/Berlin" }] });
    newer(cloud);
    cloud.until(() => cloud.record.reasons.some(({ word }) => word === "window"));
    return stood(cloud);
  },
  "waits to be approved": () => {
    const cloud = fleet(6, { mode: "approve" });
    newer(cloud);
    cloud.until(() => cloud.record.reasons.some(({ word }) => word === "awaiting-approval"));
    return stood(cloud);
  },
  "pending behind a rollout": () => {
    const cloud = fleet();
    newer(cloud);
    phase(cloud, "baking");
    newer(cloud, "web-3");
    cloud.until(() => cloud.record.pending !== null);
    return stood(cloud);
  },
  held: () => {
    const cloud = fleet();
    cloud.command({ kind: "stop", reason: "looking at the error rate" });
    cloud.step();
    cloud.step();
    return stood(cloud);
  },
  "600 machines": () => {
    const cloud = fleet(600, {
      steps: [{ canary: 1, bake: "60s" }, { share: "25%", bake: "5m" }, { share: "100%" }],
      replace: { above: 60 },
    });
    newer(cloud);
    phase(cloud, "converging", 1);
    cloud.slow = true;
    cloud.step();
    phase(cloud, "converging", 1);
    const [first] = cloud.group.machines;
    if (first) first.health = "UNHEALTHY";
    return stood(cloud);
  },
  "no fleet file": () => {
    const cloud = new SmallCloud();
    cloud.command({ kind: "hold", reason: "not yet" });
    cloud.step();
    return stood(cloud);
  },
};

export const TOKEN = `eyJhbGciOiJSUzI1NiJ9.${"a".repeat(40)}.${"b".repeat(20)}`;

export function evidenceOf(machine: string, rollout: string): Record<string, unknown> {
  const report = {
    report: 1,
    verdict: "failed",
    reason: "not-ready",
    message: "the application does not answer on http://10.0.0.7:8080/healthz",
    bootedAt: "2026-11-20T12:01:00.000Z",
    instance: { id: "97", name: machine },
  };
  return {
    machine,
    zone: "us-central1-a",
    group: "us-central1-a/web",
    rollout,
    why: `${machine} reported not-ready: the application does not answer`,
    serial:
      "[   12.1] systemd[1]: Started web.service\nweb[411]: listening on :8080\nweb[411]: password=hunter22-hunter22\nweb[411]: fatal: table sessions does not exist\nsystemd[1]: web.service: Main process exited, code=exited, status=1/FAILURE\n",
    report: JSON.stringify({ report: JSON.stringify(report), token: TOKEN }),
    attributes: { state: "failed" },
    errors: [{ code: "INSTANCE_UNHEALTHY", message: "health check failed 3 times", at: "2026-11-20T12:01:30.000Z" }],
  };
}

function member(machine: MachineView, i: number, zones: string[]) {
  const { name, id, status, action, template, health, errors } = machine;
  return {
    name,
    ...(id && { id }),
    instance: `https://www.googleapis.com/compute/v1/projects/acme-prod/zones/${zones[i % zones.length]}/instances/${name}`,
    ...(status && { instanceStatus: status }),
    currentAction: action,
    version: { instanceTemplate: `projects/acme-prod/global/instanceTemplates/${template}` },
    ...(health && { instanceHealth: [{ healthCheck: "hc", detailedHealthState: health }] }),
    ...(errors.length > 0 && { lastAttempt: { errors: { errors } } }),
  };
}

export interface Bed {
  cloud: Fakes;
  /** Method → calls. */
  calls: Map<string, number>;
  site: ReturnType<typeof makeSite>;
  json<T>(path: string): Promise<T>;
}

/** A bucket and a Compute Engine that hold these fleets. */
export function bedOf(fleets: Record<string, Standing>): Bed {
  const calls = new Map<string, number>();
  const count = (what: string) => calls.set(what, (calls.get(what) ?? 0) + 1);
  const standing = (place: { name: string }) =>
    Object.values(fleets).find(({ record }) => groupName(record) === place.name);
  const compute: Partial<Compute> = {
    group: async (place) => {
      count("group");
      const found = standing(place)?.group;
      if (!found) return undefined;
      const { fingerprint, targetSize, versions, updatePolicy, checked } = found;
      return {
        fingerprint,
        targetSize,
        versions,
        updatePolicy,
        ...(checked && { autoHealingPolicies: [{ healthCheck: "hc" }] }),
        status: { isStable: false },
      } as never;
    },
    managedInstances: async (place) => {
      count("managedInstances");
      const machines = standing(place)?.group.machines ?? [];
      const zones = machines.length > 100 ? ["us-central1-a", "us-central1-b", "us-central1-f"] : ["us-central1-a"];
      return machines.map((machine, i) => member(machine, i, zones)) as never;
    },
    groupErrors: async () => {
      count("groupErrors");
      return [];
    },
  };
  const cloud = fakeCloud(compute);
  cloud.verifyIdentity = (async ({ token }: { token: string }) => ({ identity: { instanceId: token } })) as never;
  const put = (bucket: Fakes["state"], name: string, value: unknown) =>
    bucket.objects.set(name, {
      text: typeof value === "string" ? value : JSON.stringify(value),
      generation: "1",
      created: "2026-11-20T12:00:00.000Z",
    });
  for (const [name, { record, reports, history, evidence = [] }] of Object.entries(fleets)) {
    put(cloud.state, `fleets/${name}/record.json`, record);
    for (const entry of history)
      put(cloud.state, `fleets/${name}/history/${String(entry.number).padStart(8, "0")}.json`, entry);
    for (const { rollout, machine, object } of evidence)
      put(cloud.state, `fleets/${name}/evidence/${rollout}/${machine}.json`, object);
    for (const { release, instanceId, instanceName, ...said } of reports) {
      const report = JSON.stringify({
        report: 1,
        fleet: record.fleet,
        release,
        instance: { id: instanceId, name: instanceName },
        ...said,
      });
      put(cloud.reports, `reports/${record.fleet}/${release}/${instanceId}/${sha(report).slice(0, 8)}.json`, {
        report,
        token: instanceId,
      });
    }
  }
  const site = makeSite(cloud);
  return {
    cloud,
    calls,
    site,
    json: async <T>(path: string) => JSON.parse(String((await site({ method: "GET", path })).body)) as T,
  };
}

/** The same state under another name, so that several stand side by side. */
export function renamed(standing: Standing, name: string): Standing {
  const text = JSON.stringify(standing)
    .replaceAll('"web"', JSON.stringify(name))
    .replaceAll("us-central1-a/web", `us-central1-a/${name}`);
  return JSON.parse(text) as Standing;
}

function groupName({ active, policy }: FleetRecord): string | undefined {
  return (active?.policy ?? policy)?.groups[0]?.name;
}

const sha = (text: string) => createHash("sha256").update(text).digest("hex");
