import type { Deadline } from "../edge/deadline.ts";
import type { Google } from "../edge/google.ts";
import type { Answer } from "../edge/http.ts";
import { Passing } from "../edge/retry.ts";
import type { Instance } from "../identify/instance.ts";
import { Failure } from "../outcome.ts";
import { readReference } from "../plan/reference.ts";
import { crc32c } from "./crc32c.ts";
import { explainForbidden, secretScopes } from "./refusal.ts";

/** Regional secrets live on hosts of their own; asked elsewhere they do not exist. */
export function secretHost(version: string): string {
  const reference = readReference(version);
  const location = reference?.kind === "google" ? reference.location : undefined;
  return location ? `secretmanager.${location}.rep.googleapis.com` : "secretmanager.googleapis.com";
}

/** A wrong checksum comes from the wire, or stays: as often is enough to tell. */
const corruptTries = 3;
/** A payload has at most 64 KiB, here in base64 with a frame around it. */
const answerLimit = 256 * 1024;

/** Reads one version (its payload stays in memory). https://cloud.google.com/secret-manager/docs/access-secret-version */
export function fetchSecret(google: Google, instance: Instance, version: string, deadline: Deadline): Promise<Buffer> {
  let corrupt = 0;
  const about = {
    what: `secret ${version}`,
    lost: "secret-unreachable",
    refused: "secret-refused",
    host: secretHost(version),
  } as const;
  return google.call(
    "secretmanager",
    { path: `/v1/${version}:access`, limit: answerLimit },
    about,
    deadline,
    (answer) => {
      if (answer.status !== 200) throw refusal(answer, instance, version);
      const payload = readPayload(answer.body, version);
      if (typeof payload !== "string") return payload;
      if (++corrupt < corruptTries) throw new Passing(payload);
      throw new Failure("secret-corrupt", `${version}: ${payload}, ${corrupt} times`);
    },
  );
}

function refusal(answer: Answer, instance: Instance, version: string): Failure {
  const { status, body } = answer;
  if (status === 403) {
    const wanted = { resource: version, role: "roles/secretmanager.secretAccessor", scopes: secretScopes };
    return new Failure("secret-refused", `Secret Manager refuses: ${explainForbidden(body, instance, wanted)}`);
  }
  if (status === 404) return new Failure("secret-missing", `${version} does not exist`);
  if (status === 400 && body.includes("FAILED_PRECONDITION")) {
    const state = /DISABLED|DESTROYED/.exec(body.toString())?.[0].toLowerCase() ?? "not enabled";
    const hint = state === "disabled" ? " (as one is that waits for its delayed destruction)" : "";
    return new Failure("secret-unusable", `${version} is ${state}${hint}`);
  }
  return new Failure("secret-refused", `Secret Manager answers ${version} with status ${status}`);
}

/** The payload, or what is wrong with it. Versions of before July 2021 may have no checksum: missing is not wrong. */
function readPayload(body: Buffer, version: string): Buffer | string {
  let answer: { name?: unknown; payload?: { data?: unknown; dataCrc32c?: unknown } };
  try {
    answer = JSON.parse(body.toString()) ?? {};
  } catch {
    return "the answer is not JSON";
  }
  // The project comes back as its number, the rest as asked.
  const tail = (name: string) => name.replace(/^projects\/[^/]+/, "");
  if (typeof answer.name !== "string" || tail(answer.name) !== tail(version))
    return "the answer is about another version";
  const data = answer.payload?.data ?? "";
  if (typeof data !== "string") return "the payload is not a text";
  const bytes = Buffer.from(data, "base64");
  const sum = answer.payload?.dataCrc32c;
  return sum === undefined || String(sum) === String(crc32c(bytes)) ? bytes : "the payload does not have its checksum";
}
