import type { Cancel } from "../../frame/clock.ts";
import type { Cloud } from "../cloud.ts";
import type { Engine } from "../groups/engine.ts";
import { instanceOf, type StoredGroup } from "../groups/model.ts";
import { leaving } from "../updater/values.ts";
import { autoscalerPath, type StoredAutoscaler } from "./model.ts";
import { asked, noted, recommend, stabilizationSec, within } from "./recommend.ts";
import { detailsOf } from "./status.ts";

/** Looks at every autoscaler again and again, and has its group be as large as it recommends. */
export class Scaler {
  readonly #cloud: Cloud;
  readonly #engine: Engine;
  readonly #rounds = new Map<string, Cancel>();

  constructor(cloud: Cloud, engine: Engine) {
    this.#cloud = cloud;
    this.#engine = engine;
  }

  /** Begins to look at an autoscaler; ends by itself when it is deleted. */
  watch(autoscaler: StoredAutoscaler, first: number): void {
    const path = autoscalerPath(autoscaler);
    const { clock } = this.#cloud.world;
    this.#rounds.get(path)?.();
    const round = () => {
      if (this.#cloud.autoscalers.get(path) !== autoscaler) {
        this.#rounds.delete(path);
        return;
      }
      this.#look(autoscaler);
      this.#rounds.set(path, clock.after(this.#cloud.timings.autoscaling, round));
    };
    this.#rounds.set(path, clock.after(first, round));
  }

  #look(autoscaler: StoredAutoscaler): void {
    const cloud = this.#cloud;
    const now = cloud.world.clock.now();
    const { policy } = autoscaler;
    const found = cloud.groups.get(autoscaler.target);
    const group = found?.deleting ? undefined : found;
    const load = cloud.loads.get(autoscaler.target);
    const raw = group && asked(load, policy.utilizationTarget, this.#initialized(autoscaler, group, now));
    this.#tell(autoscaler, group, raw);
    if (!group) {
      delete autoscaler.recommended;
      return;
    }
    if (raw === undefined) this.#withoutLoad(autoscaler, group);
    else this.#byLoad(autoscaler, group, raw, now);
    cloud.world.changed();
  }

  /** Nothing to go by: the group stays as it is, within the policy's bounds. */
  #withoutLoad(autoscaler: StoredAutoscaler, group: StoredGroup): void {
    delete autoscaler.recommended;
    const size = within(autoscaler.policy, group.targetSize);
    this.#resize(autoscaler, group, size, undefined, "The group's size was outside the bounds of the policy.");
  }

  #byLoad(autoscaler: StoredAutoscaler, group: StoredGroup, raw: number, now: number): void {
    const { policy } = autoscaler;
    // What the group was when the autoscaler first saw a load counts as what its past asked for.
    if (autoscaler.asked.length === 0) autoscaler.asked.push({ at: now, size: within(policy, group.targetSize) });
    if (autoscaler.given.length === 0) autoscaler.given.push({ at: now, size: within(policy, group.targetSize) });
    const wanted = within(policy, raw);
    const { size, limit } = recommend(policy, wanted, autoscaler, now);
    autoscaler.asked = noted(autoscaler.asked, now, wanted, stabilizationSec(policy));
    autoscaler.given = noted(autoscaler.given, now, size, policy.scaleInControl?.timeWindowSec ?? 0);
    const before = autoscaler.recommended;
    autoscaler.recommended = size;
    const summary =
      limit === undefined
        ? "Autoscaler resized the managed instance group based on the CPU utilization signal."
        : `Autoscaler resized the managed instance group based on the CPU utilization signal, held back by ${limit === "stabilization" ? "the stabilization period" : "scale-in controls"}.`;
    this.#resize(autoscaler, group, size, before, summary, limit);
  }

  /**
   * Every new recommendation is told, also where the mode keeps the group from following it. A size set by hand is only
   * as good as the next look.
   */
  #resize(
    autoscaler: StoredAutoscaler,
    group: StoredGroup,
    size: number,
    before: number | undefined,
    summary: string,
    limit?: string,
  ): void {
    const { mode } = autoscaler.policy;
    const follows = mode === "ON" || (mode !== "OFF" && size > group.targetSize);
    const old = follows ? group.targetSize : (before ?? group.targetSize);
    if (old === size) return;
    this.#cloud.audit.autoscaler(autoscaler, group, "resize", {
      "@type": "type.googleapis.com/autoscaler.AutoscalerSizeChangeExplanation",
      oldSize: String(old),
      newSize: String(size),
      autoscalingMode: mode,
      autoscalingReason: {
        summary,
        scalingSignal:
          before === undefined && limit === undefined && !this.#cloud.loads.has(autoscaler.target)
            ? {}
            : { cpuUtilization: {} },
        scalingLimit: limit === "scaleInControl" ? { scaleInControl: {} } : {},
      },
    });
    if (!follows) return;
    group.targetSize = size;
    group.fingerprint = this.#cloud.world.ids.fingerprint();
    this.#engine.touch(group);
  }

  #tell(autoscaler: StoredAutoscaler, group: StoredGroup | undefined, raw: number | undefined): void {
    const details = detailsOf(this.#cloud, autoscaler, group, raw);
    const before = autoscaler.details;
    autoscaler.status = group ? "ACTIVE" : "ERROR";
    autoscaler.details = details;
    if (before.map(({ type }) => type).join() === details.map(({ type }) => type).join()) return;
    this.#cloud.audit.autoscaler(
      autoscaler,
      group,
      "changeStatus",
      {
        "@type": "type.googleapis.com/autoscaler.AutoscalerStatusChange",
        oldStatus: { details: before },
        newStatus: { details },
      },
      details.length > 0 ? "WARNING" : "INFO",
    );
  }

  /** Machines whose load counts: those that run for longer than the initialization period. */
  #initialized(autoscaler: StoredAutoscaler, group: StoredGroup, now: number): number {
    let count = 0;
    for (const member of group.members.values()) {
      if (leaving(member) || member.runningSince === undefined) continue;
      if (now - member.runningSince < autoscaler.policy.coolDownPeriodSec * 1000) continue;
      if (instanceOf(this.#cloud, group, member)?.status === "RUNNING") count++;
    }
    return count;
  }

  resume(): void {
    for (const autoscaler of this.#cloud.autoscalers.values()) this.watch(autoscaler, this.#cloud.timings.autoscaling);
  }

  close(): void {
    for (const cancel of this.#rounds.values()) cancel();
    this.#rounds.clear();
  }
}
