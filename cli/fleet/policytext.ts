import { formatDuration } from "../../functions/core/instants.ts";
import { describeStep, followsText, type Gate, groupKey, type Policy } from "../../functions/core/policy.ts";
import { counted } from "../../functions/core/reasons.ts";
import { windowText } from "../../functions/core/windows.ts";

const MODES: Record<Policy["mode"], string> = {
  auto: "auto: a new release rolls out by itself",
  approve: "approve: a new release waits for a person",
  observe: "observe: nothing is rolled out",
};

/** What the fleet file makes moult do, in sentences. */
export function policyText(policy: Policy): string {
  const { follows, steps, replace, limits, windows, budget } = policy;
  const soak = "family" in follows ? "" : `, what was stable there for ${formatDuration(follows.soakMs)}`;
  const where = "family" in follows || !follows.bucket ? "" : ` (gs://${follows.bucket})`;
  const secrets = Object.entries(policy.secrets).map(
    ([name, { secret, version }]) =>
      `${name} = ${secret}@${typeof version === "object" ? `alias ${version.alias}` : version}`,
  );
  const settles = `; other secrets begin when nothing changes for ${formatDuration(policy.settleMs)}`;
  const scarce = replace.scarce === null ? "" : `; ${replace.scarce} fewer where there is no room for more`;
  const approvals = steps.flatMap((step) => (step.approval ? [describeStep({ ...step, bakeMs: 0 })] : []));
  const lines = [
    ["follows", `${followsText(follows)}${where}${soak}`],
    ["mode", MODES[policy.mode]],
    [
      "groups",
      policy.groups
        .map((group) => `${groupKey(group)} (${group.regional ? "regional, " : ""}wave ${group.wave})`)
        .join(", "),
    ],
    ["steps", `${steps.map(describeStep).join(", then ")}, then a final bake of ${formatDuration(policy.finalBakeMs)}`],
    ...(approvals.length > 0 ? [["approval", `by a person after ${approvals.join(", ")}`]] : []),
    ["gates", policy.gates.map(gateText).join("; ") || "none: only machines that cannot be made stop a release"],
    ["replaces", `with up to ${replace.above} machines more and ${replace.missing} fewer than usual${scarce}`],
    ["gives up", `at ${failedText(policy)}, or after ${formatDuration(limits.progressMs)} without progress`],
    ...(limits.pausedMs === null
      ? []
      : [["", `a pause of its own is put back after ${formatDuration(limits.pausedMs)}`]]),
    ...(windows.length > 0 ? [["windows", windows.map(windowText).join("; ")]] : []),
    ...(budget ? [["budget", budgetText(budget)]] : []),
    ...(policy.accept.singleMachine
      ? [["accepts", "that the canary of a group of one machine is the whole group"]]
      : []),
    ...(secrets.length > 0 ? [["secrets", `${secrets.join(", ")}${policy.settleMs > 0 ? settles : ""}`]] : []),
    ...(policy.config ? [["config", policy.config.ref]] : []),
  ];
  return lines.map(([name = "", text = ""]) => `  ${name.padEnd(10)}${text}\n`).join("");
}

function gateText(gate: Gate): string {
  if (!("inconclusive" in gate)) return gate.key;
  const bounds =
    gate.kind === "metric"
      ? [
          ...(gate.above === undefined ? [] : [` above ${gate.above}`]),
          ...(gate.below === undefined ? [] : [` below ${gate.below}`]),
        ].join(" and")
      : "";
  return `${gate.key}${bounds} (inconclusive: ${gate.inconclusive}, within ${formatDuration(gate.withinMs)})`;
}

function failedText({ limits: { failedMachines } }: Policy): string {
  if (typeof failedMachines === "number") return counted(failedMachines, "failed machine");
  return `${Math.round(failedMachines.share * 100)}% failed machines, at least one`;
}

function budgetText({ name, machines, perHour }: NonNullable<Policy["budget"]>): string {
  const caps = [
    ...(machines === null ? [] : [`${counted(machines, "new machine")} at once`]),
    ...(perHour === null ? [] : [`${perHour} an hour`]),
  ];
  return `${name}: ${caps.join(", ")}, over all fleets that name it`;
}
