import { parseArgs } from "node:util";
import { savePolicy } from "../../../functions/controller/families.ts";
import { rotateDaily } from "../../../functions/controller/rotatedaily.ts";
import { planRotation } from "../../../functions/controller/rotation.ts";
import { decideRotation } from "../../../functions/core/images/rotation.ts";
import { UseIndex } from "../../../functions/core/images/uses.ts";
import { makeCompute } from "../../../functions/google/compute.ts";
import { Failure, kindOf } from "../../../functions/google/failure.ts";
import type { Rest } from "../../../functions/google/rest.ts";
import { startBed } from "../../emulator/compute/bed.ts";
import { DrivenTime, fakeCloud, MemoryBucket } from "../../functions/controller/fakes.ts";

/**
 * What a rotation of very many images costs: calls and time of a look that has nothing to do, of one with very much to do, and
 * of deciding alone. The emulated Compute Engine answers in this process, so time is moult's own and the emulator's.
 * `node test/bench/images/run.ts [--families N] [--images N]`
 */
const { values } = parseArgs({
  options: { families: { type: "string", default: "200" }, images: { type: "string", default: "10000" } },
});
const families = Number(values.families);
const each = Math.floor(Number(values.images) / families);
const PROJECT = "acme-images";
const DAY_MS = 86_400_000;
const ROOT = `/compute/v1/projects/${PROJECT}`;

const bed = await startBed({ direct: true, project: PROJECT });
const calls = new Map<string, number>();
const count = (what: string) => calls.set(what, (calls.get(what) ?? 0) + 1);
let advancing: Promise<void> = Promise.resolve();

async function call<T>(method: string, path: string, query: Record<string, string> = {}, body?: unknown): Promise<T> {
  count(kindOfCall(method, path));
  const search = new URLSearchParams(query).toString();
  const answer = bed.call<T>(method, `/compute/v1/${path}${search && `?${search}`}`, body);
  if (path.endsWith("/wait")) {
    advancing = advancing.then(() => bed.clock.advance(100));
    await advancing;
  }
  const { status, body: said } = await answer;
  if (status < 300) return said;
  const { error } = said as { error: { message: string; errors?: { reason: string }[] } };
  throw new Failure(kindOf(status, error.errors?.[0]?.reason), status, `${method} ${path}`, error.message);
}

function kindOfCall(method: string, path: string): string {
  if (path.endsWith("/wait")) return "wait";
  if (method === "DELETE") return "delete";
  if (path.endsWith("/deprecate")) return "deprecate";
  if (path.includes("/images/family/")) return "head";
  if (path.endsWith("/images")) return "list images";
  if (path.includes("/aggregated/")) return "list disks, templates, groups";
  return "get image";
}

const rest: Rest = {
  get: (path, query) => call("GET", path, query),
  send: (method, path, body, query) => call(method, path, query, body),
};
const computes = new Map([PROJECT, "acme-prod"].map((project) => [project, makeCompute(rest, project)]));
const stored = new DrivenTime();
const cloud = {
  ...fakeCloud(),
  state: new MemoryBucket("state", stored),
  compute: (project: string) => computes.get(project) ?? makeCompute(rest, project),
  // The clock of the cloud: weeks pass between the rounds, and no run is cut off by it.
  time: { now: () => Math.floor(bed.clock.now() / DAY_MS) * DAY_MS, sleep: async () => {} },
  log: () => {},
};

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  calls.clear();
  const from = performance.now();
  const value = await work();
  const ms = performance.now() - from;
  const sum = [...calls.values()].reduce((total, n) => total + n, 0);
  const kinds = [...calls].map(([kind, n]) => `${n} ${kind}`).join(", ");
  console.log(`| ${what} | ${sum.toLocaleString("en")} | ${kinds || "none"} | ${ms.toFixed(0)} ms |`);
  return value;
}

for (let round = 0; round < each; round++) {
  for (let family = 0; family < families; family++)
    await bed.post(`${ROOT}/global/images`, {
      name: `f${family}-${round}`,
      family: `f${family}`,
      sourceImage: "projects/debian-cloud/global/images/family/debian-12",
    });
  await bed.clock.advance(7 * DAY_MS);
}
for (let family = 0; family < families; family++) {
  const policy = {
    family: `f${family}`,
    project: PROJECT,
    rotate: { deprecate: "14d", obsolete: "30d", delete: "30d", remove: "7d" },
    consumers: ["acme-prod"],
  };
  await savePolicy(cloud.state, policy, policy);
}

console.log(`# ${each * families} images in ${families} families, node ${process.version}\n`);
console.log("| run | calls to Compute | of these | time |\n| --- | ---: | --- | ---: |");
const { families: planned } = await timed("dry run, every step to do", () => planRotation(cloud));
const all = planned.flatMap(({ rotation }) => rotation.images.map(({ image }) => image));
const now = new Date(cloud.time.now()).toISOString();
await timed("deciding alone", async () => {
  for (const { policy } of planned) decideRotation(all, { uses: new UseIndex(), unread: [] }, policy, [], now);
});
await timed("the first rotation", () => rotateDaily(cloud));
await timed("again, nothing to do", () => rotateDaily(cloud));
await bed.clock.advance(31 * DAY_MS);
await timed("a month later, to OBSOLETE", () => rotateDaily(cloud));
await bed.clock.advance(31 * DAY_MS);
await timed("to DELETED", () => rotateDaily(cloud));
await bed.clock.advance(8 * DAY_MS);
await timed("deleted", () => rotateDaily(cloud));
await timed("what is left, nothing to do", () => rotateDaily(cloud));
await bed.close();
