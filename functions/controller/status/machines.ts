import { type GroupView, isProblem, type MachineView, type ReportView } from "../../core/observation.ts";
import { type GroupRef, groupKey } from "../../core/policy.ts";
import type { FleetRecord } from "../../core/record.ts";
import { lastSegment } from "../../core/wanted.ts";
import type { Compute } from "../../google/compute.ts";
import { isFailure } from "../../google/failure.ts";
import { readGroup } from "../groups.ts";

/** What a machine runs, against what the fleet does: a tile's form. */
export type Runs = "stable" | "new" | "other" | "leaving";

/** How it is: a tile's sign. `failed` is what the rollout counts as failed, whatever becomes of the machine. */
export type Mark = "fine" | "making" | "booting" | "unhealthy" | "failed" | "leaving" | "stopped";

export interface MachineTile {
  name: string;
  /** Absent until the machine exists. */
  id?: string;
  zone: string;
  runs: Runs;
  /** Of the release it runs, where moult knows it; else absent, and `template` says more. */
  image?: string;
  template: string;
  mark: Mark;
  status?: string;
  action: string;
  health?: string;
  /** Only of the rollout's release. */
  report?: { verdict: ReportView["verdict"]; reason: string; message: string };
  failed?: string;
  errors?: string[];
}

export interface GroupTiles {
  key: string;
  /** Its number in the fleet file. */
  wave: number;
  targetSize: number;
  /** The group has a health check. */
  checked: boolean;
  autoscaler?: string;
  machines: MachineTile[];
  /** Errors of making machines, the last ones first, each once. */
  errors: { code: string; message: string; at: string; machine: string }[];
  /** Why it could not be read. The other groups are shown all the same. */
  problem?: string;
}

const ERRORS = 10;

/** The group as it is now. What cannot be read is said, and does not hide the rest. */
export async function readTiles(
  compute: Compute,
  ref: GroupRef,
  record: FleetRecord,
  reports: ReadonlyMap<string, ReportView>,
): Promise<{ tiles: GroupTiles; view?: GroupView }> {
  const key = groupKey(ref);
  const none = { key, wave: ref.wave, targetSize: 0, checked: false, machines: [], errors: [] };
  try {
    const seen = await readGroup(compute, ref, { machines: true, autoscaler: true });
    if (isProblem(seen)) return { tiles: { ...none, problem: seen.text } };
    const { view, zones } = seen;
    const known = imagesOf(record, key);
    const tiles: GroupTiles = {
      ...none,
      targetSize: view.targetSize,
      checked: view.checked,
      ...(view.autoscaler && { autoscaler: view.autoscaler.mode }),
      machines: view.machines.map((machine) =>
        tile(machine, zones.get(machine.name) ?? ref.location, key, record, known, view.checked, reports),
      ),
      errors: distinct(view.errors).slice(0, ERRORS),
    };
    return { tiles, view };
  } catch (problem) {
    if (!isFailure(problem)) throw problem;
    return { tiles: { ...none, problem: `group ${key} cannot be read now: ${problem.message}` } };
  }
}

type Known = Map<string, { runs: Runs; image: string }>;

/** Templates of this group → what runs from them. */
function imagesOf({ active, stable, previous }: FleetRecord, key: string): Known {
  const known: Known = new Map();
  for (const older of [...previous].reverse())
    for (const { instanceTemplate = "" } of older.versions[key] ?? [])
      known.set(lastSegment(instanceTemplate), { runs: "other", image: older.release.image.name });
  for (const current of [active?.from, stable])
    for (const { instanceTemplate = "" } of current?.versions[key] ?? [])
      if (current) known.set(lastSegment(instanceTemplate), { runs: "stable", image: current.release.image.name });
  const group = active?.groups[key];
  if (active && group) known.set(group.template, { runs: "new", image: active.to.image.name });
  return known;
}

function tile(
  machine: MachineView,
  zone: string,
  key: string,
  { active }: FleetRecord,
  known: Known,
  checked: boolean,
  reports: ReadonlyMap<string, ReportView>,
): MachineTile {
  const { name, id, status, action, template, health } = machine;
  const runs = known.get(template);
  const report = id === undefined ? undefined : reports.get(id);
  // The rollout names machines without their group, and one that took a failed one's name is another machine.
  const seen = active?.seen[`${key}/${name}`];
  const failed = seen !== undefined && (id === undefined || id === seen) ? active?.failed[name] : undefined;
  const owes = active?.reports === true && runs?.runs === "new";
  return {
    name,
    ...(id && { id }),
    zone,
    runs: runs?.runs ?? (template === "" ? "leaving" : "other"),
    ...(runs && { image: runs.image }),
    template,
    mark: failed ? "failed" : markOf(machine, checked, owes ? (report?.verdict ?? "none") : undefined),
    ...(status && { status }),
    action,
    ...(health && { health }),
    ...(report && { report: { verdict: report.verdict, reason: report.reason, message: report.message } }),
    ...(failed && { failed }),
    ...(machine.errors.length > 0 && { errors: machine.errors.map(({ code, message }) => `${code}: ${message}`) }),
  };
}

/** `verdict`: what it reported, "none" while it owes a report; absent where none is owed. */
function markOf({ id, status, action, health }: MachineView, checked: boolean, verdict: string | undefined): Mark {
  if (action === "DELETING" || action === "ABANDONING") return "leaving";
  if (verdict === "failed") return "failed";
  if (id === undefined || (action !== "NONE" && status !== "RUNNING")) return "making";
  if (status !== "RUNNING")
    return status === undefined || /^(PROVISIONING|STAGING)$/.test(status) ? "making" : "stopped";
  if (action !== "NONE") return "booting";
  if (checked && health !== "HEALTHY") return health === undefined || health === "UNKNOWN" ? "booting" : "unhealthy";
  return verdict === "none" ? "booting" : "fine";
}

function distinct(errors: { code: string; message: string; at: string; machine: string }[]): GroupTiles["errors"] {
  const seen = new Set<string>();
  return [...errors]
    .sort((a, b) => (a.at < b.at ? 1 : -1))
    .filter(({ code, message }) => {
      const once = !seen.has(`${code} ${message}`);
      seen.add(`${code} ${message}`);
      return once;
    })
    .map(({ code, message, at, machine }) => ({ code, message, at, machine }));
}
