import { listOf, numberOf, objectOf, textOf } from "../json.ts";

/** What a phase waits for or uses, as far as its name tells. */
export type Kind = "start" | "network" | "disk" | "processor" | "systemd" | "application" | "other";

export interface Bar {
  name: string;
  kind: Kind;
  /** ms since the agent's start; of its run, where Node's own start is not known. */
  at: number;
  ms: number;
}

/** One boot on one line of time. Texts are empty, and numbers absent, where the record does not say. */
export interface Timeline {
  instance: string;
  release: string;
  boot: string;
  bootedAt: string;
  verdict: string;
  reason: string;
  message: string;
  agent: string;
  /** In order of time; the first is what Node needed to start, where that is known. */
  bars: Bar[];
  /** Whether phases say when they began; where not, each is drawn after the one before. */
  placed: boolean;
  said: { at: number; line: string }[];
  /** ms from the agent's start to the last thing known. */
  ms: number;
  /** ms of processor time. */
  cpu: number | undefined;
  /** Peak, KiB. */
  rss: number | undefined;
  /** ms from the kernel's start to the agent's. */
  before: number | undefined;
}

const kinds: Record<string, Kind> = {
  recover: "disk",
  identify: "network",
  forget: "disk",
  // A pack comes over the network; a baked manifest is read so fast that it does not matter.
  plan: "network",
  fetch: "network",
  disks: "disk",
  render: "processor",
  place: "disk",
  check: "disk",
  seal: "disk",
  verify: "disk",
  restore: "network",
  settle: "systemd",
  "hand-over": "systemd",
  ready: "application",
  report: "network",
};

/** Reads a boot record, a boot report, a signed report from the bucket, or what `boot --json` prints; undefined when it is none. */
export function timelineOf(value: unknown): Timeline | undefined {
  const given = objectOf(value);
  if (typeof given.report === "string" && "token" in given) return timelineOf(parsed(given.report));
  const phases = listOf(given.phases).map(objectOf);
  if (phases.length === 0 && given.verdict === undefined) return undefined;
  const placed = phases.every(({ at }) => numberOf(at) !== undefined);
  const start = placed ? (numberOf(given.start) ?? 0) : 0;
  const bars: Bar[] = start > 0 ? [{ name: "start", kind: "start", at: 0, ms: start }] : [];
  let end = start;
  for (const { name, at, ms } of phases) {
    const word = textOf(name);
    const kind: Kind = Object.hasOwn(kinds, word) ? (kinds[word] ?? "other") : "other";
    const bar = {
      name: word,
      kind,
      at: tenths(placed ? start + (numberOf(at) ?? 0) : end),
      ms: Math.max(0, numberOf(ms) ?? 0),
    };
    end = Math.max(end, bar.at + bar.ms);
    bars.push(bar);
  }
  bars.sort((a, b) => a.at - b.at);
  return {
    instance: textOf(given.instance) || textOf(objectOf(given.instance).id),
    release: textOf(given.release),
    boot: textOf(given.boot),
    bootedAt: textOf(given.bootedAt),
    verdict: textOf(given.verdict),
    reason: textOf(given.reason),
    message: textOf(given.message),
    agent: textOf(given.agent),
    bars,
    placed,
    said: listOf(given.said).map((item) => ({
      at: numberOf(objectOf(item).at) ?? 0,
      line: textOf(objectOf(item).line),
    })),
    ms: Math.max(end, numberOf(given.ms) ?? 0),
    cpu: numberOf(given.cpu),
    rss: numberOf(given.rss),
    before: numberOf(given.before),
  };
}

/** Sums of such numbers are no longer such. */
function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** ms by kind, longest first; phases that overlap count for each. */
export function sums({ bars }: Timeline): [Kind, number][] {
  const found = new Map<Kind, number>();
  for (const { kind, ms } of bars) found.set(kind, (found.get(kind) ?? 0) + ms);
  return [...found].sort((a, b) => b[1] - a[1]);
}

export function showMs(ms: number): string {
  if (ms < 99.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_995) return `${(ms / 1_000).toFixed(2)} s`;
  const seconds = Math.round(ms / 1_000);
  return seconds < 3_600
    ? `${Math.floor(seconds / 60)} min ${seconds % 60} s`
    : `${Math.floor(seconds / 3_600)} h ${Math.floor(seconds / 60) % 60} min`;
}

/** undefined when the text is not JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
