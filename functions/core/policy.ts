import { type Finding, Reader } from "./findings.ts";
import { formatDuration, parseDuration } from "./instants.ts";

/** One zonal group of a fleet. */
export interface GroupRef {
  zone: string;
  name: string;
  /** Name of the group's base template (DESIGN §5). */
  base: string;
  /** Waves follow one another, lowest number first. */
  wave: number;
}

export type Step = ({ canary: number } | { share: number }) & { bakeMs: number };

export interface SecretRef {
  secret: string;
  project: string;
  /** A version number, or the newest enabled one at the time the release is made. */
  version: number | "newest";
}

/** A fleet file, validated: the only form that is passed on. */
export interface Policy {
  fleet: string;
  project: string;
  groups: GroupRef[];
  follows: { family: string; project: string };
  config: { ref: string } | null;
  secrets: Record<string, SecretRef>;
  mode: "auto" | "observe";
  steps: Step[];
  finalBakeMs: number;
  gates: ("reports" | "health")[];
  limits: { failedMachines: number; progressMs: number };
  replace: { above: number; missing: number };
}

const NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
const PROJECT = /^([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$/;
const ZONE = /^[a-z]+-[a-z]+\d+-[a-z]$/;
const SECRET_ID = /^[A-Za-z0-9_-]{1,255}$/;
const REF = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/;

const NAME_FORM = "a Compute Engine name (lower-case letters, digits and dashes, starting with a letter)";

const FIELDS = [
  "fleet",
  "project",
  "groups",
  "follows",
  "config",
  "secrets",
  "mode",
  "steps",
  "finalBake",
  "gates",
  "limits",
  "replace",
] as const;

/** Fields of the design that this version refuses rather than ignores. */
const NOT_YET = {
  windows: "rollouts start at any time",
  select: "the group's own updater chooses the machines",
  drift: "drifted machines are not acted upon",
  urgency: "every rollout runs its steps",
};

export const DEFAULTS = {
  steps: [
    { canary: 1, bakeMs: 300_000 },
    { share: 1, bakeMs: 0 },
  ] as Step[],
  finalBakeMs: 600_000,
  progressMs: 1_200_000,
};

/**
 * Reads a fleet file. `document` is what its YAML or JSON says. Returns every finding, or the policy with all defaults
 * filled in; never both.
 */
export function readPolicy(document: unknown): { policy: Policy } | { findings: Finding[] } {
  const reader = new Reader();
  const root = reader.object(document, "", FIELDS, NOT_YET);
  if (!root) return { findings: reader.findings };

  const fleet = reader.text(root.fleet, "fleet", NAME, NAME_FORM);
  const project = reader.text(root.project, "project", PROJECT, "a project id");
  const policy = {
    fleet: fleet ?? "",
    project: project ?? "",
    groups: readGroups(reader, root.groups),
    follows: readFollows(reader, root.follows, project ?? ""),
    config: readConfig(reader, root.config),
    secrets: readSecrets(reader, root.secrets, project ?? ""),
    mode: readMode(reader, root.mode),
    steps: readSteps(reader, root.steps),
    finalBakeMs: readDuration(reader, root.finalBake, "finalBake", DEFAULTS.finalBakeMs),
    gates: readGates(reader, root.gates),
    limits: readLimits(reader, root.limits),
    replace: readReplace(reader, root.replace),
  };
  return reader.findings.length > 0 ? { findings: reader.findings } : { policy };
}

function readGroups(reader: Reader, value: unknown): GroupRef[] {
  if (!Array.isArray(value) || value.length === 0) {
    reader.note(
      "groups",
      value === undefined ? "missing-field" : "wrong-type",
      `"groups" must be a list with at least one group, e.g. [{ zone: us-central1-a, name: web, base: web-base }]`,
    );
    return [];
  }
  const seen = new Set<string>();
  return value.flatMap((entry: unknown, i) => {
    const path = `groups[${i}]`;
    const group = reader.object(entry, path, ["zone", "name", "base", "wave"], {
      region: "name the zone of a zonal group",
    });
    if (!group || group.region !== undefined) return [];
    const zone = reader.text(group.zone, `${path}.zone`, ZONE, "a zone such as us-central1-a");
    const name = reader.text(group.name, `${path}.name`, NAME, NAME_FORM);
    const base = reader.text(group.base, `${path}.base`, NAME, "the name of the group's base instance template");
    const wave = group.wave === undefined ? 1 : reader.whole(group.wave, `${path}.wave`, 1);
    if (!zone || !name || !base || wave === undefined) return [];
    if (seen.has(`${zone}/${name}`))
      reader.note(path, "duplicate", `"${path}" names the group ${zone}/${name} a second time`);
    seen.add(`${zone}/${name}`);
    return [{ zone, name, base, wave }];
  });
}

function readFollows(reader: Reader, value: unknown, project: string): Policy["follows"] {
  const follows = reader.object(value, "follows", ["family", "project"], {
    fleet: "follow an image family",
    soak: "follow an image family",
  });
  if (!follows || follows.fleet !== undefined) return { family: "", project };
  const family = reader.text(follows.family, "follows.family", NAME, "the name of an image family") ?? "";
  const from =
    follows.project === undefined ? project : reader.text(follows.project, "follows.project", PROJECT, "a project id");
  return { family, project: from ?? project };
}

function readConfig(reader: Reader, value: unknown): Policy["config"] {
  if (value === undefined) return null;
  const config = reader.object(value, "config", ["ref"]);
  const ref = config && reader.text(config.ref, "config.ref", REF, "the name of a configuration ref such as web/prod");
  return ref ? { ref } : null;
}

function readSecrets(reader: Reader, value: unknown, project: string): Policy["secrets"] {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    reader.note(
      "secrets",
      "wrong-type",
      `"secrets" must map the names your manifest uses to secrets, e.g. { db-password: { secret: web-db } }`,
    );
    return {};
  }
  const secrets: Policy["secrets"] = {};
  for (const [key, entry] of Object.entries(value)) {
    const path = `secrets.${key}`;
    const ref = reader.object(entry, path, ["secret", "project", "version"]);
    if (!ref) continue;
    const secret = reader.text(ref.secret, `${path}.secret`, SECRET_ID, "the id of a secret, without its project");
    const from =
      ref.project === undefined ? project : reader.text(ref.project, `${path}.project`, PROJECT, "a project id");
    const version = ref.version ?? "newest";
    if (version !== "newest" && !(typeof version === "number" && Number.isInteger(version) && version > 0)) {
      reader.note(
        `${path}.version`,
        "bad-value",
        `"${path}.version" must be a version number or newest (the newest enabled version when a release is made)`,
      );
    } else if (secret && from) secrets[key] = { secret, project: from, version };
  }
  return secrets;
}

function readMode(reader: Reader, value: unknown): Policy["mode"] {
  if (value === undefined || value === "auto") return "auto";
  if (value === "observe") return "observe";
  if (value === "approve")
    reader.note(
      "mode",
      "not-supported",
      `"mode: approve" is not supported yet; use observe and start rollouts by changing it to auto`,
    );
  else reader.note("mode", "bad-value", `"mode" must be auto or observe`);
  return "observe";
}

function readSteps(reader: Reader, value: unknown): Step[] {
  if (value === undefined) return DEFAULTS.steps;
  if (!Array.isArray(value) || value.length === 0) {
    reader.note("steps", "wrong-type", `"steps" must be a list such as [{ canary: 1, bake: 5m }, { share: 100% }]`);
    return [];
  }
  const steps = value.flatMap((entry: unknown, i): Step[] => {
    const path = `steps[${i}]`;
    const step = reader.object(entry, path, ["canary", "share", "bake"]);
    if (!step) return [];
    const bakeMs = readDuration(reader, step.bake, `${path}.bake`, 0);
    if ((step.canary === undefined) === (step.share === undefined)) {
      reader.note(
        path,
        "bad-value",
        `"${path}" must have either canary (a number of machines) or share (a percentage)`,
      );
      return [];
    }
    if (step.canary !== undefined) {
      if (i > 0) reader.note(`${path}.canary`, "bad-value", `only the first step can be a canary`);
      const canary = reader.whole(step.canary, `${path}.canary`, 1);
      return canary === undefined ? [] : [{ canary, bakeMs }];
    }
    const share = readShare(reader, step.share, `${path}.share`);
    return share === undefined ? [] : [{ share, bakeMs }];
  });
  const shares = steps.flatMap((step) => ("share" in step ? [step.share] : []));
  if (steps.length === value.length) {
    if (shares.at(-1) !== 1) reader.note("steps", "bad-value", `the last step must be share: 100%`);
    if (shares.some((share, i) => i > 0 && share <= (shares[i - 1] ?? 0))) {
      reader.note("steps", "bad-value", `shares are cumulative, so each must be larger than the one before`);
    }
  }
  return steps;
}

function readShare(reader: Reader, value: unknown, path: string): number | undefined {
  const found = typeof value === "string" ? /^(\d{1,3})%$/.exec(value) : null;
  const percent = Number(found?.[1] ?? 0);
  if (percent < 1 || percent > 100)
    return reader.note(path, "bad-value", `"${path}" must be a percentage from 1% to 100%`);
  return percent / 100;
}

function readDuration(reader: Reader, value: unknown, path: string, fallback: number): number {
  if (value === undefined) return fallback;
  const ms = typeof value === "string" ? parseDuration(value) : undefined;
  if (ms === undefined) reader.note(path, "bad-value", `"${path}" must be a duration such as 90s, 5m, 2h or 1d`);
  return ms ?? fallback;
}

function readGates(reader: Reader, value: unknown): Policy["gates"] {
  if (value === undefined) return ["reports", "health"];
  if (!Array.isArray(value)) {
    reader.note("gates", "wrong-type", `"gates" must be a list of reports and health`);
    return [];
  }
  return value.flatMap((gate: unknown, i) => {
    if (gate === "reports" || gate === "health") return [gate];
    reader.note(`gates[${i}]`, "not-supported", `"gates[${i}]" must be reports or health`);
    return [];
  });
}

function readLimits(reader: Reader, value: unknown): Policy["limits"] {
  const limits = value === undefined ? {} : reader.object(value, "limits", ["failedMachines", "progress"]);
  const failed =
    limits?.failedMachines === undefined ? 1 : reader.whole(limits.failedMachines, "limits.failedMachines", 1);
  return {
    failedMachines: failed ?? 1,
    progressMs: readDuration(reader, limits?.progress, "limits.progress", DEFAULTS.progressMs),
  };
}

function readReplace(reader: Reader, value: unknown): Policy["replace"] {
  const replace = value === undefined ? {} : reader.object(value, "replace", ["above", "missing"]);
  const above = replace?.above === undefined ? 1 : (reader.whole(replace.above, "replace.above", 0) ?? 1);
  const missing = replace?.missing === undefined ? 0 : (reader.whole(replace.missing, "replace.missing", 0) ?? 0);
  if (above === 0 && missing === 0) {
    reader.note(
      "replace",
      "bad-value",
      `"replace" must allow at least one machine above or missing, or nothing can ever be replaced`,
    );
  }
  return { above, missing };
}

/** `canary 1`, `25%`: how a step is called in everything people read. */
export function stepName(step: Step): string {
  return "canary" in step ? `canary ${step.canary}` : `${Math.round(step.share * 100)}%`;
}

/** The step as a sentence part, with its bake. */
export function describeStep(step: Step): string {
  return step.bakeMs > 0 ? `${stepName(step)}, bake ${formatDuration(step.bakeMs)}` : stepName(step);
}

export function groupKey(group: { zone: string; name: string }): string {
  return `${group.zone}/${group.name}`;
}
