import { ApiError, RPC_CODES, type RpcStatus } from "../errors.ts";

/** What a rule is about; what is left out matches everything. */
export interface FaultMatch {
  /** First word of method ids, e.g. `storage`. */
  service?: string;
  /** `storage.objects.insert`, or `storage.objects.*`. Deliveries: `pubsub.deliver`, `pubsub.push`, `logging.export`. */
  method?: string;
  /** Regular expression that is found in the resource's name, e.g. `buckets/state/.*lock`. */
  resource?: string;
  principal?: string;
}

/** What happens instead of, or beside, what was asked for. Exactly one of these. */
export interface FaultAction {
  /** The call is answered with this error. `retryAfter` is in seconds. */
  fail?: { status: number; rpc?: RpcStatus; reason?: string; message?: string; retryAfter?: number };
  /** It takes this many milliseconds longer, of the emulator's clock. */
  delay?: number;
  /** The connection is reset instead of an answer. */
  reset?: true;
  /** No answer ever comes; a delivery is lost. */
  drop?: true;
  /** A message is delivered again after it was acknowledged, or exported twice. */
  duplicate?: true;
  /** A message is overtaken by the next one. */
  reorder?: true;
  /** No room for another machine in this zone. */
  stockOut?: string;
  /** `requests`: the call is one too many. Else a resource metric, e.g. `CPUS`, of which no machine gets any more. */
  quota?: string;
}

export type ActionKind = keyof FaultAction;

export interface FaultRule {
  match: FaultMatch;
  do: FaultAction;
  /** `after`: what was asked for is done, and only its answer suffers. */
  when: "before" | "after";
  /** At most this often. */
  times?: number;
  /** Every nth time that it matches. */
  every?: number;
  /** With this probability, by the emulator's seed. */
  probability?: number;
}

/** Where a rule takes hold: at a call of the API, at a message on its way, or where a machine is made. */
export type Place = "call" | "delivery" | "machine";

const ACTIONS: Record<ActionKind, (value: unknown) => boolean> = {
  fail: isFailure,
  delay: (value) => typeof value === "number" && value >= 0,
  reset: (value) => value === true,
  drop: (value) => value === true,
  duplicate: (value) => value === true,
  reorder: (value) => value === true,
  stockOut: isText,
  quota: isText,
};

/** Messages on their way. A push is a call of the emulator's own: its answer can be lost like any other. */
const DELIVERIES = ["pubsub.deliver", "logging.export"];
const ON_DELIVERIES: ActionKind[] = ["delay", "drop", "duplicate", "reorder"];

export function placesOf({ match, do: action }: Pick<FaultRule, "match" | "do">): Place[] {
  const kind = kindOf(action);
  if (kind === "stockOut" || (kind === "quota" && action.quota !== "requests")) return ["machine"];
  if (kind === "duplicate" || kind === "reorder") return ["delivery"];
  const named = match.method !== undefined && DELIVERIES.includes(match.method);
  return named ? ["delivery"] : ["call"];
}

export function kindOf(action: FaultAction): ActionKind {
  const [kind] = Object.keys(action) as ActionKind[];
  if (kind === undefined) throw new Error("unreachable: a rule has one action");
  return kind;
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isFailure(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { status, rpc, reason, message, retryAfter, ...rest } = value;
  return (
    Object.keys(rest).length === 0 &&
    Number.isInteger(status) &&
    Number(status) >= 400 &&
    Number(status) <= 599 &&
    (rpc === undefined || Object.hasOwn(RPC_CODES, String(rpc))) &&
    [reason, message].every((text) => text === undefined || isText(text)) &&
    (retryAfter === undefined || (typeof retryAfter === "number" && retryAfter >= 0))
  );
}

function bad(message: string): ApiError {
  return new ApiError(400, message);
}

/** Reads a rule as `POST /emulator/faults` takes it. Throws a 400 that says what is wrong with it. */
export function readRule(body: unknown): FaultRule {
  if (!isObject(body)) throw bad("a fault is an object: {match, do, when, times, every, probability}");
  const { match = {}, do: action, when = "before", times, every, probability, ...rest } = body;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw bad(`a fault has no field "${unknown}"`);
  if (when !== "before" && when !== "after") throw bad(`when is "before" or "after", not ${JSON.stringify(when)}`);
  for (const [name, value] of Object.entries({ times, every }))
    if (value !== undefined && !(Number.isInteger(value) && Number(value) >= 1))
      throw bad(`${name} is a whole number of at least 1, not ${JSON.stringify(value)}`);
  if (probability !== undefined && !(typeof probability === "number" && probability > 0 && probability <= 1))
    throw bad(`probability is above 0 and at most 1, not ${JSON.stringify(probability)}`);
  if (every !== undefined && probability !== undefined) throw bad("every and probability exclude each other");
  const rule: FaultRule = {
    match: readMatch(match),
    do: readAction(action),
    when,
    ...(times !== undefined && { times: Number(times) }),
    ...(every !== undefined && { every: Number(every) }),
    ...(typeof probability === "number" && { probability }),
  };
  checkPlace(rule);
  return rule;
}

function readMatch(match: unknown): FaultMatch {
  if (!isObject(match)) throw bad("match is an object: {service, method, resource, principal}");
  for (const [name, value] of Object.entries(match)) {
    if (!["service", "method", "resource", "principal"].includes(name)) throw bad(`match has no field "${name}"`);
    if (!isText(value)) throw bad(`match.${name} is a text, not ${JSON.stringify(value)}`);
  }
  const { resource } = match as FaultMatch;
  try {
    if (resource !== undefined) new RegExp(resource);
  } catch {
    throw bad(`match.resource is not a regular expression: ${resource}`);
  }
  return match as FaultMatch;
}

function readAction(action: unknown): FaultAction {
  const kinds = Object.keys(ACTIONS);
  const given = isObject(action) ? Object.entries(action) : [];
  const [entry] = given;
  if (given.length !== 1 || !entry) throw bad(`do has exactly one of ${kinds.join(", ")}`);
  const [kind, value] = entry;
  if (!kinds.includes(kind)) throw bad(`do has no "${kind}"; it has exactly one of ${kinds.join(", ")}`);
  if (!ACTIONS[kind as ActionKind](value)) throw bad(`do.${kind} cannot be ${JSON.stringify(value)}`);
  return action as FaultAction;
}

function checkPlace(rule: FaultRule): void {
  const { match, when } = rule;
  const kind = kindOf(rule.do);
  const [place] = placesOf(rule);
  if (place === "call" && Object.keys(match).length === 0)
    throw bad("a rule that matches every call would stop everything; name a service, method, resource or principal");
  if (place !== "call" && when === "after") throw bad(`${kind} happens before, never after`);
  if (place !== "delivery") return;
  if (match.method !== undefined && !DELIVERIES.includes(match.method))
    throw bad(`${kind} is for messages on their way: match.method is one of ${DELIVERIES.join(", ")}`);
  if (!ON_DELIVERIES.includes(kind)) throw bad(`${match.method} knows ${ON_DELIVERIES.join(", ")}, not ${kind}`);
}
