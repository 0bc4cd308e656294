import { randomUUID } from "node:crypto";
import { newMachines, stepsOf, waveGroups } from "../core/assess.ts";
import { openGates } from "../core/gates.ts";
import { instant, msOf } from "../core/instants.ts";
import type { GateAnswer, MachineView } from "../core/observation.ts";
import { type Gate, type GateRules, groupKey, type Policy, stepName } from "../core/policy.ts";
import type { Rollout } from "../core/rolloutrecord.ts";
import type { Compute } from "../google/compute.ts";
import { isFailure } from "../google/failure.ts";
import { lastSegment, zoneOf } from "../google/listing.ts";
import type { Cloud } from "./cloud.ts";
import type { SeenGroup } from "./groups.ts";
import { askWebhook } from "./webhook.ts";

/** How many machines a sentence names. */
const NAMED = 5;

type Asked = Extract<Gate, GateRules>;

/** The new machines of the groups of the present wave. */
interface Asking {
  cloud: Cloud;
  compute: Compute;
  rollout: Rollout;
  policy: Policy;
  groups: { group: SeenGroup; fresh: MachineView[] }[];
}

/**
 * What the gates of the step say now. Only while the step is at its gates; one that has said anything but `wait` has
 * finished and is not asked again: asking until the answer is liked is no gate.
 */
export async function readGates(
  cloud: Cloud,
  compute: Compute,
  rollout: Rollout,
  seen: SeenGroup[],
): Promise<Record<string, GateAnswer>> {
  const { policy } = rollout;
  const open = openGates(rollout);
  if (open.length === 0) return {};
  const inWave = new Map(
    waveGroups(rollout, policy).flatMap(({ key, group, wave }) => (wave === rollout.wave ? [[key, group]] : [])),
  );
  const groups = seen.flatMap((group) => {
    const rolled = inWave.get(groupKey(group.ref));
    return rolled ? [{ group, fresh: newMachines(rolled, group.view) }] : [];
  });
  const asking: Asking = { cloud, compute, rollout, policy, groups };
  return Object.fromEntries(await Promise.all(open.map(async (gate) => [gate.key, await ask(gate, asking)] as const)));
}

/** A gate that cannot be asked for the moment waits; one that may not be asked says nothing, and why. */
async function ask(gate: Asked, asking: Asking): Promise<GateAnswer> {
  try {
    switch (gate.kind) {
      case "backend":
        return await askBackend(gate, asking);
      case "metric":
        return await askMetric(gate, asking);
      case "alerts":
        return await askAlerts(gate, asking);
      case "webhook":
        return await askWebhook(asking.cloud, gate, question(asking));
    }
  } catch (problem) {
    if (!isFailure(problem)) throw problem;
    return problem.kind === "unavailable"
      ? { answer: "wait", text: `gate ${gate.key} could not be asked: ${problem.message}. It is asked again` }
      : {
          answer: "inconclusive",
          text: `gate ${gate.key} cannot be asked: ${problem.message}. Grant or correct what it names`,
        };
  }
}

function question({ cloud, rollout, policy, groups }: Asking) {
  const step = stepsOf(rollout, policy)[rollout.step];
  return {
    fleet: policy.fleet,
    rollout: rollout.id,
    wave: rollout.wave + 1,
    step: step ? stepName(step) : "",
    release: rollout.to.digest,
    image: rollout.to.image.name,
    machines: groups.flatMap(({ fresh }) => fresh.map(({ name }) => name)),
    nonce: randomUUID(),
    at: instant(cloud.time.now()),
  };
}

async function askBackend(gate: Extract<Gate, { kind: "backend" }>, asking: Asking): Promise<GateAnswer> {
  const { compute, groups } = asking;
  const what = `backend service ${gate.backend}${gate.region === null ? "" : ` of ${gate.region}`}`;
  const unknown: string[] = [];
  const bad: string[] = [];
  let healthy = 0;
  for (const { group, fresh } of groups) {
    const answer = await compute.backendHealth(gate.backend, gate.region, group.ref);
    if (!answer)
      return {
        answer: "inconclusive",
        text: `${what} does not exist; create it, or correct the gate in the fleet file`,
      };
    const states = new Map<string, string[]>();
    for (const { instance = "", healthState = "UNKNOWN" } of answer.healthStatus ?? []) {
      const place = `${zoneOf(instance) ?? group.ref.location}/${lastSegment(instance)}`;
      states.set(place, [...(states.get(place) ?? []), healthState]);
    }
    for (const { name } of fresh) {
      const said = states.get(`${group.zones.get(name) ?? group.ref.location}/${name}`);
      // A machine that stands there with several ports is healthy when all of them are.
      const worst = said?.find((state) => state !== "HEALTHY");
      if (said === undefined) unknown.push(name);
      else if (worst === undefined) healthy += 1;
      else bad.push(`${name} ${worst}`);
    }
  }
  if (bad.length === 0 && unknown.length === 0)
    return healthy > 0
      ? { answer: "pass", text: `all ${healthy} new machines are HEALTHY in ${what}` }
      : { answer: "wait", text: `there is no new machine that ${what} could tell of` };
  const said = [...bad, ...unknown.map((name) => `${name} is not known there`)];
  const text = `${healthy} of ${healthy + said.length} new machines are HEALTHY in ${what}; ${listed(said)}`;
  // Time enough for its checks has passed, and it says no. One it does not know proves nothing against the release.
  if (bad.length > 0 && isOver(gate, asking)) return { answer: "fail", text };
  return { answer: "wait", text };
}

function isOver(gate: Asked, { cloud, rollout }: Asking): boolean {
  const since = rollout.gates[gate.key]?.since;
  return since !== undefined && cloud.time.now() >= msOf(since) + gate.withinMs;
}

async function askMetric(gate: Extract<Gate, { kind: "metric" }>, { cloud, policy }: Asking): Promise<GateAnswer> {
  const found = await cloud.monitoring.query(policy.project, gate.query);
  const inconclusive = (why: string): GateAnswer => ({
    answer: "inconclusive",
    text: `the query of gate ${gate.key} ${why}; it must find exactly one number: ${gate.query}`,
  });
  if ("other" in found) return inconclusive(`gives a ${found.other}, which is not one number`);
  const [value, another] = found.values;
  if (value === undefined) return inconclusive("finds no value");
  if (another !== undefined) return inconclusive(`finds ${found.values.length} values`);
  if (Number.isNaN(value)) return inconclusive("gives NaN, as a share of nothing does");
  const limits = [
    ...(gate.below === undefined ? [] : [{ holds: value < gate.below, text: `below ${gate.below}` }]),
    ...(gate.above === undefined ? [] : [{ holds: value > gate.above, text: `above ${gate.above}` }]),
  ];
  const broken = limits.find(({ holds }) => !holds);
  return broken
    ? {
        answer: "fail",
        text: `gate ${gate.key}: the query gives ${value}, which must be ${broken.text}: ${gate.query}`,
      }
    : {
        answer: "pass",
        text: `gate ${gate.key}: the query gives ${value}, ${limits.map(({ text }) => text).join(" and ")}`,
      };
}

async function askAlerts(gate: Extract<Gate, { kind: "alerts" }>, { cloud }: Asking): Promise<GateAnswer> {
  const policy = await cloud.monitoring.alertPolicy(gate.policy);
  const cannot = (why: string): GateAnswer => ({
    answer: "inconclusive",
    text: `the alert policy ${gate.policy} ${why}, so that no open alert says nothing`,
  });
  if (!policy) return cannot("does not exist");
  const name = policy.displayName ?? lastSegment(gate.policy);
  if (policy.enabled === false) return cannot(`(${name}) is switched off`);
  const open = await cloud.monitoring.openAlerts(gate.policy);
  if (open.length === 0) return { answer: "pass", text: `no alert of policy ${name} is open` };
  const said = open.map((alert) => `${lastSegment(alert.name)} since ${alert.openTime ?? "an unknown time"}`);
  return { answer: "fail", text: `${open.length} open alerts of policy ${name}: ${listed(said)}` };
}

function listed(texts: string[]): string {
  const more = texts.length - NAMED;
  return more > 0 ? `${texts.slice(0, NAMED).join(", ")} and ${more} more` : texts.join(", ");
}
