import type { FleetRecord } from "../../functions/core/record.ts";
import { short } from "../../functions/core/release.ts";

export interface Choice {
  command: string;
  does: string;
}

/** What a person can say where it is a person's turn, as it would be typed. Empty where nobody is waited for. */
export function choicesOf(record: FleetRecord): Choice[] {
  const { fleet, active, reasons } = record;
  const said = new Set(reasons.map(({ word }) => word));
  const evidence = { command: `moult why ${fleet} --evidence`, does: "what the failed machines said" };
  const failed = active ? Object.keys(active.failed).length > 0 : record.last?.ending === "rolled-back";
  return [
    ...(active ? ofRollout(record) : ofFleet(record)),
    ...record.quarantine
      .filter(() => !active && said.has("quarantined"))
      .map(({ key, imageName }) => ({
        command: `moult quarantine lift ${fleet} ${key}`,
        does: `let ${imageName} be tried again`,
      })),
    ...(failed && !(active && active.phase !== "paused" && active.phase !== "rollback-stuck") ? [evidence] : []),
  ];
}

function ofRollout({ fleet, active, hold, pending, reasons }: FleetRecord): Choice[] {
  if (!active) return [];
  const abort = {
    command: `moult rollout abort ${fleet}`,
    does: `put it back to ${active.from.release.image.name}; this combination is not tried again`,
  };
  const rollback = { command: `moult rollback ${fleet}`, does: "put it back, and hold the fleet" };
  const urgent = {
    command: `moult rollout start ${fleet} --urgent`,
    does: pending ? `put it back first and begin ${pending.release.image.name}` : "go on outside the windows",
  };
  switch (active.phase) {
    case "paused": {
      const unanswered = active.verdict?.word === "gate-inconclusive";
      const outside = active.verdict?.word === "external-change";
      const resume = {
        command: hold ? `moult start ${fleet}` : `moult rollout resume ${fleet}`,
        does: [
          "go on",
          ...(hold ? ["and lift the hold"] : []),
          ...(unanswered ? ["taking the gate as passed"] : []),
          ...(outside ? ["taking the groups over as they are"] : []),
        ].join(", "),
      };
      return [resume, ...(active.kind === "forward" ? [abort] : []), rollback];
    }
    case "gating":
      return reasons.some(({ word }) => word === "awaiting-approval")
        ? [
            {
              command: `moult rollout approve ${fleet} --release ${short(active.to.digest)}`,
              does: "let the step pass",
            },
            abort,
          ]
        : [];
    case "parked":
      return reasons.some(({ word }) => word === "window") || pending ? [urgent, abort] : [];
    case "rollback-stuck":
      return [{ command: `moult stop ${fleet} --direct`, does: "freeze the groups with your own rights" }];
    default:
      return [];
  }
}

function ofFleet({ fleet, reasons, hold, candidate }: FleetRecord): Choice[] {
  const said = new Set<string>(reasons.map(({ word }) => word));
  const release = candidate ? ` --release ${short(candidate.release.digest)}` : "";
  const plan = { command: `moult rollout plan ${fleet}`, does: "see what it would do" };
  return [
    ...(["awaiting-approval", "observing", "window", "adopted"].some((word) => said.has(word)) ? [plan] : []),
    ...(said.has("awaiting-approval")
      ? [{ command: `moult rollout approve ${fleet}${release}`, does: "let it begin" }]
      : []),
    ...(said.has("observing")
      ? [{ command: `moult rollout start ${fleet}${release}`, does: "begin this one; mode: auto begins all" }]
      : []),
    ...(said.has("adopted")
      ? [{ command: `moult rollout start ${fleet}${release}`, does: "bring the configuration and secrets now" }]
      : []),
    ...(said.has("window")
      ? [{ command: `moult rollout start ${fleet} --urgent`, does: "do not wait for the window" }]
      : []),
    ...(hold ? [{ command: `moult unhold ${fleet}`, does: `lift the hold of ${hold.by}` }] : []),
  ];
}
