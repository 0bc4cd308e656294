import type { Command } from "../core/observation.ts";
import { readPolicy } from "../core/policy.ts";
import type { Cloud } from "./cloud.ts";
import { paths } from "./records.ts";

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
  let value: { kind?: unknown; by?: unknown; policy?: unknown; reason?: unknown; key?: unknown };
  try {
    value = JSON.parse(text);
  } catch {
    return invalid("it is not JSON");
  }
  if (typeof value !== "object" || value === null) return invalid("it is not a JSON object");
  const common = { name, by: typeof value.by === "string" ? value.by : "unknown", at: created };
  switch (value.kind) {
    case "apply": {
      const read = readPolicy(value.policy);
      if ("findings" in read)
        return invalid(
          `its fleet file is not valid: ${read.findings.map(({ path, message }) => `${path}: ${message}`).join("; ")}`,
        );
      if (read.policy.fleet !== fleet) return invalid(`its fleet file is for ${read.policy.fleet}`);
      return { ...common, kind: "apply", policy: read.policy };
    }
    case "rollback":
    case "start":
      return { ...common, kind: value.kind };
    case "stop":
      return {
        ...common,
        kind: "stop",
        reason: typeof value.reason === "string" && value.reason ? value.reason : "no reason was given",
      };
    case "lift":
      return typeof value.key === "string"
        ? { ...common, kind: "lift", key: value.key }
        : invalid("it names no quarantine");
    default:
      return invalid("its kind is unknown");
  }
}
