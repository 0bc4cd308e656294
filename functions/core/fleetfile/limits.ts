import type { Reader } from "../findings.ts";
import { DEFAULTS, type Policy } from "../policy.ts";
import { NAME, readDuration, shareOf } from "./forms.ts";

export function readLimits(reader: Reader, value: unknown): Policy["limits"] {
  const limits = value === undefined ? {} : reader.object(value, "limits", ["failedMachines", "progress", "paused"]);
  return {
    failedMachines: readFailed(reader, limits?.failedMachines),
    progressMs: readDuration(reader, limits?.progress, "limits.progress", DEFAULTS.progressMs, 1),
    pausedMs: limits?.paused === undefined ? null : readDuration(reader, limits.paused, "limits.paused", 0, 1),
  };
}

function readFailed(reader: Reader, value: unknown): Policy["limits"]["failedMachines"] {
  if (value === undefined) return 1;
  const share = shareOf(value);
  if (share !== undefined) return { share };
  if (typeof value === "number") return reader.whole(value, "limits.failedMachines", 1) ?? 1;
  reader.note(
    "limits.failedMachines",
    "bad-value",
    `"limits.failedMachines" must be a number of machines of at least 1, or a percentage of the new machines from 1% to 100%`,
  );
  return 1;
}

export function readReplace(reader: Reader, value: unknown): Policy["replace"] {
  const replace = value === undefined ? {} : reader.object(value, "replace", ["above", "missing", "scarce"]);
  const count = (name: "above" | "missing", fallback: number) =>
    replace?.[name] === undefined ? fallback : (reader.whole(replace[name], `replace.${name}`, 0) ?? fallback);
  const above = count("above", 1);
  const missing = count("missing", 0);
  if (above === 0 && missing === 0)
    reader.note(
      "replace",
      "bad-value",
      `"replace" must allow at least one machine above or missing, or nothing can ever be replaced`,
    );
  const scarce = replace?.scarce === undefined ? null : (reader.whole(replace.scarce, "replace.scarce", 1) ?? null);
  if (scarce !== null && above === 0)
    reader.note(
      "replace.scarce",
      "bad-value",
      `"replace.scarce" is for when there is no room above the group's size, and above: 0 never asks for any: leave it out`,
    );
  else if (scarce !== null && scarce <= missing)
    reader.note(
      "replace.scarce",
      "bad-value",
      `"replace.scarce" must be more than missing (${missing}), or nothing is gained where there is no room above`,
    );
  return { above, missing, scarce };
}

export function readBudget(reader: Reader, value: unknown): Policy["budget"] {
  if (value === undefined) return null;
  const budget = reader.object(value, "budget", ["name", "machines", "perHour"]);
  if (!budget) return null;
  const name = reader.text(
    budget.name,
    "budget.name",
    NAME,
    "the budget's name (lower-case letters, digits and dashes); fleets that name the same share it",
  );
  const cap = (field: "machines" | "perHour") =>
    budget[field] === undefined ? null : (reader.whole(budget[field], `budget.${field}`, 1) ?? null);
  const machines = cap("machines");
  const perHour = cap("perHour");
  if (budget.machines === undefined && budget.perHour === undefined)
    reader.note(
      "budget",
      "missing-field",
      `"budget" caps nothing: add machines (new machines at once), perHour, or both`,
    );
  return name === undefined ? null : { name, machines, perHour };
}

export function readAccept(reader: Reader, value: unknown): Policy["accept"] {
  const accept = value === undefined ? {} : reader.object(value, "accept", ["singleMachine"]);
  return { singleMachine: reader.yes(accept?.singleMachine, "accept.singleMachine") };
}
