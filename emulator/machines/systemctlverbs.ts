import type { Init } from "./init.ts";
import type { Told } from "./systemctl.ts";

/** The verbs that the agent and an application's own hooks use; others are refused by name. */
export async function answerSystemctl(init: Init, words: string[]): Promise<Told> {
  const [verb = "", ...rest] = words.filter((word) => !["--no-block", "--quiet", "-q"].includes(word));
  if (verb === "daemon-reload") {
    init.reload();
    return { status: 0 };
  }
  if (verb === "show") return show(init, rest);
  const unknown = rest.filter((name) => init.stateOf(name).load === "not-found");
  if (verb === "is-active") {
    const states = rest.map((name) => init.stateOf(name).active);
    return { status: states.some((state) => state === "active") ? 0 : 3, out: states };
  }
  if (verb !== "start" && verb !== "stop" && verb !== "restart")
    return { status: 1, err: [`systemctl ${verb} is not in this emulator`] };
  if (unknown.length > 0)
    return { status: 5, err: unknown.map((name) => `Failed to ${verb} ${name}: Unit ${name} not found.`) };
  const work = Promise.all(rest.map((name) => run(init, verb, name)));
  if (words.includes("--no-block")) return { status: 0 };
  const results = await work;
  const err = rest.filter((_, i) => !results[i]).map((name) => `Job for ${name} failed.`);
  return { status: err.length > 0 ? 1 : 0, err };
}

async function run(init: Init, verb: string, name: string): Promise<boolean> {
  if (verb !== "start") await init.stopUnit(name);
  return verb === "stop" || init.start(name);
}

/** `show -p A,B UNIT…`: blocks of `Key=value`, an empty line between them. */
function show(init: Init, words: string[]): Told {
  const flag = words.indexOf("-p");
  const wanted = (words[flag + 1] ?? "").split(",");
  const names = words.filter((_, i) => i !== flag && i !== flag + 1);
  const out = names.flatMap((name, i) => {
    const { load, active, result } = init.stateOf(name);
    const all = Object.entries({ Id: name, LoadState: load, ActiveState: active, Result: result });
    const lines = all.filter(([key]) => wanted.includes(key)).map(([key, value]) => `${key}=${value}`);
    return i === 0 ? lines : ["", ...lines];
  });
  return { status: 0, out };
}
