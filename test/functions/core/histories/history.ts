import { earliest, instant } from "../../../../functions/core/instants.ts";
import type { FleetRecord } from "../../../../functions/core/record.ts";
import { lastSegment } from "../../../../functions/core/wanted.ts";
import { Broken } from "./broken.ts";
import { ModelCloud, policyFor, type Start } from "./cloud.ts";
import { type Document, documentFor, type Event, type Look, type Word } from "./events.ts";
import type { ModelGroup } from "./group.ts";
import { Promises } from "./promises.ts";
import { Reconciler } from "./reconciler.ts";
import type { Tally } from "./tally.ts";

/** Enough for any wait between two looks; what is due then was not lost. */
const LOOKS_IN_A_ROW = 400;
const ROUNDS = 6;
/** How far apart looks are at least while a fleet comes to rest: the bell may be late. */
const SPARSE = [500, 4_000, 10_000, 20_000, 30_000, 30_000, 45_000, 60_000];

/** One fleet through one history, with every promise asked at every step. */
export class History {
  readonly cloud: ModelCloud;
  readonly promises: Promises;
  readonly #reconciler: Reconciler;
  readonly #tally: Tally;
  readonly #start: Start;

  constructor(start: Start, document: Document, tally: Tally) {
    this.#start = start;
    this.#tally = tally;
    this.cloud = new ModelCloud(start);
    this.promises = new Promises(this.cloud, () => this.#reconciler, tally);
    this.#reconciler = new Reconciler(this.cloud, this.promises);
    this.#apply(document);
    this.#reconciler.look();
  }

  get record(): FleetRecord {
    return this.cloud.load();
  }

  #apply(document: Document): void {
    const { groups, follower } = this.#start;
    this.cloud.command({ kind: "apply", policy: policyFor(groups, follower, documentFor(groups, document)) });
  }

  happen(event: Event): void {
    this.#tally.event(event.what);
    this.#change(event);
    if (event.rung) this.#reconciler.look();
  }

  #group(index: number): ModelGroup {
    const { groups } = this.cloud;
    const found = groups[index % groups.length];
    if (!found) throw new Error("a fleet has a group");
    return found;
  }

  #change(event: Event): void {
    const { cloud } = this;
    switch (event.what) {
      case "publish":
        cloud.publish(event.nature, event.urgent);
        break;
      case "configure":
        cloud.configure(event.nature);
        break;
      case "rotate":
        cloud.secret.add(event.nature);
        break;
      case "disable":
        cloud.secret.disable(event.index);
        break;
      case "enable":
        cloud.secret.enableAll();
        break;
      case "take back":
        cloud.takeBack();
        break;
      case "command":
        this.#say(event.word);
        break;
      case "apply":
        this.#apply(event.document);
        break;
      case "resize":
        this.#group(event.group).resize(event.size);
        break;
      case "scale": {
        const group = this.#group(event.group);
        if (group.autoscaler) group.scale(Math.max(1, group.targetSize + event.by));
        break;
      }
      case "mode": {
        this.#group(event.group).ownerSets(event.mode);
        break;
      }
      case "preempt": {
        const id = this.#group(event.group).interrupt(event.index);
        if (id !== undefined) cloud.interrupted[id] = "compute.instances.preempted";
        break;
      }
      case "kill":
        this.#group(event.group).kill(event.index);
        break;
      case "no room": {
        const zones = event.zones === "all" ? null : ["us-central1-a", "europe-west4-a"];
        cloud.full = { zones, until: cloud.time + event.ms };
        break;
      }
      case "quota":
        cloud.freeCpus = event.free;
        break;
      case "blind":
        cloud.blind = { what: event.part, until: cloud.time + event.ms };
        break;
      case "fault":
        cloud.faults.push({ kind: event.kind, after: event.after });
        break;
      case "fate":
        this.#reconciler.look(event.fate);
        break;
      case "race":
        this.#reconciler.race();
        break;
      case "answer":
        cloud.answer = { answer: event.answer, text: "so it is" };
        break;
      case "lease":
        cloud.budget.leases.push({
          fleet: "db",
          rollout: "db-1",
          machines: event.machines,
          until: instant(cloud.time + event.ms),
        });
        break;
      case "outside":
        this.#meddle(this.#group(event.group), event.how);
        break;
      case "unmake":
        cloud.unmake(event.index);
        break;
      case "mail":
        cloud.mailBroken = event.broken;
        break;
      case "stranger":
        cloud.foreignReport(event.verdict);
        break;
      case "time":
        this.pass(event.ms, event.looks);
        break;
    }
  }

  #say(word: Word): void {
    const { cloud } = this;
    const key = this.record.quarantine[0]?.key ?? "none";
    const common = { reason: "looking", key, urgent: word === "urgent" };
    if (word === "urgent") cloud.command({ ...common, kind: "begin" });
    else if (word === "hold for a while")
      cloud.command({ ...common, kind: "hold", until: instant(cloud.time + 120_000) });
    else if (word === "nonsense") cloud.command({ ...common, kind: "invalid", text: "it is no command" });
    else cloud.command({ ...common, kind: word });
  }

  #meddle(group: ModelGroup, how: "template" | "type" | "undo"): void {
    this.promises.machines.meddled = true;
    const { versions, updatePolicy } = group.view(false);
    const found = this.record.active?.groups[group.key]?.from;
    const instanceTemplate = "projects/acme-prod/global/instanceTemplates/web-hand-made";
    try {
      if (how === "template") group.patch([{ instanceTemplate }], updatePolicy);
      else if (how === "type") group.patch(versions, { ...updatePolicy, type: "OPPORTUNISTIC" });
      else if (found)
        group.patch(found.versions, { ...found.updatePolicy, maxSurge: { fixed: 0 }, maxUnavailable: { fixed: 3 } });
    } catch (problem) {
      // Somebody else is refused too what Compute does not take: percentages of a group that has become too small.
      if (!(problem instanceof Error && problem.message.includes("Percent updatePolicy"))) throw problem;
    }
  }

  pass(ms: number, looks: Look): void {
    const { cloud } = this;
    const until = cloud.time + ms;
    if (looks === "never") this.#passTo(until);
    for (let i = 0; i < LOOKS_IN_A_ROW && cloud.time < until; i++) {
      const due = looks === "as due" ? this.#due() : cloud.time + cloud.draws.seconds(1, ms / 2000);
      this.#passTo(Math.min(until, due));
      if (cloud.time < until) this.#reconciler.look();
    }
    this.#passTo(until);
    if (looks !== "never") this.#reconciler.look();
  }

  #passTo(until: number): void {
    this.cloud.pass(until);
    this.#reconciler.wake();
  }

  #due(): number {
    const { nextLook } = this.record;
    const soonest = this.cloud.time + 500;
    return nextLook === null ? soonest + 600_000 : Math.max(soonest, Date.parse(nextLook));
  }

  tell(): void {
    this.#tally.count("histories");
    this.#tally.count("looks", this.#reconciler.looks);
    this.#tally.count("overtaken", this.#reconciler.overtaken);
  }

  /** Every obstacle is lifted, a good release is there, and a person lets the fleet go on. */
  settle(): void {
    const { cloud } = this;
    cloud.full = { zones: [], until: 0 };
    cloud.blind = { what: "", until: 0 };
    cloud.freeCpus = 1_000_000;
    cloud.faults.length = 0;
    cloud.mailBroken = false;
    cloud.unmade.clear();
    cloud.answer = { answer: "pass", text: "all is well" };
    cloud.budget = { leases: cloud.budget.leases.filter(({ fleet }) => fleet === "web"), begun: [] };
    for (const group of cloud.groups) group.resize(Math.max(group.plan.own === "percent" ? 10 : 2, group.targetSize));
    const image = cloud.publish("good", false);
    const commit = cloud.configure("good");
    cloud.secret.enableAll();
    cloud.secret.add("good");
    const key = cloud.secret.newest();
    // Until it may be followed.
    if (cloud.follower) this.#passTo(cloud.time + 90_000);
    const plain = {
      steps: [{ canary: 1, bake: "10s" }, { share: "100%" }],
      finalBake: "10s",
      limits: { progress: "5m" },
      replace: "above",
    };
    // Or four looks of five would be those that wait here for one more machine.
    const atLeast = SPARSE[cloud.draws.between(0, SPARSE.length - 1)] ?? 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (const group of cloud.groups) group.mend();
      cloud.command({ kind: "start" });
      // An updater that waits for machines which die again and again goes on when a person lets all of them be missing.
      if (!this.record.active) this.#apply(round < 2 ? plain : { ...plain, replace: "all" });
      for (let i = 0; i < LOOKS_IN_A_ROW; i++) {
        this.#reconciler.look();
        const { active, stable, hold } = this.record;
        const { image: ran, configCommit, secrets } = stable?.release ?? {};
        const there = ran?.name === image && configCommit === commit && secrets?.key === key;
        if (!active && !hold && there) return;
        if (active?.phase === "gating") cloud.command({ kind: "approve" });
        if (active?.phase === "paused" || (!active && hold)) break;
        if (!active && !stable) this.#unify();
        cloud.budget.begun = [];
        const due = Date.parse(earliest(this.record.nextLook ?? undefined, instant(cloud.time + 60_000)) ?? "") + 500;
        this.#passTo(Math.max(cloud.time + atLeast, due));
      }
      // Not for a person to go on with: a release that will never be well.
      if (this.record.active?.phase === "paused") cloud.command({ kind: "rollback" });
      for (let i = 0; i < 300 && this.record.active; i++) {
        this.#passTo(Math.max(cloud.time + atLeast, Math.min(cloud.time + 5_000, this.#due())));
        this.#reconciler.look();
      }
    }
    if (this.#goesBackToWhatDies()) {
      this.#tally.count("stated waits: stuck on the way back to a release that dies");
      return;
    }
    const said = this.record.reasons.map(({ word, text }) => `${word}: ${text}`).join("; ");
    throw new Broken(`it never came to rest; ${this.record.active?.phase ?? "at rest"}: ${said}`);
  }

  /**
   * A release whose machines serve for a while and then die was stable because nobody asked for a bake, and another one that
   * failed is put back to it. That has no end, and moult says so: `rollback-stuck`, a person is needed.
   */
  #goesBackToWhatDies(): boolean {
    const { active } = this.record;
    if (active?.phase !== "rollback-stuck") return false;
    return Object.values(active.from.versions)
      .flat()
      .some(({ instanceTemplate = "" }) => this.cloud.nature(lastSegment(instanceTemplate)) === "dying");
  }

  /** Groups that were given back differ, and a person brings them to one before they are taken on again. */
  #unify(): void {
    const instanceTemplate = "projects/acme-prod/global/instanceTemplates/web-base";
    this.promises.machines.meddled = true;
    for (const group of this.cloud.groups) {
      const updatePolicy = {
        ...group.view(false).updatePolicy,
        type: "PROACTIVE" as const,
        minimalAction: "REPLACE" as const,
      };
      group.patch([{ instanceTemplate }], updatePolicy);
    }
    this.#passTo(this.cloud.time + 120_000);
  }
}
