import { readPolicy } from "../core/fleetfile/read.ts";
import { instant } from "../core/instants.ts";
import type { Command } from "../core/observation.ts";
import type { Cloud } from "./cloud.ts";
import { isObject } from "./problems.ts";
import { paths } from "./records.ts";

const RELEASE = /^([0-9a-f]{12}|[0-9a-f]{64})$/;
/** An instant without its offset would be of whose clock? */
const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/** Commands nobody applied yet, oldest first. An object that is no command is one too: it is refused, with its reason. */
export async function readCommands(cloud: Cloud, fleet: string): Promise<Command[]> {
  const names = await cloud.state.names(paths.commands(fleet));
  const commands = await Promise.all(
    names.sort().map(async (name): Promise<Command[]> => {
      const stored = await cloud.state.read(name);
      return stored ? [parseCommand(name, stored.text, stored.created, fleet)] : [];
    }),
  );
  return commands.flat();
}

/** `apply` carries the fleet file as it was written: what the machine believes is what it has checked itself. */
export function parseCommand(name: string, text: string, created: string, fleet: string): Command {
  const invalid = (why: string): Command => ({
    name,
    by: "unknown",
    at: created,
    kind: "invalid",
    text: `command ${name} is refused: ${why}`,
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return invalid("it is not JSON");
  }
  if (!isObject(value)) return invalid("it is not a JSON object");
  const common = { name, by: typeof value.by === "string" ? value.by : "unknown", at: created };
  const { kind } = value;
  const reason = typeof value.reason === "string" && value.reason ? value.reason : "no reason was given";
  switch (kind) {
    case "apply": {
      const read = readPolicy(value.policy);
      if ("findings" in read)
        return invalid(
          `its fleet file is not valid: ${read.findings.map(({ path, message }) => `${path}: ${message}`).join("; ")}`,
        );
      if (read.policy.fleet !== fleet) return invalid(`its fleet file is for ${read.policy.fleet}`);
      return { ...common, kind, policy: read.policy };
    }
    case "rollback":
    case "start":
    case "resume":
    case "unhold":
    case "release":
      return { ...common, kind };
    case "stop":
    case "pause":
    case "abort":
      return { ...common, kind, reason };
    case "hold": {
      if (value.until === undefined) return { ...common, kind, reason };
      const until = typeof value.until === "string" && RFC3339.test(value.until) ? Date.parse(value.until) : Number.NaN;
      if (Number.isNaN(until)) return invalid(`its "until" is no instant such as 2026-11-20T12:00:00Z`);
      if (until <= Date.parse(created)) return invalid(`its "until" (${value.until}) had passed when it was given`);
      return { ...common, kind, reason, until: instant(until) };
    }
    case "lift":
      return typeof value.key === "string" && value.key !== ""
        ? { ...common, kind, key: value.key }
        : invalid("it names no quarantine");
    case "approve":
    case "begin": {
      const { release, urgent = false } = value;
      if (release !== undefined && (typeof release !== "string" || !RELEASE.test(release)))
        return invalid(`its "release" is no release: 12 hex digits, or all 64`);
      if (typeof urgent !== "boolean") return invalid(`its "urgent" is neither true nor false`);
      const named = typeof release === "string" ? { release } : {};
      return kind === "approve" ? { ...common, kind, ...named } : { ...common, kind, urgent, ...named };
    }
    default:
      return invalid("its kind is unknown");
  }
}
