import type { Decision } from "../../../../functions/core/decide.ts";
import type { Effect } from "../../../../functions/core/effects.ts";
import { type Command, isProblem, type Observation } from "../../../../functions/core/observation.ts";
import { MOVES } from "../../../../functions/core/phases.ts";
import type { Window } from "../../../../functions/core/policy.ts";
import type { FleetRecord } from "../../../../functions/core/record.ts";
import { lastSegment, ownedText } from "../../../../functions/core/wanted.ts";
import { Broken } from "./broken.ts";
import type { ModelCloud } from "./cloud.ts";
import { MachinePromises } from "./machine-promises.ts";
import type { Reconciler } from "./reconciler.ts";
import type { Tally } from "./tally.ts";

const BACK = new Set(["rolling-back", "rollback-stuck", "restoring"]);
const STEPS = new Set(["applying", "converging", "baking", "gating", "final-bake", "finishing"]);
/** A person's words that may end a person's pause. */
const ENDS_PAUSE = new Set<Command["kind"]>(["start", "resume", "rollback", "abort", "release", "apply", "hold"]);

/** What moult promises, asked after every look and every tick of an updater. Worked out without moult's own arithmetic. */
export class Promises {
  readonly machines: MachinePromises;
  readonly #cloud: ModelCloud;
  readonly #reconciler: () => Reconciler;
  readonly #tally: Tally;
  /** Gates that have finished, by rollout, step and key. */
  readonly #finished = new Set<string>();
  #byPerson = false;
  /** A person said so, after the pause. */
  #urgent = false;
  #granted: number | undefined;
  #decisions = 0;

  constructor(cloud: ModelCloud, reconciler: () => Reconciler, tally: Tally) {
    this.#cloud = cloud;
    this.#reconciler = reconciler;
    this.#tally = tally;
    this.machines = new MachinePromises(cloud, tally);
    cloud.onAsk = (record, key) => {
      if (this.#finished.has(askedAt(record, key))) throw new Broken(`gate ${key} had finished and is asked again`);
    };
  }

  looked(before: FleetRecord, decision: Decision, observation: Observation): void {
    const { record: after, effects, moves } = decision;
    for (const [from, to] of moves) {
      this.#tally.move(from, to);
      if (!MOVES[from].includes(to))
        throw new Broken(`a move from ${from} to ${to}, which docs/rollout.md does not draw`);
    }
    if (this.#decisions++ % 17 === 0) this.#sameAgain(before, decision, observation);
    this.#stated(after);
    this.#personWins(before, decision, observation);
    this.#gates(before, after);
    this.#windows(before, after, observation);
    this.#begun(before, after);
    this.#ended(before, after, observation);
    if (after.active) this.machines.noteSteps(after.active, observation);
    for (const effect of effects) if (effect.kind === "patch-group") this.#patch(effect, after, observation);
    this.machines.pausedIn(after, effects);
    if (effects.length === 0) this.#modesGivenBack(before, after, observation);
  }

  acted(effect: Effect): void {
    if (effect.kind === "lease" && effect.begun > 0) {
      const lease = this.#cloud.budget.leases.find(({ rollout }) => rollout === effect.rollout);
      if (lease) this.#granted = this.#asked() + lease.machines;
    }
  }

  /** New machines asked of all groups, by what the groups themselves say. */
  #asked(change?: Extract<Effect, { kind: "patch-group" }>): number {
    const { active } = this.#cloud.load();
    return this.#cloud.groups.reduce((sum, group) => {
      const template = active?.groups[group.key]?.template;
      const versions =
        change?.group === group.key
          ? change.versions.map(({ instanceTemplate = "", targetSize }) => ({
              template: lastSegment(instanceTemplate),
              targetSize,
            }))
          : group.versions;
      const fresh = versions.find((version) => version.template === template);
      return sum + (fresh ? Math.min(group.targetSize, fresh.targetSize?.fixed ?? group.targetSize) : 0);
    }, 0);
  }

  #sameAgain(before: FleetRecord, decision: Decision, observation: Observation): void {
    const given = JSON.stringify([before, observation]);
    const again = this.#reconciler().decideOn(before, observation);
    if (JSON.stringify(again) !== JSON.stringify(decision)) throw new Broken("the same look decides something else");
    if (JSON.stringify([before, observation]) !== given) throw new Broken("a decision changed what it was given");
  }

  #stated({ active, hold, reasons }: FleetRecord): void {
    if (!active && !hold) return;
    if (reasons.length === 0) throw new Broken(`no reason is given for ${active ? active.phase : "a hold"}`);
    if (!active) return;
    const stated = reasons.some(
      ({ until, text }) => until !== undefined || /"moult |grant |again|looked at next|make it|delete/.test(text),
    );
    if (active.deadline === null && !stated)
      throw new Broken(
        `${active.phase} has no end, and nobody is told what to do: ${reasons.map(({ text }) => text).join("; ")}`,
      );
  }

  #personWins(before: FleetRecord, { record: after, moves }: Decision, observation: Observation): void {
    const commands = observation.commands.filter(({ name }) => !before.applied.includes(name));
    const said = commands.map(({ kind }) => kind);
    for (const command of commands) {
      if (command.kind === "begin" && command.urgent) this.#urgent = true;
      if (command.kind === "pause" || command.kind === "stop") this.#urgent = false;
    }
    // What waits behind the pause and is urgent by a person's word after it has the paused one put back, and no more than that.
    const ends = (to: string) => said.some((kind) => ENDS_PAUSE.has(kind)) || (this.#urgent && to === "rolling-back");
    if (this.#byPerson && moves.some(([from, to]) => from === "paused" && !ends(to)))
      throw new Broken(`a person's pause was ended by itself: ${moves.map((move) => move.join(" to ")).join(", ")}`);
    if (after.active?.phase !== "paused") this.#byPerson = this.#urgent = false;
    else if (said.includes("pause") || said.includes("stop")) this.#byPerson = true;

    const { hold } = before;
    const lifts = said.some(
      (kind) =>
        kind === "start" ||
        kind === "unhold" ||
        kind === "release" ||
        kind === "rollback" ||
        kind === "stop" ||
        kind === "hold",
    );
    const stands = after.hold !== null && (!after.hold.until || after.hold.until === hold?.until);
    if (hold && !stands && !lifts && !(hold.until && observation.at >= hold.until))
      throw new Broken("a hold was lifted by itself");
    const begins = after.active && after.active.id !== before.active?.id;
    if (begins && after.active?.kind === "forward" && after.hold)
      throw new Broken("a rollout began while the fleet is held");
    if (
      before.active &&
      BACK.has(before.active.phase) &&
      after.active?.id === before.active.id &&
      !BACK.has(after.active.phase)
    )
      throw new Broken("putting back was undone");
  }

  #gates(before: FleetRecord, after: FleetRecord): void {
    const { active } = after;
    if (!active || active.kind === "rollback") return;
    const rules = new Map(
      active.policy.gates.flatMap((gate) => ("inconclusive" in gate ? [[gate.key, gate.inconclusive]] : [])),
    );
    for (const [key, { answer }] of Object.entries(active.gates)) {
      if (answer === "fail" && !BACK.has(active.phase))
        throw new Broken(`gate ${key} failed, and the rollout is ${active.phase}`);
      if (
        answer === "inconclusive" &&
        rules.get(key) !== "proceed" &&
        !BACK.has(active.phase) &&
        active.phase !== "paused"
      )
        throw new Broken(`gate ${key} is inconclusive, and the rollout is ${active.phase}`);
      if (answer !== "wait" && key !== "approval") this.#finished.add(askedAt(after, key));
    }
    // A bake that was lost is another bake: what it is asked at its end is asked anew.
    if (before.active?.id === active.id && after.unwritten.some(({ what }) => what === "bake-lost"))
      for (const key of rules.keys()) {
        this.#finished.delete(askedAt(after, key));
        this.#finished.delete(askedAt(before, key));
      }
    const known = before.active?.id === active.id ? before.active.passed.length : 0;
    for (const passed of active.passed.slice(known)) {
      for (const [key, rule] of rules) {
        const answer = passed.gates?.[key]?.answer;
        if (answer !== "pass" && !(answer === "inconclusive" && rule === "proceed"))
          throw new Broken(`step ${passed.step} passed although gate ${key} said ${answer ?? "nothing"}`);
      }
      const asksPerson = active.policy.gates.some(({ kind }) => kind === "approval");
      if (asksPerson && passed.gates?.approval?.answer !== "pass")
        throw new Broken(`step ${passed.step} passed without a person`);
    }
  }

  #windows(before: FleetRecord, after: FleetRecord, { at }: Observation): void {
    const { active } = after;
    if (!active || active.kind === "rollback" || active.urgent || active.phase !== "applying") return;
    const was = before.active?.id === active.id ? before.active : undefined;
    const begins =
      !was ||
      was.phase === "prepared" ||
      was.phase === "parked" ||
      was.step !== active.step ||
      was.wave !== active.wave;
    if (begins && !isOpen(active.policy.windows, Date.parse(at)))
      throw new Broken(`step ${active.step + 1} of wave ${active.wave + 1} began outside the windows`);
  }

  #begun(before: FleetRecord, after: FleetRecord): void {
    const { active } = after;
    if (!active || active.id === before.active?.id) return;
    this.#granted = undefined;
    this.#tally.count("rollouts begun");
    if (active.kind === "rollback") return;
    for (const { inputs, release } of after.quarantine) {
      const { imageId, configCommit, secrets } = inputs;
      const image = imageId === undefined || imageId === active.to.image.id;
      const config = configCommit === undefined || configCommit === active.to.configCommit;
      const key = secrets === undefined || secrets.key === active.to.secrets.key;
      const named = imageId !== undefined || configCommit !== undefined || secrets !== undefined;
      if (release === active.to.digest || (named && image && config && key))
        throw new Broken(`${active.to.image.name} with ${active.to.configCommit} is quarantined and began again`);
    }
  }

  #ended(before: FleetRecord, after: FleetRecord, observation: Observation): void {
    const ended = before.active;
    const stable = after.stable?.release.digest;
    const moved = stable !== before.stable?.release.digest;
    // A fleet that was given back, and perhaps taken on again.
    const forgotten = after.stable === null || after.stable.adopted;
    const succeeded = after.last?.ending === "succeeded" && after.last.id === ended?.id && before.last?.id !== ended.id;
    if (moved && before.stable && !forgotten && !succeeded)
      throw new Broken("the stable release moved without success");
    if (!ended || after.active?.id === ended.id) return;
    if (after.last?.id !== ended.id) throw new Broken(`${ended.id} vanished without an ending`);
    const { ending } = after.last;
    this.#tally.ending(ending);
    const nature = [...Object.values(ended.groups)].map(({ template }) => this.#cloud.nature(template))[0] ?? "good";
    if (
      succeeded &&
      ended.kind === "forward" &&
      !this.machines.meddled &&
      this.machines.isBad(Object.values(ended.groups)[0]?.template ?? "")
    )
      throw new Broken(`a ${nature} release became stable`);
    if (this.machines.meddled) return;
    for (const [key, group] of Object.entries(ended.groups)) {
      const view = observation.groups[key];
      if (!group.intent || !view || isProblem(view)) continue;
      const versions = ending === "succeeded" ? group.to : group.from.versions;
      const found = group.from.updatePolicy;
      // Compute takes percentages of ten machines or more: a group that shrank below gets numbers.
      const { maxSurge, maxUnavailable } =
        view.targetSize < 10 && (found.maxSurge?.percent !== undefined || found.maxUnavailable?.percent !== undefined)
          ? view.updatePolicy
          : found;
      const limits = { ...(maxSurge && { maxSurge }), ...(maxUnavailable && { maxUnavailable }) };
      const wanted = ownedText({ versions, updatePolicy: { ...found, ...limits } });
      if (ownedText(view) !== wanted) throw new Broken(`${ended.id} is ${ending}, and ${key} is not as it was found`);
      const own = versions.map(({ instanceTemplate }) => lastSegment(instanceTemplate ?? ""));
      const left = view.machines.find(({ template, action }) => !own.includes(template) && action !== "DELETING");
      if (left) throw new Broken(`${ended.id} is ${ending}, and ${left.name} still runs ${left.template}`);
    }
  }

  #patch(effect: Extract<Effect, { kind: "patch-group" }>, after: FleetRecord, observation: Observation): void {
    const { active } = after;
    if (!active) throw new Broken(`group ${effect.group} is changed without a rollout`);
    const group = active.groups[effect.group];
    const view = observation.groups[effect.group];
    if (!group || !view || isProblem(view))
      throw new Broken(`group ${effect.group} is changed without having been read`);
    const templates = effect.versions.map(({ instanceTemplate }) => lastSegment(instanceTemplate ?? ""));
    const known = [
      ...group.from.versions.map(({ instanceTemplate }) => lastSegment(instanceTemplate ?? "")),
      group.template,
    ];
    if (templates.some((template) => !known.includes(template))) throw new Broken("a third template is asked for");
    const fresh = templates.includes(group.template);
    if (fresh && BACK.has(active.phase)) throw new Broken("new machines are asked for while putting back");
    if (active.phase === "paused" && effect.updatePolicy.type !== "OPPORTUNISTIC")
      throw new Broken("a pause goes on replacing");
    if (active.phase !== "finishing" && active.phase !== "restoring") {
      const { above, missing, scarce } = active.policy.replace;
      const surge = effect.updatePolicy.maxSurge?.fixed;
      const unavailable = effect.updatePolicy.maxUnavailable?.fixed;
      if (surge !== (group.scarce ? 0 : above) || unavailable !== (group.scarce ? scarce : missing))
        throw new Broken(
          `replace says ${above} above, ${missing} missing, and ${surge} and ${unavailable} are asked for`,
        );
    }
    if (active.policy.budget && active.kind === "forward" && STEPS.has(active.phase) && !this.machines.meddled) {
      const wanted = this.#asked(effect);
      const most = Math.max(this.#asked(), this.#granted ?? 0);
      if (wanted > most) throw new Broken(`${wanted} new machines are asked for, and the budget granted ${most}`);
    }
  }

  #modesGivenBack(before: FleetRecord, { active }: FleetRecord, observation: Observation): void {
    const phase = active?.phase;
    // The look that stops has not looked at it yet; one that cannot see all groups does not touch any.
    if (before.active?.phase !== phase || Object.values(observation.groups).some(isProblem)) return;
    if (active && phase !== "paused" && phase !== "parked" && phase !== "prepared") return;
    for (const group of this.#cloud.groups) {
      const view = observation.groups[group.key];
      if (!view || isProblem(view) || this.machines.meddled) continue;
      if (group.autoscaler && group.autoscaler.mode !== group.ownMode)
        throw new Broken(
          `at rest, the autoscaler of ${group.key} is ${group.autoscaler.mode} and its owner made it ${group.ownMode}`,
        );
    }
  }
}

/** All windows here are of every day and in UTC. */
function isOpen(windows: Window[], at: number): boolean {
  const minute = Math.floor((at % 86_400_000) / 60_000);
  return (
    windows.length === 0 ||
    windows.some(({ from, to }) => (from < to ? minute >= from && minute < to : minute >= from || minute < to))
  );
}

function askedAt({ active }: FleetRecord, key: string): string {
  return `${active?.id} wave ${active?.wave} step ${active?.step} after ${active?.passed.length} gate ${key}`;
}
