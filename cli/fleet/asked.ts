import { instant } from "../../functions/core/instants.ts";
import { type Given, usage } from "../args.ts";
import type { Order } from "./order.ts";

const RELEASE = /^([0-9a-f]{12}|[0-9a-f]{64})$/;
/** As the functions read it: an instant without its offset would be of whose clock? */
const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/** Checked before anything is sent: what can never be a release must not cost a round trip. */
export function releaseOf(given: Given): { release?: string } {
  const release = given.text("release");
  if (release === undefined) return {};
  if (!RELEASE.test(release))
    throw usage(
      `--release must be the 12 hex digits that moult rollout plan and moult status show, or all 64, not "${release}"`,
    );
  return { release };
}

/** @param now in milliseconds since 1970. */
export function holdOrder(given: Given, now: number): Order {
  const reason = given.text("reason");
  if (reason === undefined)
    throw usage(
      "a hold needs a reason, because others find the fleet held and must know whom to ask",
      `moult hold ${given.word(0)} --reason "release freeze" --for 2h`,
    );
  const until = untilOf(given, now);
  return { kind: "hold", reason, ...(until !== undefined && { until }) };
}

/** When `--for` or `--until` says that it is over. @param now in milliseconds since 1970. */
export function untilOf(given: Given, now: number): string | undefined {
  const ms = given.duration("for");
  const text = given.text("until");
  if (ms !== undefined && text !== undefined) throw usage("--for and --until say the same; give one of them");
  if (ms === 0) throw usage("--for 0 would be over at once; leave it out for a hold without an end");
  if (ms !== undefined) {
    if (now + ms > 8.64e15) throw usage("--for is longer than any clock; leave it out for a hold without an end");
    return instant(now + ms);
  }
  if (text === undefined) return undefined;
  const at = RFC3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at))
    throw usage(`--until must be an instant with its offset, such as 2026-11-20T18:00:00Z, not "${text}"`);
  if (at <= now) throw usage(`--until ${text} has passed already: it is ${instant(now)} now`);
  return instant(at);
}
