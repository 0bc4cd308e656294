import fc from "fast-check";
import type { GroupPlan } from "./group.ts";
import { NATURES, type Nature } from "./machines.ts";
import type { Fate } from "./reconciler.ts";

export const WORDS = [
  "stop",
  "start",
  "rollback",
  "lift",
  "pause",
  "resume",
  "abort",
  "approve",
  "begin",
  "urgent",
  "hold",
  "hold for a while",
  "unhold",
  "release",
  "nonsense",
] as const;
export type Word = (typeof WORDS)[number];

export type Mode = "ON" | "OFF" | "ONLY_SCALE_OUT";
export type Look = "as due" | "never" | "at random";
export type Document = Record<string, unknown>;

/** What may happen to a fleet. `rung`: a look follows at once; otherwise the event is lost. */
export type Event = { rung: boolean } & (
  | { what: "publish"; nature: Nature; urgent: boolean }
  | { what: "configure"; nature: Nature }
  | { what: "rotate"; nature: Nature }
  | { what: "disable"; index: number }
  | { what: "enable" }
  | { what: "take back" }
  | { what: "command"; word: Word }
  | { what: "apply"; document: Document }
  | { what: "resize"; group: number; size: number }
  | { what: "scale"; group: number; by: number }
  | { what: "mode"; group: number; mode: Mode }
  | { what: "preempt"; group: number; index: number }
  | { what: "kill"; group: number; index: number }
  | { what: "no room"; zones: "one" | "all"; ms: number }
  | { what: "quota"; free: number }
  | { what: "blind"; part: "groups" | "inputs" | "budget"; ms: number }
  | { what: "fault"; kind: "conflict" | "unavailable" | "denied" | "lost"; after: boolean }
  | { what: "fate"; fate: Fate }
  | { what: "race" }
  | { what: "answer"; answer: "pass" | "fail" | "wait" | "inconclusive" }
  | { what: "lease"; machines: number; ms: number }
  | { what: "outside"; group: number; how: "template" | "type" | "undo" }
  | { what: "unmake"; index: number }
  | { what: "mail"; broken: boolean }
  | { what: "stranger"; verdict: "ready" | "failed" }
  | { what: "time"; ms: number; looks: Look }
);

function minutes(ms: number): string {
  return ms < 60_000 ? `${ms / 1000} s` : `${ms / 60_000} min`;
}

function fateText(fate: Fate): string {
  if (fate.what === "dies") return `whoever looks dies after saving and ${fate.after} effects`;
  const how = fate.what === "in flight" ? " with the next change on its way" : "";
  return `whoever looks sleeps ${minutes(fate.ms)} after saving and ${fate.after} effects${how}`;
}

/** One line of a counterexample. */
export function sentence(event: Event): string {
  const said = ((): string => {
    switch (event.what) {
      case "publish":
        return `a ${event.nature} image is made${event.urgent ? ", and it is urgent" : ""}`;
      case "configure":
        return `a ${event.nature} configuration is committed`;
      case "rotate":
        return `a ${event.nature} secret version is added`;
      case "disable":
        return `somebody disables secret version ${event.index} (modulo)`;
      case "enable":
        return "all secret versions are enabled again";
      case "take back":
        return "the newer images are deprecated";
      case "command":
        return `a person says ${event.word}`;
      case "apply":
        return `a person applies another fleet file ${JSON.stringify(event.document)}`;
      case "resize":
        return `a person makes group ${event.group} ${event.size} machines large`;
      case "scale":
        return `the autoscaler of group ${event.group} wants ${Math.abs(event.by)} ${event.by < 0 ? "fewer" : "more"}`;
      case "mode":
        return `a person makes the autoscaler of group ${event.group} ${event.mode}`;
      case "preempt":
        return `machine ${event.index} of group ${event.group} is preempted`;
      case "kill":
        return `somebody deletes machine ${event.index} of group ${event.group}`;
      case "no room":
        return `${event.zones} zones have no room for ${minutes(event.ms)}`;
      case "quota":
        return `the quota has room for ${event.free} processors`;
      case "blind":
        return `${event.part} cannot be read for ${minutes(event.ms)}`;
      case "fault":
        return `the next change is answered ${event.kind} ${event.after ? "and was made all the same" : "and is not made"}`;
      case "fate":
        return fateText(event.fate);
      case "race":
        return "two look at the same time";
      case "answer":
        return `gates answer ${event.answer} from now on`;
      case "lease":
        return `another fleet takes ${event.machines} of the budget for ${minutes(event.ms)}`;
      case "outside":
        return `somebody else changes group ${event.group} (${event.how})`;
      case "unmake":
        return `somebody deletes template ${event.index} of those that nothing uses`;
      case "mail":
        return event.broken ? "reports are lost from now on" : "reports arrive again";
      case "stranger":
        return `a machine that is not ours reports ${event.verdict}`;
      case "time":
        return `${minutes(event.ms)} pass, looks are made ${event.looks}`;
    }
  })();
  return `${said}${event.rung ? "" : " (nobody is told)"}`;
}

const group = fc.nat(3);
const ms = fc.constantFrom(5_000, 30_000, 180_000);

function of<K extends Event["what"]>(weight: number, what: K, more: fc.Arbitrary<object> = fc.constant({})) {
  const rung = what === "time" ? fc.constant(true) : fc.integer({ min: 0, max: 3 }).map((one) => one > 0);
  const arbitrary = fc.tuple(rung, more).map(([told, rest]) => {
    const event = { what, rung: told, ...rest } as Event;
    return Object.assign(event, { [fc.toStringMethod]: () => sentence(event) });
  });
  return { weight, arbitrary };
}

const fates: fc.Arbitrary<Fate> = fc.oneof(
  fc.record({ what: fc.constant("dies" as const), after: fc.nat(4) }),
  fc.record({
    what: fc.constant("sleeps" as const),
    after: fc.nat(4),
    ms: fc.constantFrom(10_000, 600_000, 3_600_000),
  }),
  // A call that takes longer has failed.
  fc.record({ what: fc.constant("in flight" as const), after: fc.nat(2), ms: fc.constantFrom(5_000, 30_000) }),
);

export const policies: fc.Arbitrary<Document> = fc
  .record({
    canary: fc.option(fc.integer({ min: 1, max: 5 }), { freq: 4 }),
    shares: fc.subarray(["10%", "25%", "50%", "80%"], { maxLength: 2 }),
    bake: fc.constantFrom("0s", "20s", "1m", "2m"),
    failedMachines: fc.constantFrom<number | string>(1, 1, 2, "20%"),
    replace: fc.constantFrom("above", "above", "missing", "both", "scarce"),
    mode: fc.constantFrom("auto", "auto", "auto", "auto", "approve", "observe"),
    gates: fc.subarray(["approval", "webhook", "metric"], { maxLength: 2 }),
    looks: fc.constantFrom(
      ["reports", "health"],
      ["reports", "health"],
      ["reports", "health"],
      ["reports"],
      ["health"],
    ),
    inconclusive: fc.constantFrom("pause", "rollback", "proceed"),
    paused: fc.option(fc.constantFrom("5m", "1h")),
    windows: fc.constantFrom(
      [],
      [],
      [
        { days: "mon-sun", from: "12:00", to: "12:05", zone: "UTC" },
        { days: "mon-sun", from: "12:30", to: "00:00", zone: "UTC" },
      ],
    ),
    budget: fc.option(
      fc.constantFrom(
        { name: "all", machines: 12 },
        { name: "all", machines: 3, perHour: 40 },
        { name: "all", machines: 2 },
      ),
      { freq: 3 },
    ),
    single: fc.integer({ min: 0, max: 4 }).map((one) => one > 0),
    settle: fc.constantFrom("0s", "0s", "30s", "2m"),
  })
  .map(
    ({
      canary,
      shares,
      bake,
      failedMachines,
      replace,
      mode,
      gates,
      looks,
      inconclusive,
      paused,
      windows,
      budget,
      single,
      settle,
    }) => ({
      mode,
      settle,
      ...(windows.length > 0 && { windows }),
      ...(budget && { budget }),
      gates: [
        ...looks,
        ...gates.map((gate) => {
          if (gate === "approval") return gate;
          if (gate === "metric") return { metric: "up", above: 0, within: "1m", inconclusive };
          return { webhook: "https://gate.example/ask", key: { secret: "gate-key" }, within: "1m", inconclusive };
        }),
      ],
      steps: [
        ...(canary === null ? [] : [{ canary, bake }]),
        ...shares.map((share) => ({ share, bake })),
        { share: "100%" },
      ],
      finalBake: bake,
      limits: { failedMachines, progress: "2m", ...(paused && { paused }) },
      replace,
      accept: { singleMachine: single },
    }),
  );

const sizes = fc.oneof(
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.constant(1) },
  { weight: 20, arbitrary: fc.integer({ min: 2, max: 14 }) },
  { weight: 2, arbitrary: fc.integer({ min: 15, max: 60 }) },
);
/** Rare: a history of two thousand machines takes as long as two hundred of ten. */
const initialSizes = fc.oneof(
  { weight: 1500, arbitrary: sizes },
  { weight: 6, arbitrary: fc.integer({ min: 61, max: 300 }) },
  { weight: 1, arbitrary: fc.integer({ min: 301, max: 2000 }) },
);

const changes: fc.Arbitrary<Event> = fc.oneof(
  of(
    5,
    "publish",
    fc.record({
      nature: fc.constantFrom<Nature>("good", "good", ...NATURES),
      urgent: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
  ),
  of(2, "configure", fc.record({ nature: fc.constantFrom<Nature>("good", ...NATURES) })),
  of(2, "rotate", fc.record({ nature: fc.constantFrom<Nature>("good", "good", ...NATURES) })),
  of(1, "disable", fc.record({ index: fc.nat(5) })),
  of(1, "enable"),
  of(1, "take back"),
  of(5, "command", fc.record({ word: fc.constantFrom(...WORDS) })),
  of(1, "apply", fc.record({ document: policies })),
  of(1, "resize", fc.record({ group, size: sizes })),
  of(3, "scale", fc.record({ group, by: fc.integer({ min: -6, max: 6 }) })),
  of(1, "mode", fc.record({ group, mode: fc.constantFrom<Mode>("ON", "OFF", "ONLY_SCALE_OUT") })),
  of(2, "preempt", fc.record({ group, index: fc.nat(12) })),
  of(1, "kill", fc.record({ group, index: fc.nat(12) })),
  of(1, "no room", fc.record({ zones: fc.constantFrom("one", "all"), ms: fc.constantFrom(60_000, 400_000) })),
  of(1, "quota", fc.record({ free: fc.constantFrom(0, 4, 1_000_000) })),
  of(1, "blind", fc.record({ part: fc.constantFrom("groups", "inputs", "budget"), ms })),
  of(
    3,
    "fault",
    fc.record({ kind: fc.constantFrom("conflict", "unavailable", "denied", "lost"), after: fc.boolean() }),
  ),
  of(4, "fate", fc.record({ fate: fates })),
  of(1, "race"),
  of(2, "answer", fc.record({ answer: fc.constantFrom("pass", "pass", "fail", "wait", "inconclusive") })),
  of(1, "lease", fc.record({ machines: fc.integer({ min: 1, max: 12 }), ms: fc.constantFrom(30_000, 600_000) })),
  of(1, "outside", fc.record({ group, how: fc.constantFrom("template", "type", "undo") })),
  of(1, "unmake", fc.record({ index: fc.nat(7) })),
  of(1, "mail", fc.record({ broken: fc.boolean() })),
  of(1, "stranger", fc.record({ verdict: fc.constantFrom("ready", "failed") })),
);

const times: fc.Arbitrary<Event> = fc.oneof(
  of(
    5,
    "time",
    fc.record({ ms: fc.constantFrom(3_000, 10_000, 30_000, 60_000, 150_000), looks: fc.constant("as due") }),
  ),
  of(
    1,
    "time",
    fc.record({ ms: fc.constantFrom(30_000, 300_000, 3_600_000), looks: fc.constantFrom("never", "at random") }),
  ),
);

export const events: fc.Arbitrary<Event> = fc.oneof({ weight: 5, arbitrary: changes }, { weight: 4, arbitrary: times });

const PLACES = [
  { location: "us-central1-a", regional: false },
  { location: "us-central1", regional: true },
  { location: "europe-west4", regional: true },
  { location: "europe-west4-b", regional: false },
];

export const fleets: fc.Arbitrary<GroupPlan[]> = fc
  .record({
    inPlace: fc.integer({ min: 0, max: 5 }).map((one) => one === 0),
    checked: fc.integer({ min: 0, max: 5 }).map((one) => one > 0),
    groups: fc.array(
      fc.record({
        place: fc.nat(3),
        size: initialSizes,
        wave: fc.integer({ min: 1, max: 3 }),
        checked: fc.integer({ min: 0, max: 9 }).map((one) => one > 0),
        repairs: fc.integer({ min: 0, max: 5 }).map((one) => one > 0),
        autoscaler: fc.constantFrom<GroupPlan["autoscaler"]>(null, null, "ON", "ON", "OFF", "ONLY_SCALE_OUT"),
        own: fc.constantFrom<GroupPlan["own"]>("opportunistic", "proactive", "percent"),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  })
  .map(({ inPlace, checked, groups }) =>
    groups.map(({ place, ...group }, i): GroupPlan => {
      const { location, regional } = PLACES[place] ?? { location: "us-central1-a", regional: false };
      return { ...group, location, regional, name: `web-${"abcd"[i]}`, inPlace, checked: checked && group.checked };
    }),
  );

interface Budget {
  name: string;
  machines: number;
  perHour?: number;
}

function widened({ name, machines, perHour }: Budget, share: number): Budget {
  return {
    name,
    machines: Math.max(machines, share),
    ...(perHour !== undefined && { perHour: Math.max(perHour, 10 * share) }),
  };
}

/** Numbers that Compute takes for these groups. */
export function documentFor(groups: GroupPlan[], document: Document): Document {
  const { replace, budget, ...others } = document;
  const largest = Math.max(...groups.map(({ size }) => size));
  // A twelfth at a time, or two thousand machines would take a day.
  const share = Math.ceil(largest / 12);
  const each = Math.max(groups.some(({ regional }) => regional) ? 3 : 1, share);
  const rest = { ...others, ...(budget !== undefined && { budget: widened(budget as Budget, share) }) };
  if (replace === "all") return { ...rest, replace: { above: 0, missing: Math.max(each, largest, 60) } };
  if (groups.some(({ inPlace }) => inPlace)) return { ...rest, replace: { above: 0, missing: each } };
  const numbers = {
    above: { above: each, missing: 0 },
    missing: { above: 0, missing: each },
    both: { above: each + 1, missing: each },
    scarce: { above: each, missing: 0, scarce: each },
  };
  return { ...rest, replace: numbers[replace as keyof typeof numbers] ?? { above: each, missing: 0 } };
}
