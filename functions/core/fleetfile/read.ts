import { type Finding, Reader } from "../findings.ts";
import { DEFAULTS, type Policy } from "../policy.ts";
import { NAME, NAME_FORM, PROJECT, readDuration, readSettle } from "./forms.ts";
import { readGates } from "./gates.ts";
import { readGroups } from "./groups.ts";
import { readConfig, readFollows } from "./inputs.ts";
import { readAccept, readBudget, readLimits, readReplace } from "./limits.ts";
import { readSecrets } from "./secrets.ts";
import { readSteps } from "./steps.ts";
import { readWindows } from "./windows.ts";

export const FIELDS = [
  "fleet",
  "project",
  "groups",
  "follows",
  "config",
  "secrets",
  "settle",
  "mode",
  "steps",
  "finalBake",
  "gates",
  "limits",
  "replace",
  "windows",
  "budget",
  "accept",
] as const;

/** Fields of the design that this version refuses rather than ignores. */
const NOT_YET = {
  select: "the group's own updater chooses the machines",
  drift: "drifted machines are not acted upon",
};

/**
 * Reads a fleet file. `document` is what its YAML or JSON says. Returns every finding, or the policy with all defaults
 * filled in; never both.
 */
export function readPolicy(document: unknown): { policy: Policy } | { findings: Finding[] } {
  const reader = new Reader();
  const root = reader.object(document, "", FIELDS, NOT_YET);
  if (!root) return { findings: reader.findings };

  const fleet = reader.text(root.fleet, "fleet", NAME, NAME_FORM) ?? "";
  const project = reader.text(root.project, "project", PROJECT, "a project id") ?? "";
  const policy: Policy = {
    fleet,
    project,
    groups: readGroups(reader, root.groups),
    follows: readFollows(reader, root.follows, fleet, project),
    config: readConfig(reader, root.config),
    secrets: readSecrets(reader, root.secrets, project),
    settleMs: readSettle(reader, root.settle),
    mode: root.mode === undefined ? "auto" : (reader.oneOf(root.mode, "mode", MODES) ?? "observe"),
    steps: readSteps(reader, root.steps),
    finalBakeMs: readDuration(reader, root.finalBake, "finalBake", DEFAULTS.finalBakeMs),
    gates: readGates(reader, root.gates, project),
    limits: readLimits(reader, root.limits),
    replace: readReplace(reader, root.replace),
    windows: readWindows(reader, root.windows),
    budget: readBudget(reader, root.budget),
    accept: readAccept(reader, root.accept),
  };
  return reader.findings.length > 0 ? { findings: reader.findings } : { policy };
}

const MODES = ["auto", "approve", "observe"] as const;
