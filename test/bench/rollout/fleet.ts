import { randomUUID } from "node:crypto";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createImage } from "../../../cli/images/create.ts";
import type { FleetRecord } from "../../../functions/core/record.ts";
import type { Image, Operation } from "../../../wire/compute.d.ts";
import { type Ground, secretValue } from "./ground.ts";
import { PROJECT } from "./names.ts";

export const ZONE = "us-central1-a";
const demo = join(import.meta.dirname, "..", "..", "..", "demo");

/** A fleet of one zonal group whose machines a health check asks every second. */
export interface Fleet {
  name: string;
  size: number;
  /** Machines above the size while it rolls. */
  above: number;
}

export const place = ({ name }: Fleet) => ({ location: ZONE, regional: false, name });
const healthCheck = `projects/${PROJECT}/global/healthChecks/bench`;

export async function insert({ computeRest, compute }: Ground, path: string, body: object): Promise<void> {
  await compute.waitFor(await computeRest.send<Operation>("POST", `projects/${PROJECT}/${path}`, body));
}

/** What all fleets of the ground share. */
export async function prepareProject(ground: Ground): Promise<void> {
  await insert(ground, "global/healthChecks", {
    name: "bench",
    type: "HTTP",
    httpHealthCheck: { port: 8080, requestPath: "/healthz" },
    checkIntervalSec: 1,
    timeoutSec: 1,
    healthyThreshold: 1,
    unhealthyThreshold: 3,
  });
  if (ground.kind === "virtual") return;
  const parent = `v1/projects/${PROJECT}/secrets`;
  await ground.root.send("POST", parent, { replication: { automatic: {} } }, { secretId: "web-greeting" });
  const data = secretValue().toString("base64");
  await ground.root.send("POST", `${parent}/web-greeting:addVersion`, { payload: { data } });
}

/** Resolves when the image is READY, which is when anybody could know of it. */
export async function publishImage({ kind, compute }: Ground, fleet: Fleet, number: number): Promise<Image> {
  const name = `${fleet.name}-v${number}`;
  if (kind === "virtual") {
    const source = "projects/debian-cloud/global/images/family/debian-12";
    const order: Partial<Image> & { sourceImage: string } = { name, family: fleet.name, sourceImage: source };
    await compute.waitFor(await compute.insertImage(order, randomUUID()));
    for (;;) {
      const image = await compute.image(name);
      if (image?.status === "READY") return image;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  const folder = mkdtempSync(join(tmpdir(), "moult-bench-image-"));
  try {
    cpSync(join(demo, "image"), folder, { recursive: true });
    cpSync(join(demo, number % 2 === 0 ? "v2" : "v1"), folder, { recursive: true });
    const bucket = `${PROJECT}-images`;
    return await createImage(compute, { project: PROJECT, name, family: fleet.name, from: [folder], bucket }, () => {});
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Image 1, base template and group; the fleet is taken on as it is. */
export async function makeFleet(
  ground: Ground,
  fleet: Fleet,
  more: Record<string, unknown> = {},
): Promise<FleetRecord> {
  const { name, size, above } = fleet;
  await publishImage(ground, fleet, 1);
  await insert(ground, "global/instanceTemplates", {
    name: `${name}-base`,
    properties: {
      machineType: "e2-small",
      disks: [
        {
          boot: true,
          autoDelete: true,
          initializeParams: { sourceImage: `projects/${PROJECT}/global/images/${name}-v1` },
        },
      ],
      networkInterfaces: [{ network: "global/networks/default" }],
      metadata: { items: [{ key: "enable-guest-attributes", value: "TRUE" }] },
      serviceAccounts: [
        { email: `web@${PROJECT}.iam.gserviceaccount.com`, scopes: ["https://www.googleapis.com/auth/cloud-platform"] },
      ],
    },
  });
  await insert(ground, `zones/${ZONE}/instanceGroupManagers`, {
    name,
    baseInstanceName: name,
    targetSize: size,
    versions: [{ instanceTemplate: `projects/${PROJECT}/global/instanceTemplates/${name}-base` }],
    autoHealingPolicies: [{ healthCheck, initialDelaySec: 300 }],
    updatePolicy: {
      type: "PROACTIVE",
      minimalAction: "REPLACE",
      replacementMethod: "SUBSTITUTE",
      maxSurge: { fixed: above },
      maxUnavailable: { fixed: 0 },
    },
  });
  await stable(ground, fleet);
  await ground.apply(name, document(ground, fleet, more));
  return ground.reach(name, `${name} to be taken on`, ({ stable }) => stable !== null);
}

function document({ kind }: Ground, { name, above }: Fleet, more: Record<string, unknown>): Record<string, unknown> {
  return {
    fleet: name,
    project: PROJECT,
    groups: [{ zone: ZONE, name, base: `${name}-base` }],
    follows: { family: name },
    ...(kind === "process" && { secrets: { greeting: { secret: "web-greeting", version: "newest" } } }),
    // Nothing runs on virtual machines, so nothing reports.
    gates: kind === "process" ? ["reports", "health"] : ["health"],
    steps: STEPS.map(({ share, canary, bakeMs }) => ({
      ...(canary === undefined ? { share: `${(share ?? 1) * 100}%` } : { canary }),
      ...(bakeMs > 0 && { bake: `${bakeMs / 1_000}s` }),
    })),
    finalBake: `${FINAL_BAKE_MS / 1_000}s`,
    limits: { progress: "10m" },
    replace: { above, missing: 0 },
    ...more,
  };
}

export const FINAL_BAKE_MS = 2_000;
export const STEPS: { canary?: number; share?: number; bakeMs: number }[] = [
  { canary: 1, bakeMs: 2_000 },
  { share: 0.25, bakeMs: 2_000 },
  { share: 1, bakeMs: 0 },
];

export async function stable({ compute }: Ground, fleet: Fleet): Promise<void> {
  for (;;) {
    const group = await compute.group(place(fleet));
    if (group?.status.isStable) {
      const machines = await compute.managedInstances(place(fleet));
      if (machines.every(({ instanceHealth }) => instanceHealth?.[0]?.detailedHealthState === "HEALTHY")) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
