import type { FaultAction } from "../../emulator/frame/faults/rule.ts";
import { type Command, type Flag, type Given, usage } from "../args.ts";
import { JSON_FLAG } from "../cloud.ts";
import { DOOR_FLAGS, type Fault, openDoor } from "../emulator/door.ts";
import { about, doing, howOften } from "../emulator/words.ts";
import { EXIT } from "../failure.ts";

const ACTIONS = {
  fail: { value: "STATUS", help: "answer with this HTTP status, over gRPC with the code that stands for it" },
  delay: { value: "MS", help: "take so many milliseconds longer" },
  reset: { help: "reset the connection" },
  drop: { help: "never answer; a message is lost" },
  duplicate: { help: "deliver a message again after it was acknowledged" },
  reorder: { help: "let a message be overtaken by the next" },
  "stock-out": { value: "ZONE", help: "no room in the zone for another machine" },
  quota: { value: "METRIC", help: '"requests" refuses calls; CPUS and the like refuse machines' },
} satisfies Record<string, Flag>;

const FLAGS = {
  ...ACTIONS,
  after: { help: "do what was asked, and only then fail: an answer that was lost" },
  service: { value: "S", help: "every method of this service, e.g. storage" },
  resource: { value: "REGEXP", help: "only what has this in its name" },
  principal: { value: "EMAIL", help: "only calls of this account" },
  times: { value: "N", help: "so often and no more" },
  every: { value: "N", help: "every nth time" },
  probability: { value: "P", help: "with this probability, by the emulator's seed" },
  reason: { value: "WORD", help: "with --fail: the error's reason, e.g. rateLimitExceeded" },
  message: { value: "TEXT", help: "with --fail: its sentence" },
  "retry-after": { value: "SECONDS", help: "with --fail: when to try again" },
  ...DOOR_FLAGS,
  ...JSON_FLAG,
} satisfies Record<string, Flag>;

export const command: Command = {
  name: "emulator fault add",
  summary: "make calls, messages or machines of a running emulator fail on purpose",
  words: [{ name: "METHOD", optional: true }],
  flags: FLAGS,
  details: `METHOD is a method's id as docs/emulator-coverage.md has it, with * at its end for all that begin so. Messages on
their way are pubsub.deliver, pubsub.push (the call to a subscriber) and logging.export (a sink). Faults hold for REST and gRPC,
are counted, and stay until they are removed or the emulator is reset.`,
  examples: [
    "moult emulator fault add storage.objects.insert --fail 503 --times 2",
    "moult emulator fault add compute.instanceGroupManagers.patch --fail 503 --after --times 1",
    "moult emulator fault add pubsub.deliver --duplicate --every 3",
    "moult emulator fault add --stock-out us-central1-a --times 5",
  ],
  run: async (given, { out, env }) => {
    const method = given.words[0];
    const [service, resource, principal] = ["service", "resource", "principal"].map((flag) => given.text(flag));
    const [times, every, probability] = ["times", "every", "probability"].map((flag) => numberOf(given, flag));
    const rule = {
      match: {
        ...(method !== undefined && { method }),
        ...(service !== undefined && { service }),
        ...(resource !== undefined && { resource }),
        ...(principal !== undefined && { principal }),
      },
      do: actionOf(given),
      when: given.has("after") ? "after" : "before",
      ...(times !== undefined && { times }),
      ...(every !== undefined && { every }),
      ...(probability !== undefined && { probability }),
    };
    const fault = (await (await openDoor(given, env).call("POST", "/faults", rule)).json()) as Fault;
    if (given.has("json")) out.write(`${JSON.stringify(fault)}\n`);
    else out.write(`${out.paint("bold", fault.id)}  ${about(fault)}: ${doing(fault)}, ${howOften(fault)}\n`);
    return EXIT.ok;
  },
};

function numberOf(given: Given, flag: string): number | undefined {
  const text = given.text(flag);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d*\.?\d+$/.test(text)) throw usage(`--${flag} must be a number, not "${text}"`);
  return value;
}

function actionOf(given: Given): FaultAction {
  const kinds = Object.keys(ACTIONS).filter((flag) => given.has(flag));
  const [kind] = kinds;
  const all = Object.keys(ACTIONS).map((flag) => `--${flag}`);
  if (kind === undefined || kinds.length > 1) throw usage(`a fault does exactly one of ${all.join(", ")}`);
  const [reason, message, retryAfter] = [given.text("reason"), given.text("message"), numberOf(given, "retry-after")];
  if (kind !== "fail" && [reason, message, retryAfter].some((detail) => detail !== undefined))
    throw usage("--reason, --message and --retry-after describe an error: they go with --fail");
  if (kind === "fail")
    return {
      fail: {
        status: numberOf(given, "fail") ?? 503,
        ...(reason !== undefined && { reason }),
        ...(message !== undefined && { message }),
        ...(retryAfter !== undefined && { retryAfter }),
      },
    };
  if (kind === "delay") return { delay: numberOf(given, "delay") ?? 0 };
  if (kind === "stock-out") return { stockOut: given.text("stock-out") ?? "" };
  if (kind === "quota") return { quota: given.text("quota") ?? "" };
  return { [kind]: true };
}
