import { createHash } from "node:crypto";
import type { Behaviours } from "../../../../emulator/compute/behaviours.ts";
import type { Action } from "../../../../emulator/compute/updater/values.ts";
import type { Effect } from "../../../../functions/core/effects.ts";
import { readPolicy } from "../../../../functions/core/fleetfile/read.ts";
import { followedImage } from "../../../../functions/core/follow.ts";
import { openGates } from "../../../../functions/core/gates.ts";
import { instant } from "../../../../functions/core/instants.ts";
import type {
  BudgetView,
  Command,
  GateAnswer,
  Inputs,
  Observation,
  Problem,
  ReportView,
} from "../../../../functions/core/observation.ts";
import type { Policy } from "../../../../functions/core/policy.ts";
import { emptyRecord, type FleetRecord, type PublishedImage } from "../../../../functions/core/record.ts";
import type { Rollout } from "../../../../functions/core/rolloutrecord.ts";
import { isUntouched } from "../../../../functions/core/supersede.ts";
import { neededVersions } from "../../../../functions/core/unusable.ts";
import { lastSegment } from "../../../../functions/core/wanted.ts";
import type { Image, InstanceProperties, ManagerVersion } from "../../../../wire/compute.d.ts";
import { baseProperties, imageOf } from "../small-cloud.ts";
import { Draws } from "./draws.ts";
import { type Counted, type GroupPlan, ModelGroup, type Surroundings } from "./group.ts";
import type { Machine, Nature, Refusal } from "./machines.ts";
import { ModelSecret } from "./secrets.ts";

/** What a change is answered with instead of being made, or after it was made. */
export class Refused extends Error {
  readonly kind: "conflict" | "unavailable" | "denied" | "invalid" | "no-room";

  constructor(kind: Refused["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface Start {
  seed: number;
  behaviours: Behaviours;
  groups: GroupPlan[];
  /** The fleet follows another fleet instead of a family. */
  follower: boolean;
  /** Fingerprints are hashes. */
  hashed: boolean;
}

type Ticked = (group: ModelGroup, actions: Action[], before: Counted) => void;

/** A project with the groups of one fleet, on a clock that is driven. Nothing in it knows what moult promises. */
export class ModelCloud implements Surroundings {
  time = Date.UTC(2026, 10, 20, 12);
  readonly draws: Draws;
  readonly behaviours: Behaviours;
  readonly hashed: boolean;
  readonly groups: ModelGroup[];
  readonly follower: boolean;
  readonly templates = new Map<string, { properties: InstanceProperties; nature: Nature }>();
  /** Those of them that somebody deleted. */
  readonly unmade = new Set<string>();
  readonly images = new Map<string, Nature>([["web-1", "good"]]);
  head: Image = imageOf("web-1", "1001");
  published: PublishedImage[] = [];
  commits = new Map<string, Nature>([["commit-1", "good"]]);
  commit = "commit-1";
  readonly secret = new ModelSecret();
  commands: Command[] = [];
  /** The record as it is stored; nothing else is kept between looks. */
  stored: { text: string; generation: number } | undefined;
  readonly reports: (ReportView & { release: string })[] = [];
  answer: GateAnswer = { answer: "pass", text: "all is well" };
  budget: BudgetView = { leases: [], begun: [] };
  /** Quota of processors that is free in every region. */
  freeCpus = 1_000_000;
  /** Zones without room; null: all of them. */
  full: { zones: string[] | null; until: number } = { zones: [], until: 0 };
  /** Parts that cannot be read for a while. */
  blind: { what: string; until: number } = { what: "", until: 0 };
  /** How the next changes are answered, in order. */
  readonly faults: { kind: "conflict" | "unavailable" | "denied" | "lost"; after: boolean }[] = [];
  /** Reports of machines that come up from now on are lost. */
  mailBroken = false;
  readonly interrupted: Record<string, string> = {};
  onTick: Ticked = () => {};
  /** Gate answers that were given, by rollout and moment. */
  onAsk: (record: FleetRecord, key: string) => void = () => {};
  readonly #requests = new Set<string>();
  #ids = 9000;
  #loaded: { generation: number; record: FleetRecord } | undefined;
  #orders = 0;
  #late: { at: number; report: ReportView & { release: string } }[] = [];

  constructor({ seed, behaviours, groups, follower, hashed }: Start) {
    this.draws = new Draws(seed);
    this.behaviours = behaviours;
    this.hashed = hashed;
    this.follower = follower;
    for (const name of ["web-base", "web-hand-made"])
      this.templates.set(name, { properties: baseProperties, nature: "good" });
    this.groups = groups.map((plan) => new ModelGroup(plan, "web-base", this));
    if (follower) this.published = [{ image: this.#ref(this.head), since: instant(this.time - 86_400_000) }];
  }

  now = (): number => this.time;

  id = (): string => String(++this.#ids);

  nature = (template: string): Nature => this.templates.get(template)?.nature ?? "good";

  group(key: string): ModelGroup {
    const found = this.groups.find((group) => group.key === key);
    if (!found) throw new Error(`there is no group ${key}`);
    return found;
  }

  refuses(_group: ModelGroup, zone: string, template: string): Refusal | undefined {
    if (this.nature(template) === "forbidden")
      return { code: "PERMISSIONS_ERROR", message: "the service agent may not use the image" };
    const { zones, until } = this.full;
    if (this.time < until && (zones === null || zones.includes(zone)))
      return { code: "ZONE_RESOURCE_POOL_EXHAUSTED", message: `zone ${zone} has no room` };
    return undefined;
  }

  ticked(group: ModelGroup, actions: Action[], before: Counted): void {
    this.onTick(group, actions, before);
  }

  report(machine: Machine): void {
    const said = this.templates
      .get(machine.template)
      ?.properties.metadata?.items?.find(({ key }) => key === "moult-release")?.value;
    if (said === undefined || machine.id === undefined || this.mailBroken) return;
    const { release, secrets } = JSON.parse(said) as { release: string; secrets?: Record<string, string> };
    const refused = Object.values(secrets ?? {}).some((name) => this.secret.isDisabled(name));
    const failed = refused || this.nature(machine.template) === "failed";
    const report = {
      release,
      instanceId: machine.id,
      instanceName: machine.name,
      verdict: failed ? ("failed" as const) : ("ready" as const),
      reason: failed ? "not-ready" : "ready",
      message: failed ? "the application does not answer" : "ready",
    };
    if (this.draws.chance(0.03)) this.#late.push({ at: this.time + this.draws.seconds(10, 60), report });
    else this.reports.push(report);
    // Doubled.
    if (this.draws.chance(0.03)) this.reports.push(report);
  }

  /** A report of this release whose signature holds, by a machine that no group of the fleet has. */
  foreignReport(verdict: "ready" | "failed"): void {
    const { active } = this.load();
    if (!active) return;
    const stranger = { instanceId: "77", instanceName: "stranger", reason: "told", message: "by a copy of a disk" };
    this.reports.push({ ...stranger, verdict, release: active.to.digest });
  }

  /** Lets time pass to `until`; whatever is due happens at its own instant. */
  pass(until: number): void {
    for (let i = 0; i < 100_000; i++) {
      const next = Math.min(...this.groups.map(({ nextDue }) => nextDue));
      if (next > until) break;
      this.time = Math.max(this.time, next);
      for (const group of this.groups) group.wake();
    }
    this.time = Math.max(this.time, until);
    this.reports.push(...this.#late.filter(({ at }) => at <= this.time).map(({ report }) => report));
    this.#late = this.#late.filter(({ at }) => at > this.time);
  }

  publish(nature: Nature, urgent: boolean): string {
    const name = `web-${this.images.size + 1}`;
    this.images.set(name, nature);
    this.#lead(imageOf(name, String(1000 + this.images.size), urgent ? { labels: { "moult-urgent": "true" } } : {}));
    return name;
  }

  /** The head is deprecated: the family's head is its first image again. */
  takeBack(): void {
    this.#lead(imageOf("web-1", "1001"));
  }

  #lead(image: Image): void {
    this.head = image;
    const at = instant(this.time);
    const closed = this.published.map((entry) => (entry.until ? entry : { ...entry, until: at }));
    if (this.follower) this.published = [{ image: this.#ref(image), since: at }, ...closed].slice(0, 20);
  }

  #ref({ id, name }: Image) {
    return { id, name, project: "acme-prod" };
  }

  configure(nature: Nature): string {
    this.commit = `commit-${this.commits.size + 1}`;
    this.commits.set(this.commit, nature);
    return this.commit;
  }

  command(command: Record<string, unknown>): void {
    const name = `commands/web/${String(++this.#orders).padStart(6, "0")}`;
    this.commands.push({ name, by: "ada", at: instant(this.time), ...command } as Command);
  }

  /** The record as it was saved, read once a generation: nobody may change what it is given. */
  load(): FleetRecord {
    const generation = this.stored?.generation ?? 0;
    if (this.#loaded?.generation !== generation)
      this.#loaded = { generation, record: this.stored ? JSON.parse(this.stored.text) : emptyRecord("web") };
    return this.#loaded.record;
  }

  /** As `observe` reads it, out of the same things. */
  observe(record: FleetRecord, refusal: string | undefined): Observation {
    const { active } = record;
    const applied = this.commands.findLast(({ kind }) => kind === "apply");
    const policy = active?.policy ?? (applied?.kind === "apply" ? applied.policy : record.policy);
    const at = instant(this.time);
    const refused = active !== null && (refusal ?? active.refusal) !== undefined;
    const reads =
      refused || !active || isUntouched(active) || this.time >= Date.parse(record.inputsRead ?? at) + 60_000;
    const open = active ? openGates(active) : [];
    for (const { key } of open) this.onAsk(record, key);
    return {
      at,
      commands: structuredClone(this.commands),
      groups: policy ? Object.fromEntries(policy.groups.map((ref) => this.#read(ref, active !== null))) : {},
      gates: Object.fromEntries(open.map(({ key }) => [key, this.answer])),
      reports: active?.reports ? this.reports.filter(({ release }) => release === active.to.digest) : [],
      templates: active && (refused || active.phase === "prepared") ? this.#templatesOf(active) : {},
      interrupted: this.interrupted,
      ...(refusal !== undefined && { refusal }),
      ...(policy?.budget && { budget: this.#isBlind("budget") ?? structuredClone(this.budget) }),
      quotas: [
        { metric: "CPUS", region: "us-central1", limit: 2_000_000, usage: 2_000_000 - this.freeCpus },
        { metric: "CPUS", region: "europe-west4", limit: 2_000_000, usage: 2_000_000 - this.freeCpus },
      ],
      ...(policy && reads && { inputs: this.#inputs(policy, record) }),
    };
  }

  #templatesOf({ phase, groups }: Rollout): Observation["templates"] {
    const own = Object.values(groups).map(({ template }) => template);
    const before = Object.values(groups).flatMap(({ from }) => templatesOf(from.versions));
    const all = phase === "prepared" ? own : [...own, ...before];
    return Object.fromEntries(all.map((name) => [name, this.#isThere(name) ? "same" : "absent"]));
  }

  #isThere(template: string): boolean {
    return this.templates.has(template) && !this.unmade.has(template);
  }

  /** Somebody deletes a template; Compute refuses it while a group or a machine uses it. */
  unmake(index: number): void {
    const used = new Set(
      this.groups
        .flatMap(({ versions, machines }) => [...versions, ...machines.values()])
        .map(({ template }) => template),
    );
    const free = [...this.templates.keys()].filter((name) => !used.has(name) && !this.unmade.has(name));
    const name = free[index % free.length];
    if (name !== undefined) this.unmade.add(name);
  }

  #isBlind(what: string): Problem | undefined {
    if (this.blind.what !== what || this.time >= this.blind.until) return undefined;
    return { problem: "denied", text: `${what} may not be read; grant the role to read it` };
  }

  #read({ location, name }: { location: string; name: string }, whole: boolean) {
    const key = `${location}/${name}`;
    return [key, this.#isBlind("groups") ?? this.group(key).view(whole)] as const;
  }

  #inputs(policy: Policy, record: FleetRecord): Inputs {
    const bases = Object.fromEntries(
      policy.groups.map(({ location, name }) => [`${location}/${name}`, baseProperties]),
    );
    const running = Object.fromEntries(
      policy.groups.map(({ location, name }) => [
        `${location}/${name}`,
        this.#running(this.group(`${location}/${name}`)),
      ]),
    );
    const common = {
      unready: [],
      configCommit: policy.config ? this.commit : null,
      secrets: { key: this.secret.newest() },
      unusable: this.secret.unusable(neededVersions(record)),
      bases,
      running,
    };
    if ("family" in policy.follows) return { ...common, image: this.#isBlind("inputs") ?? this.head };
    const { taken } = followedImage(this.published, policy.follows.soakMs, instant(this.time));
    const image = taken ? imageOf(taken.image.name, taken.image.id) : undefined;
    return {
      ...common,
      followed: { images: this.published },
      image: this.#isBlind("inputs") ?? image ?? { problem: "missing", text: "no image was stable there long enough" },
    };
  }

  #running(group: ModelGroup): Image | Problem {
    const names = [...group.machines.values()].map(({ template }) => this.imageName(template));
    const [one = this.imageName(group.versions[0]?.template ?? ""), other] = [...new Set(names)];
    if (other !== undefined) return { problem: "missing", text: `its machines run ${one} and ${other}` };
    return imageOf(one, String(1000 + Number(one.slice("web-".length))));
  }

  imageName(template: string): string {
    const source = this.templates.get(template)?.properties.disks?.[0]?.initializeParams?.sourceImage ?? "/web-1";
    return source.slice(source.lastIndexOf("/") + 1);
  }

  /** Saves if nobody else has. Returns the new generation. */
  save(record: FleetRecord, generation: number): number | undefined {
    if ((this.stored?.generation ?? 0) !== generation) return undefined;
    this.stored = { text: JSON.stringify(record), generation: generation + 1 };
    return generation + 1;
  }

  /** One change of the world, as Google takes it or does not. Throws `Refused`. */
  perform(effect: Effect): void {
    const changes = ["insert-template", "patch-group", "patch-autoscaler", "lease"].includes(effect.kind);
    const fault = changes ? this.faults.shift() : undefined;
    if (fault && !fault.after) throw refused(fault.kind);
    this.#perform(effect);
    if (fault) throw refused(fault.kind);
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "insert-template":
        if (this.#repeated(effect.requestId) || this.#isThere(effect.name)) return;
        this.unmade.delete(effect.name);
        this.templates.set(effect.name, { properties: effect.properties, nature: this.#natureOf(effect.properties) });
        return;
      case "delete-command":
        this.commands = this.commands.filter(({ name }) => name !== effect.name);
        return;
      case "patch-autoscaler": {
        if (this.#repeated(effect.requestId)) return;
        this.group(effect.group).setMode(effect.mode);
        return;
      }
      case "patch-group": {
        const group = this.group(effect.group);
        if (this.#requests.has(effect.requestId)) return;
        if (effect.fingerprint !== group.fingerprint) throw new Refused("conflict", "the fingerprint does not match");
        this.#take(group, effect);
        this.#requests.add(effect.requestId);
        return;
      }
      case "lease":
        this.#lease(effect);
        return;
      case "publish":
      case "keep-evidence":
        return;
    }
  }

  #take(group: ModelGroup, { versions, updatePolicy }: Extract<Effect, { kind: "patch-group" }>): void {
    const absent = templatesOf(versions).find((name) => this.unmade.has(name));
    if (absent !== undefined)
      throw new Refused(
        "invalid",
        `The resource 'projects/acme-prod/global/instanceTemplates/${absent}' was not found`,
      );
    try {
      group.patch(versions, updatePolicy);
    } catch (problem) {
      if (problem instanceof Error && "status" in problem) throw new Refused("invalid", problem.message);
      throw problem;
    }
  }

  #repeated(requestId: string): boolean {
    if (this.#requests.has(requestId)) return true;
    this.#requests.add(requestId);
    return false;
  }

  #natureOf(properties: InstanceProperties): Nature {
    const source = properties.disks?.[0]?.initializeParams?.sourceImage ?? "";
    const image = this.images.get(source.slice(source.lastIndexOf("/") + 1)) ?? "good";
    const said = properties.metadata?.items?.find(({ key }) => key === "moult-release")?.value ?? "{}";
    const { config, secrets } = JSON.parse(said) as { config?: { commit: string }; secrets?: Record<string, string> };
    const natures = [
      image,
      ...(config ? [this.commits.get(config.commit) ?? "good"] : []),
      ...Object.values(secrets ?? {}).map((name) => this.secret.nature(name)),
    ];
    return natures.find((nature) => nature !== "good") ?? "good";
  }

  /** The caps are those of the fleet file that asks. */
  #lease({ rollout, machines, begun, until }: Extract<Effect, { kind: "lease" }>): void {
    const record = this.load();
    const caps = (record.active?.policy ?? record.policy)?.budget;
    const now = instant(this.time);
    const leases = this.budget.leases.filter((lease) => lease.until > now);
    const begunBefore = this.budget.begun.filter(({ at }) => Date.parse(at) + 3_600_000 > this.time);
    const held = leases.find((lease) => lease.rollout === rollout)?.machines ?? 0;
    const others = leases.filter((lease) => lease.rollout !== rollout);
    const sum = (list: { machines: number }[]) => list.reduce((total, one) => total + one.machines, 0);
    if (caps?.machines != null && machines > held && sum(others) + machines > caps.machines)
      throw new Refused("no-room", "others have it");
    if (caps?.perHour != null && begun > 0 && sum(begunBefore) + begun > caps.perHour)
      throw new Refused("no-room", "so many were begun");
    this.budget = {
      leases: [...others, ...(machines > 0 ? [{ fleet: "web", rollout, machines, until }] : [])],
      begun: [...begunBefore, ...(begun > 0 ? [{ fleet: "web", machines: begun, at: now }] : [])],
    };
  }
}

function refused(kind: "conflict" | "unavailable" | "denied" | "lost"): Refused {
  if (kind === "conflict") return new Refused("conflict", "412");
  if (kind === "denied") return new Refused("denied", "403 Required permission is missing");
  return new Refused("unavailable", "503");
}

function templatesOf(versions: ManagerVersion[]): string[] {
  return versions.map(({ instanceTemplate = "" }) => lastSegment(instanceTemplate));
}

export const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** A fleet file over these groups. */
export function policyFor(groups: GroupPlan[], follower: boolean, more: Record<string, unknown>): Policy {
  const read = readPolicy({
    fleet: "web",
    project: "acme-prod",
    groups: groups.map(({ location, regional, name, wave }) => ({
      ...(regional ? { region: location } : { zone: location }),
      name,
      base: "web-base",
      wave,
    })),
    follows: follower ? { fleet: "web-dev", soak: "60s" } : { family: "web" },
    config: { ref: "web" },
    secrets: { key: { secret: "web-key" } },
    ...more,
  });
  if ("findings" in read) throw new Error(JSON.stringify(read.findings));
  return read.policy;
}
