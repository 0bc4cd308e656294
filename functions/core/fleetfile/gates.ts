import { canonical } from "../canonical.ts";
import { guess, type Reader } from "../findings.ts";
import { DEFAULTS, type Gate, type GateRules } from "../policy.ts";
import { NAME, NAME_FORM, REGION, readDuration } from "./forms.ts";
import { readSecret } from "./secrets.ts";

const WORDS = ["reports", "health", "approval"] as const;
const RULES = ["inconclusive", "within"];
const FORM = `reports, health, approval, { backend: NAME }, { metric: PROMQL, below: NUMBER }, { alerts: POLICY } or { webhook: URL, key: { secret: NAME } }`;

/** What kinds of gate are asked outside, and the fields of each. The first one found names the gate. */
const KINDS = {
  backend: ["backend", "region"],
  metric: ["metric", "below", "above"],
  alerts: ["alerts"],
  webhook: ["webhook", "key"],
} as const;

const ALERT_POLICY = /^projects\/[a-z0-9.:-]+\/alertPolicies\/\d+$/;

/** `https://host[:port][/path][?query]`; `http://` only to this machine. No user, no password, no fragment. */
const WEBHOOK =
  /^(?:https:\/\/((?:[A-Za-z0-9-]+\.)*[A-Za-z0-9-]+|\[[0-9A-Fa-f:.]+\])|http:\/\/(localhost|127\.0\.0\.1|\[::1\]))(:\d{1,5})?(\/[^\s?#]*)?(\?[^\s#]*)?$/;

export function readGates(reader: Reader, value: unknown, project: string): Gate[] {
  if (value === undefined) return DEFAULTS.gates;
  if (!Array.isArray(value)) {
    reader.note("gates", "wrong-type", `"gates" must be a list; each is ${FORM}`);
    return [];
  }
  const seen = new Map<string, string>();
  const keys = new Set<string>();
  return value.flatMap((entry: unknown, i): Gate[] => {
    const path = `gates[${i}]`;
    const gate = typeof entry === "string" ? readWord(reader, entry, path) : readAsked(reader, entry, path, project);
    if (!gate) return [];
    const asks = canonical({ ...gate, inconclusive: null, withinMs: null });
    const before = seen.get(asks);
    if (before !== undefined) {
      reader.note(path, "duplicate", `"${path}" asks what ${before} asks already: keep one of them`);
      return [];
    }
    seen.set(asks, path);
    const key = distinct(gate.key, keys);
    keys.add(key);
    return [{ ...gate, key }];
  });
}

/** Two long queries may begin alike. */
function distinct(key: string, taken: ReadonlySet<string>): string {
  let name = key;
  for (let number = 2; taken.has(name); number++) name = `${key} (${number})`;
  return name;
}

function readWord(reader: Reader, entry: string, path: string): Gate | undefined {
  const word = WORDS.find((known) => known === entry);
  if (word) return { key: word, kind: word };
  return reader.note(path, "bad-value", `"${path}" must be ${FORM}${guess(entry, WORDS)}`);
}

function readAsked(reader: Reader, entry: unknown, path: string, project: string): Gate | undefined {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry))
    return reader.note(path, "wrong-type", `"${path}" must be ${FORM}`);
  const kinds = (Object.keys(KINDS) as (keyof typeof KINDS)[]).filter((kind) => Object.hasOwn(entry, kind));
  const [kind, other] = kinds;
  if (!kind) {
    // Unknown fields are named with the one that was meant, and the gate itself is still missing.
    reader.object(entry, path, [...Object.keys(KINDS), ...Object.values(KINDS).flat(), ...RULES]);
    return reader.note(path, "missing-field", `"${path}" asks nothing; it must be ${FORM}`);
  }
  if (other) return reader.note(path, "bad-value", `"${path}" asks ${kind} and ${other}: make two gates of it`);
  const gate = reader.object(entry, path, [...KINDS[kind], ...RULES]);
  if (!gate) return undefined;
  const rules = readRules(reader, gate, path);
  switch (kind) {
    case "backend":
      return readBackend(reader, gate, path, rules);
    case "metric":
      return readMetric(reader, gate, path, rules);
    case "alerts":
      return readAlerts(reader, gate, path, rules);
    case "webhook":
      return readWebhook(reader, gate, path, project, rules);
  }
}

function readRules(reader: Reader, gate: Record<string, unknown>, path: string): GateRules {
  const { inconclusive, withinMs } = DEFAULTS.gateRules;
  return {
    inconclusive:
      gate.inconclusive === undefined
        ? inconclusive
        : (reader.oneOf(gate.inconclusive, `${path}.inconclusive`, ["pause", "rollback", "proceed"]) ?? inconclusive),
    withinMs: readDuration(reader, gate.within, `${path}.within`, withinMs, 1),
  };
}

type Fields = Record<string, unknown>;

function readBackend(reader: Reader, gate: Fields, path: string, rules: GateRules): Gate | undefined {
  const backend = reader.text(gate.backend, `${path}.backend`, NAME, NAME_FORM);
  const region =
    gate.region === undefined
      ? null
      : reader.text(gate.region, `${path}.region`, REGION, "the region of a regional backend service");
  if (backend === undefined || region === undefined) return undefined;
  return {
    key: region === null ? `backend ${backend}` : `backend ${backend} in ${region}`,
    kind: "backend",
    backend,
    region,
    ...rules,
  };
}

function readMetric(reader: Reader, gate: Fields, path: string, rules: GateRules): Gate | undefined {
  const query = reader.text(gate.metric, `${path}.metric`, /\S/, "a PromQL query that has one value");
  const bound = (name: "below" | "above"): number | undefined => {
    const value = gate[name];
    if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
    return reader.note(`${path}.${name}`, "bad-value", `"${path}.${name}" must be a number`);
  };
  const below = bound("below");
  const above = bound("above");
  if (gate.below === undefined && gate.above === undefined)
    return reader.note(
      path,
      "missing-field",
      `"${path}" says no value that is good: add below, above, or both, e.g. below: 0.01`,
    );
  if (below !== undefined && above !== undefined && above >= below)
    return reader.note(
      path,
      "bad-value",
      `"${path}" passes for no value: it must be below ${below} and above ${above}`,
    );
  if (query === undefined) return undefined;
  return {
    key: `metric ${query.trim().replace(/\s+/g, " ").slice(0, 40).trim()}`,
    kind: "metric",
    query,
    ...(below !== undefined && { below }),
    ...(above !== undefined && { above }),
    ...rules,
  };
}

function readAlerts(reader: Reader, gate: Fields, path: string, rules: GateRules): Gate | undefined {
  const policy = reader.text(
    gate.alerts,
    `${path}.alerts`,
    ALERT_POLICY,
    "the full name of an alert policy, projects/PROJECT/alertPolicies/NUMBER",
  );
  if (policy === undefined) return undefined;
  return { key: `alerts ${policy.slice(policy.lastIndexOf("/") + 1)}`, kind: "alerts", policy, ...rules };
}

function readWebhook(reader: Reader, gate: Fields, path: string, project: string, rules: GateRules): Gate | undefined {
  const url = reader.text(
    gate.webhook,
    `${path}.webhook`,
    WEBHOOK,
    "an https address without user or password (http only to localhost), e.g. https://checks.example.com/web",
  );
  const secret =
    gate.key === undefined
      ? reader.note(
          `${path}.key`,
          "missing-field",
          `"${path}.key" is missing: both sides sign with it, or anybody could let a release pass. Write key: { secret: NAME }`,
        )
      : readSecret(reader, gate.key, `${path}.key`, project);
  if (url === undefined || secret === undefined) return undefined;
  // What follows the path may tell something; the key is read by people and stays in the history.
  const place = url.replace(/^https?:\/\//, "").replace(/\?.*$/s, "");
  return { key: `webhook ${place}`, kind: "webhook", url, secret, ...rules };
}
