import type { Answer } from "../edge/http.ts";
import { Passing } from "../edge/retry.ts";
import { Failure } from "../outcome.ts";

/** The machine the agent runs on, as its metadata server describes it. */
export interface Instance {
  /** Decimal text: ids exceed 2^53. */
  id: string;
  name: string;
  /** Short, like `us-central1-a`. */
  zone: string;
  region: string;
  hostname: string;
  machineType: string;
  ip: string | undefined;
  externalIp: string | undefined;
  project: string;
  projectNumber: string;
  attributes: Record<string, string>;
  serviceAccount: { email: string; scopes: string[] } | undefined;
}

/**
 * Puts whole numbers of 16 digits and more in quotes, outside of strings, because JSON.parse would round them. Shorter
 * ones are left alone; readers accept both.
 */
export function longNumbersAsText(json: string): string {
  // A string may lack its end: looked for again from every quote within, a torn answer would cost minutes.
  const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;
  return json.replace(tokens, (token) => (/^-?\d{16,}$/.test(token) ? `"${token}"` : token));
}

type Json = { [key: string]: unknown };

export const instancePath = "/computeMetadata/v1/?recursive=true&alt=json";

/** The meaning of the answer for `instancePath`. Throws `Passing` when it is torn. */
export function instanceIn({ status, body }: Answer): Instance {
  if (status !== 200) throw new Failure("metadata-refused", `The metadata server answers with status ${status}`);
  return readInstance(body.toString(), new Passing("the answer is not JSON"));
}

/** @param torn thrown when it is not JSON. */
export function readInstance(
  json: string,
  torn: Error = new Failure("metadata-refused", "The metadata server's answer is not JSON"),
): Instance {
  let all: Json;
  try {
    all = object(JSON.parse(longNumbersAsText(json)));
  } catch {
    throw torn;
  }
  const instance = object(all.instance);
  const project = object(all.project);
  const nic = object(array(instance.networkInterfaces)[0]);
  const access = object(array(nic.accessConfigs)[0]);
  const account = object(object(instance.serviceAccounts).default);
  const hostname = text(instance.hostname) ?? "";
  const zone = lastSegment(text(instance.zone) ?? "");
  const id = text(instance.id) ?? "";
  if (!/^\d+$/.test(id)) throw new Failure("metadata-refused", "The metadata server gives no instance id");
  return {
    id,
    name: text(instance.name) ?? hostname.split(".")[0] ?? "",
    zone,
    region: zone.replace(/-[^-]*$/, ""),
    hostname,
    machineType: lastSegment(text(instance.machineType) ?? ""),
    ip: text(nic.ip) || undefined,
    externalIp: text(access.externalIp) || undefined,
    project: text(project.projectId) ?? "",
    projectNumber: text(project.numericProjectId) ?? "",
    attributes: Object.fromEntries(
      Object.entries(object(instance.attributes)).flatMap(([key, value]) =>
        typeof value === "string" ? [[key, value]] : [],
      ),
    ),
    serviceAccount: text(account.email)
      ? {
          email: text(account.email) ?? "",
          scopes: array(account.scopes).filter((scope) => typeof scope === "string"),
        }
      : undefined,
  };
}

function object(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function array(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined;
}

function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
