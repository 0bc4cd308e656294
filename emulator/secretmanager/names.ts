import { byId, type World } from "../frame/world.ts";
import { invalid } from "./problems.ts";

/** The parts of a resource name, with the project's id even where the name had its number. */
export interface Name {
  project: string;
  location?: string;
  secret?: string;
  version?: string;
  /** As asked for, with the project's id: what permissions are asked on. */
  text: string;
}

const PATTERN =
  /^projects\/(?<project>[^/]+)(\/locations\/(?<location>[^/]+))?(\/secrets\/(?<secret>[^/]+)(\/versions\/(?<version>[^/]+))?)?$/;

/** Reads a name of the given kind. Throws 400 for anything else. */
export function parseName(world: World, value: unknown, kind: "parent" | "secret" | "version", field: string): Name {
  if (value === undefined || value === "") throw invalid(`Field [${field}] is required.`);
  // A bare parent has no slash behind the number for `byId` to see.
  const text = byId(world, `${String(value)}/`).slice(0, -1);
  const groups = PATTERN.exec(text)?.groups;
  const is = groups?.version !== undefined ? "version" : groups?.secret !== undefined ? "secret" : "parent";
  if (!groups || is !== kind) throw invalid(`Invalid resource field value in the request: [${field}].`);
  const { project = "", location, secret, version } = groups;
  return {
    project,
    ...(location !== undefined && { location }),
    ...(secret !== undefined && { secret }),
    ...(version !== undefined && { version }),
    text,
  };
}

/** Names in answers carry the project's number. */
export function withNumber(world: World, project: string): string {
  return `projects/${project === world.project ? world.projectNumber : project}`;
}

export function requireSecretId(id: unknown): string {
  if (id === undefined || id === "") throw invalid("Field [secret_id] is required.");
  if (typeof id !== "string" || !/^[A-Za-z0-9_-]{1,255}$/.test(id)) {
    throw invalid(`The provided Secret ID [${String(id)}] does not match the expected format [[a-zA-Z_0-9]+]`);
  }
  return id;
}
