import { exactlyOne, list, object, oneOf, optional, type Rule, text } from "../checker.ts";
import { absolute, duration } from "../fields.ts";
import type { ManifestDrift, ManifestLogs, ManifestVault, Ready } from "../manifest.ts";
import { unitName } from "./units.ts";

const readyFields = object({
  http: optional(text(/^http:\/\/\S/, "not-a-url", "A URL that starts with http:// is needed.")),
  tcp: optional(text(/:[^:]+$/, "not-an-address", "HOST:PORT is needed.")),
  command: optional(list(text())),
  within: optional(duration),
});

export const ready: Rule<Ready> = (check, at, value) => {
  const fields = readyFields(check, at, value);
  if (!fields || !exactlyOne(check, at, value, ["http", "tcp", "command"])) return undefined;
  const { http, tcp, command, within = 60_000 } = fields;
  if (command && !command[0]?.startsWith("/"))
    return check.fail(
      `${at}.command`,
      "not-a-command",
      "A command is a list that starts with a program's absolute path.",
    );
  const target = http !== undefined ? { http } : tcp !== undefined ? { tcp } : command && { command };
  return target && { target, withinMs: within };
};

const driftFields = object({
  every: duration,
  paths: list(absolute),
  do: optional(oneOf(["report", "stop"] as const)),
});

export const drift: Rule<ManifestDrift> = (check, at, value) => {
  const { every, paths = [], do: action = "report" } = driftFields(check, at, value) ?? {};
  return every === undefined ? undefined : { everyMs: every, paths, action };
};

const logsFields = object({ unit: unitName, paths: list(absolute) });

export const logs: Rule<ManifestLogs> = (check, at, value) => {
  const { unit, paths = [] } = logsFields(check, at, value) ?? {};
  return unit === undefined ? undefined : { at, unit, paths };
};

const vaultWord = text(/^[\w./-]+$/, "not-a-name", "Letters, digits, - and . are taken.");
const vaultFields = object({
  address: text(
    /^(https:\/\/[a-z0-9.-]+|https:\/\/\[[0-9a-f:]+\]|http:\/\/(127(\.\d{1,3}){3}|localhost|\[::1\]))(:\d{1,5})?$/,
    "not-an-address",
    "https://HOST[:PORT] is needed (http only to this machine itself).",
  ),
  role: vaultWord,
  auth: optional(vaultWord),
  namespace: optional(vaultWord),
  ca: optional(absolute),
});

export const vault: Rule<ManifestVault> = (check, at, value) => {
  const { address, role, auth = "gcp", namespace, ca } = vaultFields(check, at, value) ?? {};
  return address === undefined || role === undefined ? undefined : { at, address, role, auth, namespace, ca };
};
