import type { PushEnvelope } from "../../wire/pubsub.d.ts";
import type { Policy } from "../core/policy.ts";
import type { FleetRecord } from "../core/record.ts";
import { parseSecretName, type SecretName } from "../core/secretname.ts";
import { neededVersions } from "../core/unusable.ts";
import type { Cloud } from "./cloud.ts";
import { Hopeless, readable, ringAll } from "./events.ts";
import { fleetNames } from "./records.ts";
import { refOf } from "./refs.ts";

/** https://cloud.google.com/storage/docs/pubsub-notifications. A versioned bucket archives what it deletes. */
const MOVES = ["OBJECT_FINALIZE", "OBJECT_DELETE", "OBJECT_ARCHIVE"];
const OTHER_OBJECT_EVENTS = ["OBJECT_METADATA_UPDATE"];

/** https://cloud.google.com/secret-manager/docs/event-notifications */
const SECRET_EVENTS = new Set([
  "SECRET_CREATE",
  "SECRET_UPDATE",
  "SECRET_DELETE",
  "SECRET_ROTATE",
  "SECRET_VERSION_ADD",
  "SECRET_VERSION_ENABLE",
  "SECRET_VERSION_DISABLE",
  "SECRET_VERSION_DESTROY",
  "SECRET_VERSION_DESTROY_SCHEDULED",
]);

/** A configuration ref was moved, or is gone: the fleets that follow it look. Everything else of the bucket is no news. */
export async function configChanged(cloud: Cloud, { message }: PushEnvelope): Promise<void> {
  const { bucketId, objectId, eventType } = message.attributes ?? {};
  if (!bucketId || !objectId || !eventType)
    throw new Hopeless("the message is no storage notification: bucketId, objectId or eventType is missing");
  if (bucketId !== cloud.settings.configBucket) return;
  if (!MOVES.includes(eventType)) {
    if (OTHER_OBJECT_EVENTS.includes(eventType)) return;
    throw new Hopeless(`a storage notification of type ${JSON.stringify(eventType)} is not known`);
  }
  const ref = refOf(objectId);
  if (ref === undefined) return;
  const concerned = await fleetsWhere(cloud, (record) => policiesOf(record).some(({ config }) => config?.ref === ref));
  await ringAll(cloud, concerned, ["config"]);
}

/** Something happened to a secret: the fleets that follow it, or whose releases need a version of it, look. */
export async function secretChanged(cloud: Cloud, { message }: PushEnvelope): Promise<void> {
  const { eventType, secretId } = message.attributes ?? {};
  // Sent to try the topic each time a secret's topics are set.
  if (eventType === "TOPIC_CONFIGURED") return;
  if (!eventType || !SECRET_EVENTS.has(eventType))
    throw new Hopeless(`the message is no event of Secret Manager: eventType is ${JSON.stringify(eventType ?? null)}`);
  const changed = parseSecretName(secretId ?? "");
  if (!changed || changed.version !== undefined)
    throw new Hopeless(`the attribute "secretId" is missing or names no secret`);
  const concerned = await fleetsWhere(cloud, (record) =>
    secretsOf(record).some((secret) => isSame(cloud, secret, changed)),
  );
  await ringAll(cloud, concerned, ["secrets"]);
}

/**
 * Events name the project by its number, fleet files by its id. Which is which is known once Secret Manager has answered
 * this process; until then a secret of the same name elsewhere rings too, which costs a look, and not ringing could cost more.
 */
function isSame({ secrets }: Cloud, one: SecretName, changed: SecretName): boolean {
  if (one.secret !== changed.secret || one.location !== changed.location) return false;
  if (one.project === changed.project) return true;
  const isNumber = /^\d+$/.test(changed.project);
  const id = isNumber ? secrets.projectOf(changed.project) : changed.project;
  return id === undefined || one.project === id;
}

function secretsOf(record: FleetRecord): SecretName[] {
  const named = neededVersions(record).flatMap((name) => parseSecretName(name) ?? []);
  return [...policiesOf(record).flatMap(({ secrets }) => Object.values(secrets)), ...named].map(
    ({ project, location, secret }) => ({ project, ...(location !== undefined && { location }), secret }),
  );
}

/** A rollout goes on with the fleet file it began with, and the next one takes the fleet's. */
function policiesOf({ policy, active }: FleetRecord): Policy[] {
  return [...(policy ? [policy] : []), ...(active ? [active.policy] : [])];
}

async function fleetsWhere(cloud: Cloud, concerns: (record: FleetRecord) => boolean): Promise<string[]> {
  const concerned: string[] = [];
  for (const fleet of await fleetNames(cloud.state)) {
    const record = await readable(cloud, fleet);
    if (record && concerns(record)) concerned.push(fleet);
  }
  return concerned;
}
