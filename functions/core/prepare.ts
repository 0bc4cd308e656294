import { waveGroups } from "./assess.ts";
import { end } from "./ending.ts";
import { releaseInputs } from "./inputs.ts";
import { askForTemplates } from "./mint.ts";
import { isProblem } from "./observation.ts";
import type { Policy } from "./policy.ts";
import { counted } from "./reasons.ts";
import { short } from "./release.ts";
import { beginStep } from "./roll.ts";
import type { Rollout } from "./rolloutrecord.ts";
import { remember, say, type Turn } from "./turn.ts";

/** Until the templates are there and hold what their names say, nothing of the fleet is touched. */
export function prepare(turn: Turn, rollout: Rollout, policy: Policy): void {
  const states = Object.values(rollout.groups).map(({ template }) => ({
    template,
    state: turn.observation.templates[template],
  }));
  // The rollout began in this very look, which has not looked for them.
  if (states.some(({ state }) => state === undefined)) {
    say(turn, "preparing", "the templates are looked at next");
    return;
  }
  const different = states.find(({ state }) => state === "different");
  if (different) {
    // Not an end: the same inputs would begin the same rollout again at once.
    const text = `the template ${different.template} exists and holds something else than its name says; delete it, and it is made anew`;
    say(turn, "external-change", text);
    return;
  }
  const absent = states.filter(({ state }) => state === "absent");
  if (absent.length > 0 && rollout.kind === "rollback") {
    const names = absent.map(({ template }) => template).join(", ");
    const why = say(turn, "base-missing", `${names} is gone: this release can no longer be gone back to`);
    // The next rollback goes to the one before it.
    turn.record.previous = turn.record.previous.filter(({ release }) => release.digest !== rollout.to.digest);
    end(turn, rollout, "cancelled", why);
    return;
  }
  if (absent.length > 0) {
    const { inputs } = turn.observation;
    if (inputs) {
      const read = releaseInputs(turn, policy, inputs);
      if ("missing" in read) turn.reasons.push(...read.missing);
      askForTemplates(turn, policy, rollout.id, rollout.to, inputs);
    }
    say(turn, "preparing", `templates are being made: ${absent.map(({ template }) => template).join(", ")}`);
    return;
  }
  noteBrokenStable(turn, rollout, policy);
  beginStep(turn, rollout, policy);
}

/**
 * A release that is to mend a fleet must not wait until the fleet is well: nothing ever asks the old machines to be healthy.
 * What changes is that it begins with a canary whatever the fleet file says, and that putting back does not wait for machines
 * that were not well before.
 */
function noteBrokenStable(turn: Turn, rollout: Rollout, policy: Policy): void {
  if (rollout.kind === "rollback" || rollout.forwardFix) return;
  let of = 0;
  let unhealthy = 0;
  for (const { key } of waveGroups(rollout, policy)) {
    const view = turn.observation.groups[key];
    if (!view || isProblem(view) || !view.checked) continue;
    of += view.targetSize;
    // One that is just being made says nothing about the release; one that is healed or fails its check does.
    unhealthy += view.machines.filter(
      ({ status, health, action }) => action === "RECREATING" || (status === "RUNNING" && health !== "HEALTHY"),
    ).length;
  }
  if (unhealthy * 2 < of || unhealthy === 0) return;
  rollout.forwardFix = { unhealthy, of };
  const text = `${unhealthy} of ${counted(of, "machine")} of the stable release ${short(rollout.from.release.digest)} are not healthy: ${rollout.id} goes forward all the same, beginning with a canary`;
  remember(turn, "forward-fix", say(turn, "forward-fix", text), rollout.id);
}
