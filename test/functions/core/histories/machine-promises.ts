import { type Action, leaving } from "../../../../emulator/compute/updater/values.ts";
import type { Effect } from "../../../../functions/core/effects.ts";
import { isProblem, type Observation } from "../../../../functions/core/observation.ts";
import type { Policy, Step } from "../../../../functions/core/policy.ts";
import type { FleetRecord } from "../../../../functions/core/record.ts";
import type { Rollout } from "../../../../functions/core/rolloutrecord.ts";
import { ownedText } from "../../../../functions/core/wanted.ts";
import { Broken } from "./broken.ts";
import type { ModelCloud } from "./cloud.ts";
import type { Counted, ModelGroup } from "./group.ts";
import type { Tally } from "./tally.ts";

const STEPS = new Set(["applying", "converging", "baking", "gating", "final-bake", "finishing"]);

/** What is promised of the machines themselves, asked after every tick of an updater. */
export class MachinePromises {
  /** Somebody else's hand was in a group: what is there then is not moult's doing. */
  meddled = false;
  readonly #cloud: ModelCloud;
  readonly #tally: Tally;
  /** Group and template → the most new machines that the steps so far asked for, and that the first step does. */
  readonly #most = new Map<string, number>();
  readonly #first = new Map<string, number>();
  /** Template → the file its rollout went by. */
  readonly #files = new Map<string, Policy>();
  /** Group → new machines that were there when a pause came into force. */
  readonly #frozen = new Map<string, number>();

  constructor(cloud: ModelCloud, tally: Tally) {
    this.#cloud = cloud;
    this.#tally = tally;
    cloud.onTick = (group, actions, before) => this.ticked(group, actions, before);
  }

  /** How far each step lets a release go, at the sizes the groups have. */
  noteSteps(active: Rollout, observation: Observation): void {
    if (!STEPS.has(active.phase)) return;
    const { policy } = active;
    const order = [...new Set(policy.groups.map(({ wave }) => wave))].sort((a, b) => a - b);
    const [first] = policy.steps;
    const steps: Step[] =
      active.kind === "rollback"
        ? [{ share: 1, bakeMs: 0 }]
        : active.forwardFix && first && !("canary" in first)
          ? [{ canary: 1, bakeMs: 0 }, ...policy.steps]
          : policy.steps;
    for (const { location, name, wave } of policy.groups) {
      const key = `${location}/${name}`;
      const template = active.groups[key]?.template ?? "";
      const at = order.indexOf(wave);
      const view = observation.groups[key];
      this.#files.set(template, policy);
      if (!view || isProblem(view) || at > active.wave) continue;
      const size = view.targetSize;
      raise(this.#first, `${key} ${template}`, at === 0 ? asks(steps[0], size) : 0);
      const now = at < active.wave ? Number.POSITIVE_INFINITY : asks(steps[active.step], size);
      raise(this.#most, `${key} ${template}`, now);
    }
  }

  /** Whether what is wrong with it shows where this fleet looks. */
  isBad(template: string): boolean {
    const nature = this.#cloud.nature(template);
    const policy = this.#files.get(template);
    if (!policy || nature === "good") return false;
    const asksFor = (kind: string) => policy.gates.some((gate) => gate.kind === kind);
    if (nature === "failed" || nature === "silent") return asksFor("reports");
    if (nature === "forbidden") return true;
    const checked = this.#cloud.groups.every(({ plan }) => plan.checked);
    if (!checked || !asksFor("health")) return false;
    // One that dies after the bake has passed it.
    return (
      nature === "unhealthy" ||
      policy.steps.every(
        ({ bakeMs, ...step }) => ("share" in step && step.share === 1 ? policy.finalBakeMs : bakeMs) >= 20_000,
      )
    );
  }

  pausedIn({ active }: FleetRecord, effects: Effect[]): void {
    if (active?.phase !== "paused") {
      this.#frozen.clear();
      return;
    }
    for (const group of this.#cloud.groups) {
      const changed = effects.some((effect) => effect.kind === "patch-group" && effect.group === group.key);
      const template = active.groups[group.key]?.template;
      if (changed || template === undefined || this.#frozen.has(group.key)) continue;
      // Not in force where the group could not be read, or the change was not taken.
      if (group.policy.type !== "OPPORTUNISTIC") continue;
      this.#frozen.set(group.key, group.count(template));
    }
  }

  ticked(group: ModelGroup, actions: Action[], before: Counted): void {
    this.#tally.count("updater ticks");
    if (this.meddled) return;
    const { active } = this.#cloud.load();
    const after = group.counted();
    const { above, missing } = this.#allowed(group, active);
    const size = group.targetSize;
    if (after.machines > Math.max(before.machines, size + above))
      throw new Broken(
        `${group.key} has ${after.machines} machines, its size is ${size} and ${above} above are allowed`,
      );
    // Those that failed by themselves are nobody's choice.
    const healed = actions.filter((action) => action.do === "recreate" && action.why !== "update").length;
    // Who shrinks takes old ones that serve before new ones that died a moment ago.
    const shrinks = actions.some((action) => action.do === "delete" && action.why === "size");
    const died = shrinks ? [...group.machines.values()].filter(({ action }) => action === "RECREATING").length : 0;
    // Whom a person's own scale-in takes in the middle of an update is Compute's to say: "arbitrarily", and with regard to the
    // template (API reference, instanceGroupManagers.resize).
    const taken = group.shrunk ? actions.filter((action) => action.do === "delete" && action.why === "size").length : 0;
    if (after.available < Math.min(before.available, size - missing) - healed - died - taken)
      throw new Broken(
        `${group.key} has ${after.available} machines that serve and had ${before.available}, its size is ${size} and ${missing} may be missing: ${active?.phase ?? "at rest"}, ${actions.map((action) => (action.do === "create" ? `create of ${action.target.template}` : `${action.do} ${action.member}`)).join(", ")}`,
      );
    const templates = new Set<string>();
    const counts = new Map<string, number>();
    for (const machine of group.machines.values())
      if (!leaving(machine)) {
        templates.add(machine.template);
        counts.set(machine.template, (counts.get(machine.template) ?? 0) + 1);
      }
    if (templates.size > 2) throw new Broken(`${group.key} runs ${[...templates].join(", ")}`);
    for (const [template, count] of counts) {
      if (template === "web-base") continue;
      const most = this.#most.get(`${group.key} ${template}`) ?? 0;
      if (count > most)
        throw new Broken(`${group.key} has ${count} machines of ${template}, its steps so far ask for ${most}`);
      const first = this.#first.get(`${group.key} ${template}`) ?? 0;
      if (count > first && this.isBad(template))
        throw new Broken(
          `${group.key} has ${count} machines of a ${this.#cloud.nature(template)} release, its first step asks for ${first}`,
        );
    }
    const frozen = this.#frozen.get(group.key);
    const fresh = counts.get(active?.groups[group.key]?.template ?? "") ?? 0;
    if (active?.phase === "paused" && frozen !== undefined && fresh > frozen)
      throw new Broken(`${group.key} gained new machines while it is paused: ${fresh}, it had ${frozen}`);
  }

  /** As the fleet file says, or, where the group has its own policy, that. */
  #allowed(group: ModelGroup, active: Rollout | null): { above: number; missing: number } {
    const { surge, unavailable } = group.goal();
    const rolled = active?.groups[group.key];
    const mine =
      rolled &&
      ownedText({ versions: [], updatePolicy: group.policy }) !==
        ownedText({ versions: [], updatePolicy: rolled.from.updatePolicy });
    if (!active || !mine) return { above: surge, missing: unavailable };
    const { above, missing, scarce } = active.policy.replace;
    return { above, missing: rolled.scarce ? Math.max(missing, scarce ?? 0) : missing };
  }
}

function raise(map: Map<string, number>, key: string, to: number): void {
  map.set(key, Math.max(map.get(key) ?? 0, to));
}

/** By the words of docs/fleet.md: shares rounded up, at least one, and only the last step takes the last old machine. */
function asks(step: Step | undefined, size: number): number {
  if (!step) return 0;
  if ("share" in step && step.share === 1) return Number.POSITIVE_INFINITY;
  const wanted = "canary" in step ? step.canary : Math.ceil((size * Math.round(step.share * 100)) / 100);
  return Math.max(1, Math.min(wanted, size - 1));
}
