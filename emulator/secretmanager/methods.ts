import { sameBytes } from "../frame/bytes.ts";
import { crc32c } from "../frame/crc32c.ts";
import { ApiError } from "../frame/errors.ts";
import type { World } from "../frame/world.ts";
import { parseFilter } from "./filter.ts";
import { isObject, type Json, type Secret, type Version } from "./model.ts";
import { type Name, parseName, requireSecretId } from "./names.ts";
import { invalid, permit } from "./problems.ts";
import { secretName, secretResource, versionName, versionResource } from "./resources.ts";
import { checkFields } from "./settings.ts";
import type { Secrets } from "./store.ts";

/** One method of SecretManagerService: a request in REST's JSON, whoever carried it, to an answer in the same. */
export type Method = (request: Json, headers: Record<string, string>) => Json;

const MOST_PAYLOAD_BYTES = 65_536;
const MOST_A_PAGE = 25_000;

/** One page; the token is the place to go on from. */
function page<T>(all: T[], request: Json): { items: T[]; nextPageToken?: string } {
  const size = Number(request.pageSize ?? 0);
  if (!Number.isInteger(size) || size < 0) throw invalid("Field [page_size] must not be negative.");
  const token = String(request.pageToken ?? "");
  const from = token === "" ? 0 : Number(Buffer.from(token, "base64url").toString("utf8"));
  if (!Number.isInteger(from) || from < 0) throw invalid("Invalid page token.");
  const to = from + Math.min(size === 0 ? MOST_A_PAGE : size, MOST_A_PAGE);
  const more = to < all.length ? { nextPageToken: Buffer.from(String(to)).toString("base64url") } : {};
  return { items: all.slice(from, to), ...more };
}

/** Values of a resource's fields for a filter; `labels.x` reaches into maps. Names match by id as well as whole. */
function lookInto(resource: Json, known: ReadonlySet<string>) {
  return (field: string): string[] | undefined => {
    const [first = "", ...rest] = field.split(".");
    if (!known.has(first)) return undefined;
    let value: unknown = resource[first];
    if (rest.length > 0) {
      const inside = rest.join(".");
      if (Array.isArray(value)) value = value.map((one) => (isObject(one) ? one[inside] : undefined));
      else value = isObject(value) ? value[inside] : undefined;
    }
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return [];
    if (first === "name") return [String(value), String(value).split("/").at(-1) ?? ""];
    if (Array.isArray(value)) return value.map((one) => String(isObject(one) ? one.name : one));
    return isObject(value) ? Object.keys(value) : [String(value)];
  };
}

const SECRET_FIELDS = new Set(
  (
    "name createTime labels annotations topics replication rotation expireTime etag versionAliases versionDestroyTtl " +
    "secretType"
  ).split(" "),
);
const VERSION_FIELDS = new Set("name createTime destroyTime state etag scheduledDestroyTime".split(" "));

function payloadOf(request: Json): { bytes: Buffer; hadChecksum: boolean } {
  const { payload } = request;
  if (!isObject(payload)) throw invalid("Field [payload] is required.");
  const text = payload.data ?? "";
  if (typeof text !== "string" || !/^[\w+/-]*={0,2}$/.test(text)) {
    throw invalid("Invalid value at 'payload.data' (TYPE_BYTES), Base64 decoding failed.");
  }
  const bytes = Buffer.from(text, "base64");
  if (bytes.length === 0) throw invalid("Secret Payload cannot be empty.");
  if (bytes.length > MOST_PAYLOAD_BYTES) {
    throw invalid(
      `The payload is ${bytes.length} bytes long, which exceeds the maximum of ${MOST_PAYLOAD_BYTES} bytes.`,
    );
  }
  const { dataCrc32c } = payload;
  if (dataCrc32c === undefined || dataCrc32c === null) return { bytes, hadChecksum: false };
  if (String(dataCrc32c) !== String(crc32c(bytes))) {
    throw invalid("The CRC32C checksum of the received payload does not match the checksum in the request.");
  }
  return { bytes, hadChecksum: true };
}

/** All methods by their RPC name. */
export function createMethods(world: World, secrets: Secrets): Record<string, Method> {
  const asked = (
    request: Json,
    headers: Record<string, string>,
    kind: "parent" | "secret" | "version",
    field: string,
    permission: string,
  ): Name => {
    const name = parseName(world, request[field], kind, field);
    permit(world, headers, `secretmanager.${permission}`, name.text);
    return name;
  };
  const showSecret = (secret: Secret) => secretResource(world, secret);
  const showVersion = ({ secret, version }: { secret: Secret; version: Version }) =>
    versionResource(world, secret, version);
  const maskOf = (mask: unknown): string[] =>
    (Array.isArray(mask) ? mask.map(String) : String(mask ?? "").split(",")).filter((path) => path !== "");
  const policyEtag = ({ policy }: Secret): string => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(policy.revision));
    return policy.revision === 0 ? "ACAB" : bytes.toString("base64");
  };
  const showPolicy = (secret: Secret): Json => ({
    version: secret.policy.version,
    etag: policyEtag(secret),
    ...(secret.policy.bindings.length > 0 && { bindings: secret.policy.bindings }),
  });
  const setState =
    (state: Version["state"], permission: string): Method =>
    (request, headers) =>
      showVersion(secrets.setState(asked(request, headers, "version", "name", permission), state, request.etag));

  return {
    ListSecrets: (request, headers) => {
      const parent = asked(request, headers, "parent", "parent", "secrets.list");
      const test = request.filter ? parseFilter(String(request.filter)) : undefined;
      const shown = secrets.list(parent).map(showSecret);
      const found = test ? shown.filter((one) => test(lookInto(one, SECRET_FIELDS))) : shown;
      const { items, nextPageToken } = page(found, request);
      return {
        ...(items.length > 0 && { secrets: items }),
        ...(nextPageToken !== undefined && { nextPageToken }),
        ...(!test && shown.length > 0 && { totalSize: shown.length }),
      };
    },
    CreateSecret: (request, headers) => {
      const parent = asked(request, headers, "parent", "parent", "secrets.create");
      const id = requireSecretId(request.secretId);
      const body = isObject(request.secret) ? request.secret : {};
      checkFields(world, body);
      return showSecret(secrets.create(parent, id, body));
    },
    GetSecret: (request, headers) => showSecret(secrets.get(asked(request, headers, "secret", "name", "secrets.get"))),
    UpdateSecret: (request, headers) => {
      const body = isObject(request.secret) ? request.secret : {};
      const name = asked({ "secret.name": body.name }, headers, "secret", "secret.name", "secrets.update");
      checkFields(world, body);
      return showSecret(secrets.update(name, body, maskOf(request.updateMask)));
    },
    DeleteSecret: (request, headers) => {
      secrets.delete(asked(request, headers, "secret", "name", "secrets.delete"), request.etag);
      return {};
    },
    AddSecretVersion: (request, headers) => {
      const name = asked(request, headers, "secret", "parent", "versions.add");
      const { bytes, hadChecksum } = payloadOf(request);
      return showVersion(secrets.addVersion(name, bytes, hadChecksum));
    },
    ListSecretVersions: (request, headers) => {
      const secret = secrets.get(asked(request, headers, "secret", "parent", "versions.list"));
      const test = request.filter ? parseFilter(String(request.filter)) : undefined;
      const shown = secret.versions.map((version) => showVersion({ secret, version })).reverse();
      const found = test ? shown.filter((one) => test(lookInto(one, VERSION_FIELDS))) : shown;
      const { items, nextPageToken } = page(found, request);
      return {
        ...(items.length > 0 && { versions: items }),
        ...(nextPageToken !== undefined && { nextPageToken }),
        ...(!test && shown.length > 0 && { totalSize: shown.length }),
      };
    },
    GetSecretVersion: (request, headers) =>
      showVersion(secrets.version(asked(request, headers, "version", "name", "versions.get"), true)),
    AccessSecretVersion: (request, headers) => {
      const name = asked(request, headers, "version", "name", "versions.access");
      const { secret, version, payload } = secrets.access(name);
      return {
        name: versionName(world, secret, version),
        payload: { data: payload.toString("base64"), dataCrc32c: String(crc32c(payload)) },
      };
    },
    EnableSecretVersion: setState("ENABLED", "versions.enable"),
    DisableSecretVersion: setState("DISABLED", "versions.disable"),
    DestroySecretVersion: setState("DESTROYED", "versions.destroy"),
    GetIamPolicy: (request, headers) =>
      showPolicy(secrets.get(asked(request, headers, "secret", "resource", "secrets.getIamPolicy"))),
    SetIamPolicy: (request, headers) => {
      const name = asked(request, headers, "secret", "resource", "secrets.setIamPolicy");
      const secret = secrets.get(name);
      const { policy } = request;
      if (!isObject(policy)) throw invalid("Field [policy] is required.");
      if (policy.etag && !sameBytes(String(policy.etag), policyEtag(secret))) {
        throw new ApiError(
          409,
          "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.",
          { status: "ABORTED" },
        );
      }
      secrets.setPolicy(name, {
        bindings: Array.isArray(policy.bindings) ? policy.bindings : [],
        version: typeof policy.version === "number" && policy.version > 0 ? policy.version : 1,
        revision: secret.policy.revision + 1,
      });
      return showPolicy(secrets.get(name));
    },
    TestIamPermissions: (request, headers) => {
      const secret = secrets.get(parseName(world, request.resource, "secret", "resource"));
      const principal = world.doors.principal(headers);
      const resource = secretName({ ...world, projectNumber: world.project }, secret);
      const permissions = (Array.isArray(request.permissions) ? request.permissions : [])
        .map(String)
        .filter((permission) => world.doors.allowed(principal, permission, resource));
      return permissions.length > 0 ? { permissions } : {};
    },
  };
}
