import type { Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { Method } from "./methods.ts";
import { isObject, type Json } from "./model.ts";

/** A method's place in REST: its verb, path below the parent, the field its name fills, and the field its body fills. */
interface Binding {
  rpc: string;
  id: string;
  method: Route["method"];
  path: string;
  name: string;
  body?: string;
}

const SECRET = "/secrets/{secret}";
const VERSION = `${SECRET}/versions/{version}`;

/** `*` as a body: the whole request. From the annotations in google/cloud/secretmanager/v1/service.proto. */
const BINDINGS: Binding[] = [
  { rpc: "ListSecrets", id: "list", method: "GET", path: "/secrets", name: "parent" },
  { rpc: "CreateSecret", id: "create", method: "POST", path: "/secrets", name: "parent", body: "secret" },
  { rpc: "GetSecret", id: "get", method: "GET", path: SECRET, name: "name" },
  { rpc: "UpdateSecret", id: "patch", method: "PATCH", path: SECRET, name: "secret.name", body: "secret" },
  { rpc: "DeleteSecret", id: "delete", method: "DELETE", path: SECRET, name: "name" },
  {
    rpc: "AddSecretVersion",
    id: "addVersion",
    method: "POST",
    path: `${SECRET}:addVersion`,
    name: "parent",
    body: "*",
  },
  { rpc: "GetIamPolicy", id: "getIamPolicy", method: "GET", path: `${SECRET}:getIamPolicy`, name: "resource" },
  {
    rpc: "SetIamPolicy",
    id: "setIamPolicy",
    method: "POST",
    path: `${SECRET}:setIamPolicy`,
    name: "resource",
    body: "*",
  },
  {
    rpc: "TestIamPermissions",
    id: "testIamPermissions",
    method: "POST",
    path: `${SECRET}:testIamPermissions`,
    name: "resource",
    body: "*",
  },
  { rpc: "ListSecretVersions", id: "versions.list", method: "GET", path: `${SECRET}/versions`, name: "parent" },
  { rpc: "GetSecretVersion", id: "versions.get", method: "GET", path: VERSION, name: "name" },
  { rpc: "AccessSecretVersion", id: "versions.access", method: "GET", path: `${VERSION}:access`, name: "name" },
  {
    rpc: "EnableSecretVersion",
    id: "versions.enable",
    method: "POST",
    path: `${VERSION}:enable`,
    name: "name",
    body: "*",
  },
  {
    rpc: "DisableSecretVersion",
    id: "versions.disable",
    method: "POST",
    path: `${VERSION}:disable`,
    name: "name",
    body: "*",
  },
  {
    rpc: "DestroySecretVersion",
    id: "versions.destroy",
    method: "POST",
    path: `${VERSION}:destroy`,
    name: "name",
    body: "*",
  },
];

/** Maps of the caller's own keys, which are not field names. */
const MAPS = new Set(["labels", "annotations", "versionAliases", "tags"]);

/** Field names in either of the two spellings that proto3 JSON takes, to camelCase. */
function camel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camel);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => {
      const name = key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
      return [name, MAPS.has(name) ? one : camel(one)];
    }),
  );
}

const NUMBERS: Record<string, string[]> = {
  state: ["STATE_UNSPECIFIED", "ENABLED", "DISABLED", "DESTROYED"],
  secretType: [
    "SECRET_TYPE_UNSPECIFIED",
    "CLOUD_SQL_DB_CREDENTIALS",
    "ACCESS_KEY",
    "CERTIFICATE",
    "OTHER_DB_CREDENTIALS",
  ],
};
/** `OTHER` of secretType stands apart from its siblings. */
const OTHER = 50;

/** Enums as numbers, for clients that ask with `$alt=json;enum-encoding=int`. */
function numbered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(numbered);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => {
      if (MAPS.has(key)) return [key, one];
      const names = NUMBERS[key];
      if (!names || typeof one !== "string") return [key, numbered(one)];
      return [key, names.includes(one) ? names.indexOf(one) : OTHER];
    }),
  );
}

function requestOf(call: Call, binding: Binding): Json {
  const query: Json = {};
  for (const [key, value] of call.query) if (!key.startsWith("$") && key !== "alt") query[key] = value;
  const request = camel(query) as Json;
  const body = binding.body === undefined ? {} : (camel(call.json()) as Json);
  if (binding.body === "*") Object.assign(request, body);
  else if (binding.body !== undefined) request[binding.body] = body;
  const { project = "", location, secret, version } = call.params;
  const name = [
    `projects/${project}`,
    location && `locations/${location}`,
    secret && `secrets/${secret}`,
    version && `versions/${version}`,
  ]
    .filter(Boolean)
    .join("/");
  if (binding.name === "secret.name") request.secret = { ...body, name };
  else request[binding.name] = name;
  return request;
}

export function restRoutes(methods: Record<string, Method>): Route[] {
  return ["", "/locations/{location}"].flatMap((place) =>
    BINDINGS.flatMap((binding): Route[] => {
      const run = methods[binding.rpc];
      if (!run) return [];
      return [
        {
          id: `secretmanager.projects.${place ? "locations." : ""}secrets.${binding.id}`,
          method: binding.method,
          path: `/v1/projects/{project}${place}${binding.path}`,
          run: (call) => {
            const answer = run(requestOf(call, binding), call.headers);
            const asNumbers = [...call.query.values()].some((value) => value.includes("enum-encoding=int"));
            return { json: asNumbers ? numbered(answer) : answer };
          },
        },
      ];
    }),
  );
}
