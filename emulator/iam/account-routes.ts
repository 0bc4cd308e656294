import { sameBytes } from "../frame/bytes.ts";
import { ApiError } from "../frame/errors.ts";
import { type Json, readFields, type Shape } from "../frame/fields.ts";
import type { Call } from "../frame/http.ts";
import { page } from "../frame/pages.ts";
import type { Route } from "../frame/router.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import { type Account, type AccountKey, type Accounts, uniqueIdOf } from "./accounts.ts";

const ACCOUNT: Shape = {
  name: "output",
  projectId: "output",
  uniqueId: "output",
  email: "output",
  displayName: "string",
  etag: "output",
  description: "string",
  oauth2ClientId: "output",
  disabled: "output",
};
const CREATE: Shape = { accountId: "string", serviceAccount: { one: ACCOUNT } };
const PATCH: Shape = { serviceAccount: { one: ACCOUNT }, updateMask: "string" };
const CREATE_KEY: Shape = { privateKeyType: "string", keyAlgorithm: "string" };
const UPLOAD_KEY: Shape = { publicKeyData: "bytes" };
const SET_POLICY: Shape = { policy: "json", updateMask: "string" };
const TEST: Shape = { permissions: "strings" };
const MOST_PER_PAGE = 100;

/** Service accounts and their keys. https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts */
export function accountRoutes(world: World, accounts: Accounts): Route[] {
  const nameOf = ({ email }: Account) => `projects/${world.project}/serviceAccounts/${email}`;
  const show = (account: Account): Json => ({
    name: nameOf(account),
    projectId: world.project,
    uniqueId: uniqueIdOf(account.email),
    email: account.email,
    ...(account.displayName !== undefined && { displayName: account.displayName }),
    ...(account.description !== undefined && { description: account.description }),
    ...(account.disabled && { disabled: true }),
    etag: "MDEwMjE5MjA=",
    oauth2ClientId: uniqueIdOf(account.email),
  });
  const showKey = (account: Account, { id, origin, createdAt, expiresAt }: AccountKey): Json => ({
    name: `${nameOf(account)}/keys/${id}`,
    validAfterTime: utc(createdAt),
    validBeforeTime: utc(expiresAt),
    keyAlgorithm: "KEY_ALG_RSA_2048",
    keyOrigin: origin,
    keyType: "USER_MANAGED",
  });
  const policyOf = ({ policy }: Account) => ({
    version: policy?.version ?? 1,
    etag: policy ? Buffer.from(`p${policy.revision}`).toString("base64") : "ACAB",
    ...(policy && policy.bindings.length > 0 && { bindings: policy.bindings }),
  });

  const allow = (call: Call, permission: string, resource: string) => {
    if (world.doors.allowed(world.doors.principal(call.headers), permission, resource)) return;
    throw new ApiError(403, `Permission '${permission}' denied on resource (or it may not exist).`);
  };
  const projectOf = (call: Call): void => {
    const { project } = call.params;
    if (project === "-" || project === world.project || project === world.projectNumber) return;
    throw new ApiError(403, "The caller does not have permission");
  };
  const body = (shape: Shape, call: Call): Json => readFields(shape, call.json(), world.loose);

  const collection = "/v1/projects/{project}/serviceAccounts";
  const single = `${collection}/{account}`;
  /** A method on one account. */
  const on = (
    id: string,
    method: Route["method"],
    suffix: string,
    permission: string,
    run: (account: Account, call: Call) => Json,
  ): Route => ({
    id: `iam.projects.serviceAccounts.${id}`,
    method,
    path: `${single}${suffix}`,
    run: (call) => {
      projectOf(call);
      const account = accounts.get(call.params.account ?? "");
      allow(call, `iam.${permission}`, nameOf(account));
      return { json: run(account, call) };
    },
  });
  const setDisabled = (account: Account, disabled: boolean): Json => {
    const { disabled: _, ...rest } = account;
    accounts.keep({ ...rest, ...(disabled && { disabled: true as const }) });
    return {};
  };

  return [
    {
      id: "iam.projects.serviceAccounts.create",
      method: "POST",
      path: collection,
      run: (call) => {
        projectOf(call);
        allow(call, "iam.serviceAccounts.create", `projects/${world.project}`);
        const { accountId, serviceAccount = {} } = body(CREATE, call);
        return { json: show(accounts.create(accountId, serviceAccount as Pick<Account, "displayName">)) };
      },
    },
    {
      id: "iam.projects.serviceAccounts.list",
      method: "GET",
      path: collection,
      run: (call) => {
        projectOf(call);
        allow(call, "iam.serviceAccounts.list", `projects/${world.project}`);
        const { query } = call;
        const size = Number(query.get("pageSize") ?? 0);
        const token = query.get("pageToken") ?? undefined;
        const { items, ...rest } = page(accounts.list(), ({ email }) => email, size, token, MOST_PER_PAGE);
        return { json: { ...(items.length > 0 && { accounts: items.map(show) }), ...rest } };
      },
    },
    on("get", "GET", "", "serviceAccounts.get", show),
    on("patch", "PATCH", "", "serviceAccounts.update", (account, call) => {
      const { serviceAccount = {}, updateMask = "" } = body(PATCH, call);
      const given = serviceAccount as Pick<Account, "displayName" | "description">;
      const mask = String(updateMask)
        .split(",")
        .map((path) => (path === "display_name" ? "displayName" : path));
      return show(
        accounts.keep({
          ...account,
          ...(mask.includes("displayName") && { displayName: given.displayName ?? "" }),
          ...(mask.includes("description") && { description: given.description ?? "" }),
        }),
      );
    }),
    on("delete", "DELETE", "", "serviceAccounts.delete", ({ email }) => {
      accounts.delete(email);
      return {};
    }),
    on("disable", "POST", ":disable", "serviceAccounts.disable", (account) => setDisabled(account, true)),
    on("enable", "POST", ":enable", "serviceAccounts.enable", (account) => setDisabled(account, false)),
    on("getIamPolicy", "POST", ":getIamPolicy", "serviceAccounts.getIamPolicy", (account) => policyOf(account)),
    on("setIamPolicy", "POST", ":setIamPolicy", "serviceAccounts.setIamPolicy", (account, call) => {
      const { policy } = body(SET_POLICY, call);
      const { bindings = [], version = 1, etag } = (policy ?? {}) as Record<string, unknown>;
      if (etag && !sameBytes(String(etag), policyOf(account).etag)) {
        throw new ApiError(409, "There were concurrent policy changes.", { status: "ABORTED" });
      }
      const next = {
        bindings: Array.isArray(bindings) ? bindings : [],
        version: Number(version),
        revision: (account.policy?.revision ?? 0) + 1,
      };
      return policyOf(accounts.keep({ ...account, policy: next }));
    }),
    on("testIamPermissions", "POST", ":testIamPermissions", "serviceAccounts.get", (account, call) => {
      const asked = (body(TEST, call).permissions ?? []) as string[];
      const principal = world.doors.principal(call.headers);
      const held = asked.filter((permission) => world.doors.allowed(principal, permission, nameOf(account)));
      return held.length > 0 ? { permissions: held } : {};
    }),
    on("keys.create", "POST", "/keys", "serviceAccountKeys.create", (account, call) => {
      const { privateKeyType = "TYPE_GOOGLE_CREDENTIALS_FILE", keyAlgorithm } = body(CREATE_KEY, call);
      if (privateKeyType !== "TYPE_GOOGLE_CREDENTIALS_FILE" && privateKeyType !== "TYPE_UNSPECIFIED") {
        throw new ApiError(501, `the private key type ${String(privateKeyType)} is not emulated`);
      }
      if (keyAlgorithm === "KEY_ALG_RSA_1024") throw new ApiError(501, "keys of 1024 bits are not emulated");
      const { key, privatePem } = accounts.makeKey(account.email);
      const file = {
        type: "service_account",
        project_id: world.project,
        private_key_id: key.id,
        private_key: privatePem,
        client_email: account.email,
        client_id: uniqueIdOf(account.email),
        auth_uri: `${call.origin}/o/oauth2/auth`,
        token_uri: `${call.origin}/token`,
        auth_provider_x509_cert_url: `${call.origin}/oauth2/v1/certs`,
        universe_domain: "googleapis.com",
      };
      const privateKeyData = Buffer.from(`${JSON.stringify(file, null, 2)}\n`).toString("base64");
      return { ...showKey(account, key), privateKeyType: "TYPE_GOOGLE_CREDENTIALS_FILE", privateKeyData };
    }),
    on("keys.upload", "POST", "/keys:upload", "serviceAccountKeys.create", (account, call) => {
      const { publicKeyData = "" } = body(UPLOAD_KEY, call);
      const pem = Buffer.from(String(publicKeyData), "base64").toString("utf8");
      return showKey(account, accounts.uploadKey(account.email, pem));
    }),
    on("keys.list", "GET", "/keys", "serviceAccountKeys.list", (account) => {
      const keys = accounts.keys(account.email).map((key) => showKey(account, key));
      return keys.length > 0 ? { keys } : {};
    }),
    on("keys.get", "GET", "/keys/{key}", "serviceAccountKeys.get", (account, call) => {
      const key = accounts.key(account.email, call.params.key ?? "");
      const isAsked = call.query.get("publicKeyType") === "TYPE_RAW_PUBLIC_KEY";
      const publicKeyData = Buffer.from(key.publicPem).toString("base64");
      return { ...showKey(account, key), ...(isAsked && { publicKeyData }) };
    }),
    on("keys.delete", "DELETE", "/keys/{key}", "serviceAccountKeys.delete", (account, call) => {
      accounts.deleteKey(account.email, call.params.key ?? "");
      return {};
    }),
  ];
}
