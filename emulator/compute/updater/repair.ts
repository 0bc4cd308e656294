import { type Action, type GroupGoal, type MemberView, settled } from "./values.ts";

type Repair = Extract<Action, { do: "recreate" }>;

function failure(goal: GroupGoal, member: MemberView, now: number): "unhealthy" | "lost" | undefined {
  if (!settled(member)) return undefined;
  if (member.status === undefined || member.status === "TERMINATED") return "lost";
  if (!goal.checked || member.status !== "RUNNING") return undefined;
  if (member.health !== "UNHEALTHY" && member.health !== "TIMEOUT") return undefined;
  // The initial delay covers only machines that never were healthy.
  const waited = now - (member.runningSince ?? now) >= goal.initialDelayMs;
  return member.everHealthy || waited ? "unhealthy" : undefined;
}

/** Autohealing: failed machines are made again under their names. `next` is the version that one more machine would get. */
export function repairs(
  goal: GroupGoal,
  staying: MemberView[],
  touched: ReadonlySet<string>,
  next: { template: string; name: string } | undefined,
  now: number,
): Repair[] {
  if (!goal.repairs) return [];
  return staying.flatMap((member) => {
    const why = touched.has(member.name) ? undefined : failure(goal, member, now);
    if (!why) return [];
    const own = { template: member.template, name: member.version };
    const target = goal.updateOnRepair && next ? next : own;
    return [{ do: "recreate" as const, member: member.name, target, why }];
  });
}
