import type { Cloud } from "../cloud.ts";
import { instanceOf, type Member, type StoredGroup } from "../groups/model.ts";
import { servicesOf } from "./model.ts";

/** How long machines that leave a group are left running: where several backend services share it, the longest counts. */
export function drainMs(cloud: Cloud, group: StoredGroup): number {
  return 1000 * Math.max(0, ...servicesOf(cloud, group).map(({ drainingTimeoutSec }) => drainingTimeoutSec));
}

/**
 * Takes a member out of its instance group and lets what it is connected to come to an end: it stays running for the
 * draining timeout, and new connections go elsewhere. `then` is called when it may be stopped, at once when nothing is to
 * be waited for. https://docs.cloud.google.com/load-balancing/docs/enabling-connection-draining
 */
export function drain(cloud: Cloud, group: StoredGroup, member: Member, then: () => void): void {
  const { clock } = cloud.world;
  const ms = drainMs(cloud, group);
  // One that began to drain before the emulator was restarted, or before it was asked to leave again, goes on from there.
  if (member.drainingUntil === undefined && (ms === 0 || instanceOf(cloud, group, member)?.status !== "RUNNING")) {
    then();
    return;
  }
  member.drainingUntil ??= clock.now() + ms + cloud.timings.draining;
  cloud.world.changed();
  clock.after(Math.max(0, member.drainingUntil - clock.now()), () => {
    delete member.drainingUntil;
    then();
  });
}
