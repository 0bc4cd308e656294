import type { Fault } from "./door.ts";

/** What a fault does, in words of the flags that make it. */
export function doing({ do: action, when }: Pick<Fault, "do" | "when">): string {
  const [entry] = Object.entries(action);
  const [kind = "", value] = entry ?? [];
  const late = when === "after" ? ", after it was done" : "";
  if (kind === "fail") return `fail ${(value as { status: number }).status}${late}`;
  if (kind === "delay") return `delay ${value} ms${late}`;
  if (kind === "stockOut") return `no room in ${value}`;
  if (kind === "quota") return `quota of ${value}`;
  return `${kind}${late}`;
}

export function howOften({ times, every, probability }: Pick<Fault, "times" | "every" | "probability">): string {
  const rate =
    every !== undefined
      ? `every ${every}${["th", "st", "nd", "rd"][every] ?? "th"}`
      : probability !== undefined
        ? `with probability ${probability}`
        : "each time";
  return times === undefined ? rate : `${rate}, ${times} at most`;
}

export function about({ match }: Pick<Fault, "match">): string {
  const { service, method, resource, principal } = match;
  const words = [method ?? (service ? `${service}.*` : ""), resource ? `/${resource}/` : "", principal ?? ""];
  return words.filter(Boolean).join(" ") || "everything";
}
