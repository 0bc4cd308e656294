import type { ManagerVersion } from "../../wire/compute.d.ts";
import { requestId } from "./context.ts";
import { templateOf } from "./mint.ts";
import { isProblem } from "./observation.ts";
import { groupKey } from "./policy.ts";
import { short } from "./release.ts";
import type { Rollout, RolloutGroup } from "./rolloutrecord.ts";
import { say, type Turn } from "./turn.ts";
import { lastSegment } from "./wanted.ts";

/**
 * Whether the templates that a change names are there, as far as this look knows. One that somebody deleted after it was
 * made is made again where the release and the group's base still give the same name: a name says what its template holds.
 * Otherwise it says what is lost, and what brings it back.
 */
export function templatesThere(
  turn: Turn,
  rollout: Rollout,
  key: string,
  group: RolloutGroup,
  versions: ManagerVersion[],
): boolean {
  let there = true;
  for (const { instanceTemplate = "" } of versions) {
    const name = lastSegment(instanceTemplate);
    const state = turn.observation.templates[name];
    if (state === undefined || state === "same") continue;
    there = false;
    if (state === "different") {
      const text = `the template ${name} of group ${key} was deleted, and another has taken its name; delete that one, and it is made again`;
      say(turn, "external-change", text);
    } else makeAgain(turn, rollout, key, group, name);
  }
  return there;
}

/** Names of templates of a change that are gone for good: nothing that is known now gives them again. */
export function lostTemplates(
  turn: Turn,
  rollout: Rollout,
  key: string,
  group: RolloutGroup,
  versions: ManagerVersion[],
): string[] {
  return versions
    .map(({ instanceTemplate = "" }) => lastSegment(instanceTemplate))
    .filter((name) => turn.observation.templates[name] === "absent")
    .filter((name) => turn.observation.inputs && !sameAgain(turn, rollout, key, group, name));
}

function makeAgain(turn: Turn, rollout: Rollout, key: string, group: RolloutGroup, name: string): void {
  const { inputs } = turn.observation;
  const whose = group.template === name ? `of ${rollout.id} in group ${key}` : `which group ${key} ran before`;
  const gone = `the template ${name}, ${whose}, was deleted by somebody`;
  if (!inputs) {
    say(turn, "preparing", `${gone}; what it was made of is looked at next`);
    return;
  }
  const again = sameAgain(turn, rollout, key, group, name);
  if (again) {
    // Not the id of its first making: Compute would answer with that operation, and make nothing.
    const request = requestId(turn.context, `${rollout.id}:template:${name}:${turn.context.now}`);
    turn.effects.push({ kind: "insert-template", group: key, ...again, requestId: request });
    say(turn, "preparing", `${gone}; it is made again as it was`);
    return;
  }
  const base = inputs.bases[key];
  const why =
    base && isProblem(base) ? base.text : "what its release and the group's base give now is another template";
  const release = releaseOf(rollout, group, name);
  const text = `${gone}, and cannot be made again: ${why}. Make an instance template of that name that boots ${release.image.name} (release ${short(release.digest)}), and this goes on`;
  say(turn, "base-missing", text);
}

function releaseOf({ to, from }: Rollout, { template }: RolloutGroup, name: string) {
  return name === template ? to : from.release;
}

/** The template as it was, where what is known now gives the very same. */
function sameAgain(turn: Turn, rollout: Rollout, key: string, group: RolloutGroup, name: string) {
  const { inputs } = turn.observation;
  const ref = rollout.policy.groups.find((one) => groupKey(one) === key);
  if (!inputs || !ref) return undefined;
  const made = templateOf(turn, rollout.policy, ref, releaseOf(rollout, group, name), inputs);
  return made?.name === name ? made : undefined;
}
