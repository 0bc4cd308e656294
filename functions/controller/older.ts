import { DEFAULTS, type GroupRef, type Policy } from "../core/policy.ts";
import { emptyRecord, type FleetRecord } from "../core/record.ts";
import type { Rollout } from "../core/rolloutrecord.ts";
import { isObject } from "./problems.ts";

/** A record as this version or an older one wrote it: what that one did not know is missing or has another form. */
type Older = Partial<Omit<FleetRecord, "policy" | "active">> & { policy?: OlderPolicy | null; active?: OlderRollout };

type OlderGroup = Partial<GroupRef> & Pick<GroupRef, "name" | "base" | "wave"> & { zone?: string };
type OlderPolicy = Partial<Omit<Policy, "groups" | "gates">> &
  Pick<Policy, "fleet" | "project" | "follows"> & {
    groups: OlderGroup[];
    gates?: (Policy["gates"][number] | string)[];
  };
type OlderRollout = Partial<Omit<Rollout, "policy">> & { policy?: OlderPolicy };

/**
 * A whole record of what an object of the state bucket says. Fields of a newer version are kept, fields that an older one did
 * not write mean what they mean in a fleet file that does not say them. Throws, with everything that is lacking, where nothing
 * can stand for it.
 */
export function completeRecord(fleet: string, text: string, where: string): FleetRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(where, "is not JSON");
  }
  if (!isObject(value)) throw damaged(where, "is not a JSON object");
  if (value.schema !== undefined && value.schema !== 1)
    throw new Error(
      `${where} has schema ${String(value.schema)}, this version of moult reads 1: deploy the newer functions again`,
    );
  const lacking = [...lackingOf(value, "policy", POLICY), ...lackingOf(value, "stable", STABLE)];
  lacking.push(...lackingOf(value, "active", ROLLOUT), ...lackingGroups(value.policy));
  if (lacking.length > 0) throw damaged(where, `lacks ${lacking.join(", ")}`);
  const { policy, active, ...rest } = value as Older;
  const own = policy ? completePolicy(policy) : null;
  return { ...emptyRecord(fleet), ...rest, policy: own, active: active ? completeRollout(active, own, where) : null };
}

function damaged(where: string, what: string): Error {
  return new Error(
    `${where} ${what}, and nothing can stand for that: somebody else wrote it, or it was damaged. The bucket keeps older versions of the object ("gcloud storage ls --all-versions" lists them): copy one that is whole over it`,
  );
}

const POLICY = ["fleet", "project", "groups", "follows"];
const STABLE = ["release", "since"];
const ROLLOUT = ["id", "kind", "from", "to", "phase", "since", "groups"];

/** Of a part that may be absent as a whole. */
function lackingOf(record: Record<string, unknown>, part: string, fields: string[]): string[] {
  const value = record[part];
  if (value === undefined || value === null) return [];
  if (!isObject(value)) return [part];
  return fields.filter((field) => value[field] === undefined).map((field) => `${part}.${field}`);
}

function lackingGroups(policy: unknown): string[] {
  if (!isObject(policy) || policy.groups === undefined) return [];
  if (!Array.isArray(policy.groups)) return ["policy.groups"];
  return policy.groups.flatMap((group: unknown, i) =>
    isObject(group) && typeof group.name === "string" && typeof (group.location ?? group.zone) === "string"
      ? []
      : [`policy.groups[${i}]`],
  );
}

function completePolicy(policy: OlderPolicy): Policy {
  const { limits, replace, gates = DEFAULTS.gates } = policy;
  return {
    ...policy,
    groups: policy.groups.map(completeGroup),
    config: policy.config ?? null,
    secrets: policy.secrets ?? {},
    settleMs: policy.settleMs ?? DEFAULTS.settleMs,
    // Not to begin anything is what can be said for sure.
    mode: policy.mode ?? "observe",
    steps: policy.steps ?? DEFAULTS.steps,
    finalBakeMs: policy.finalBakeMs ?? DEFAULTS.finalBakeMs,
    gates: gates.map((gate) =>
      typeof gate === "string" ? { key: gate, kind: gate === "health" ? "health" : "reports" } : gate,
    ),
    limits: {
      failedMachines: limits?.failedMachines ?? 1,
      progressMs: limits?.progressMs ?? DEFAULTS.progressMs,
      pausedMs: limits?.pausedMs ?? null,
    },
    replace: { above: replace?.above ?? 1, missing: replace?.missing ?? 0, scarce: replace?.scarce ?? null },
    windows: policy.windows ?? [],
    budget: policy.budget ?? null,
    accept: { singleMachine: policy.accept?.singleMachine ?? false },
  };
}

/** The first version knew zonal groups only. */
function completeGroup({ zone, ...group }: OlderGroup): GroupRef {
  return { ...group, location: group.location ?? zone ?? "", regional: group.regional ?? false };
}

/** A rollout goes on with the fleet file it began with; an older version had the fleet's own for it. */
function completeRollout(rollout: OlderRollout, own: Policy | null, where: string): Rollout {
  const policy = rollout.policy ? completePolicy(rollout.policy) : own;
  if (!policy) throw damaged(where, "lacks the fleet file of its rollout");
  return { ...UNWRITTEN, ...rollout, policy } as Rollout;
}

/** What a rollout has that an older version began, and did not know of. */
const UNWRITTEN: Pick<
  Rollout,
  "pausedFrom" | "pausedUntil" | "verdict" | "urgent" | "forwardFix" | "gates" | "bakesLost" | "granted"
> &
  Pick<Rollout, "seen" | "failed" | "passed" | "best" | "deadline"> = {
  pausedFrom: null,
  pausedUntil: null,
  verdict: null,
  urgent: false,
  forwardFix: null,
  gates: {},
  bakesLost: 0,
  granted: null,
  seen: {},
  failed: {},
  passed: [],
  best: 0,
  deadline: null,
};
