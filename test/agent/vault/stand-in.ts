import { type KeyObject, randomUUID, verify } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { createSecureServer, type Http2ServerRequest } from "node:http2";
import { createServer as createTlsServer } from "node:https";
import type { Server, Socket } from "node:net";

type Asked = IncomingMessage | Http2ServerRequest;
/** What a response of HTTP/1.1 and one of HTTP/2 have in common. */
interface Answering {
  writeHead(status: number, headers?: Record<string, string>): Answering;
  end(body: string): unknown;
}
/** Status, body, headers. */
type Judged = [number, string, Record<string, string>?];

/** A role of the gcp method, of type gce; what is left out binds nothing. */
export interface Role {
  policies: string[];
  /** Of its tokens; 0 is for ever. */
  seconds: number;
  projects?: string[];
  zones?: string[];
  serviceAccounts?: string[];
}

interface Version {
  /** The data as it was stored, digit for digit. */
  json: string;
  state: "live" | "deleted" | "destroyed";
}

/** Roles by mount of the auth method and name, paths a policy lets one read, versions by mount of the engine and path. */
export class Namespace {
  readonly roles = new Map<string, Map<string, Role>>();
  readonly policies = new Map<string, string[]>();
  readonly engines = new Map<string, Map<string, Version[]>>();
  /** Mounts of KV version 1, which knows no versions. */
  readonly unversioned = new Map<string, Map<string, string>>();

  role(mount: string, name: string, role: Role): void {
    const roles = this.roles.get(mount) ?? new Map<string, Role>();
    this.roles.set(mount, roles.set(name, role));
  }

  /** Stores one more version. */
  put(mount: string, path: string, data: Record<string, unknown> | string): void {
    const paths = this.engines.get(mount) ?? new Map<string, Version[]>();
    const json = typeof data === "string" ? data : JSON.stringify(data);
    this.engines.set(mount, paths.set(path, [...(paths.get(path) ?? []), { json, state: "live" }]));
  }

  mark(mount: string, path: string, version: number, state: Version["state"]): void {
    const found = this.engines.get(mount)?.get(path)?.[version - 1];
    if (found) found.state = state;
  }
}

/**
 * As much of HashiCorp Vault as a machine asks of it, after its documentation:
 * - statuses and `{"errors": [...]}`: https://developer.hashicorp.com/vault/api-docs
 * - the login of the gcp method and all that it checks: https://developer.hashicorp.com/vault/docs/auth/gcp
 * - versions of KV's second engine: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
 * - refused tokens: https://developer.hashicorp.com/vault/docs/concepts/tokens#error-responses
 * - X-Vault-Index and 412: https://developer.hashicorp.com/vault/docs/enterprise/consistency
 */
export class VaultStandIn {
  state: "active" | "sealed" | "standby" | "uninitialized" = "active";
  /** Asked first; answers when it returns true. */
  interfere: (request: Asked, response: Answering) => boolean = () => false;
  /** So many reads come to a server that the login has not been replicated to. */
  lag = 0;
  /** What Google publishes, by key id. Without any, Vault cannot reach Google. */
  readonly googleKeys = new Map<string, KeyObject>();
  readonly requests: {
    method: string;
    path: string;
    headers: Asked["headers"];
    httpVersion: string;
  }[] = [];
  readonly root = new Namespace();
  readonly namespaces = new Map([["", this.root]]);
  address = "";
  connections = 0;
  readonly #tokens = new Map<string, { namespace: string; policies: string[]; until: number }>();
  readonly #sockets = new Set<Socket>();
  #stop: () => Promise<void> = async () => {};

  /** With a certificate it speaks HTTP/2 and HTTP/1.1, as Vault does, or only the latter. */
  static async start(tls?: { key: Buffer; cert: Buffer }, only?: "http/1.1"): Promise<VaultStandIn> {
    const vault = new VaultStandIn();
    const answer = (request: Asked, response: Answering) => void vault.#answer(request, response);
    const server: Server = !tls
      ? createServer(answer)
      : only
        ? createTlsServer(tls, answer)
        : createSecureServer({ ...tls, allowHTTP1: true }, answer);
    server.on("connection", (socket: Socket) => {
      vault.connections++;
      vault.#sockets.add(socket);
      socket.on("close", () => vault.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const bound = server.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    vault.address = `${tls ? "https" : "http"}://127.0.0.1:${port}`;
    vault.#stop = () =>
      new Promise((resolve) => {
        for (const socket of vault.#sockets) socket.destroy();
        server.close(() => resolve());
      });
    return vault;
  }

  close(): Promise<void> {
    return this.#stop();
  }

  /** `vault://HOST:PORT`, as references begin. */
  get reference(): string {
    return this.address.replace(/^https?/, "vault");
  }

  /** Tokens that were made and not revoked. */
  get tokens(): number {
    return this.#tokens.size;
  }

  /** Ends every token, as revoking them does. */
  revoke(): void {
    this.#tokens.clear();
  }

  get logins(): number {
    return this.requests.filter(({ path }) => path.endsWith("/login")).length;
  }

  get reads(): string[] {
    return this.requests.flatMap(({ path }) => (path.startsWith("/v1/auth/") ? [] : [path.slice("/v1/".length)]));
  }

  async #answer(request: Asked, response: Answering): Promise<void> {
    const path = request.url ?? "";
    const { method = "", headers, httpVersion } = request;
    this.requests.push({ method, path, headers, httpVersion });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    if (this.interfere(request, response)) return;
    const [status, body, more = {}] = this.#judge(request, path, Buffer.concat(chunks).toString());
    response.writeHead(status, {
      "Content-Type": "application/json",
      "Cache-Control": "no-store",
      ...more,
    });
    response.end(body);
  }

  #judge(request: Asked, path: string, body: string): Judged {
    if (this.state === "sealed") return refusal(503, "Vault is sealed");
    if (this.state === "uninitialized") return refusal(501, "Vault is not initialized");
    if (this.state === "standby") return [307, "", { Location: `https://active.vault.test:8200${path}` }];
    const name = String(request.headers["x-vault-namespace"] ?? "").replace(/\/$/, "");
    const namespace = this.namespaces.get(name);
    const url = new URL(path, this.address);
    const route = decodeURIComponent(url.pathname.slice("/v1/".length));
    if (!namespace) return noRoute(route);
    const login = /^auth\/(.+)\/login$/.exec(route)?.[1];
    if (login !== undefined) return this.#logIn(namespace, name, login, body);
    const token = this.#tokens.get(String(request.headers["x-vault-token"]));
    if (!token || token.until < Date.now() || token.namespace !== name) return invalidToken;
    if (route === "auth/token/revoke-self") {
      this.#tokens.delete(String(request.headers["x-vault-token"]));
      return [204, ""];
    }
    // A server that has not heard of the login knows its token only if it is told what to wait for.
    if (this.lag > 0 && this.lag--)
      return request.headers["x-vault-index"] ? refusal(412, "required index state not present") : invalidToken;
    return read(namespace, token.policies, route, Number(url.searchParams.get("version")));
  }

  #logIn(namespace: Namespace, name: string, mount: string, body: string): Judged {
    const roles = namespace.roles.get(mount);
    if (!roles) return noRoute(`auth/${mount}/login`);
    const asked: { role: string; jwt: string } = JSON.parse(body);
    const role = roles.get(asked.role);
    if (!role) return refusal(400, `role "${asked.role}" not found`);
    const fault = this.#fault(asked.jwt, asked.role, role);
    if (fault !== undefined) return refusal(400, fault);
    const token = `hvs.${randomUUID()}`;
    const until = role.seconds === 0 ? Infinity : Date.now() + role.seconds * 1_000;
    this.#tokens.set(token, {
      namespace: name,
      policies: role.policies,
      until,
    });
    const auth = {
      client_token: token,
      accessor: randomUUID(),
      policies: ["default", ...role.policies],
      token_policies: ["default", ...role.policies],
      metadata: { project_id: "acme", role: asked.role },
      token_type: "service",
      lease_duration: role.seconds,
      renewable: true,
    };
    return [200, JSON.stringify({ ...about(), data: null, auth }), { "X-Vault-Index": "djE6MTIz" }];
  }

  /** Why this identity may not have the role. */
  #fault(jwt: string, name: string, role: Role): string | undefined {
    const [head = "", claimed = "", signature = ""] = jwt.split(".");
    const { alg, kid } = decoded(head);
    const key = this.googleKeys.get(kid);
    if (!key) return `unable to get public key for signed JWT: no Google OAuth2 provider key found for GCE role`;
    if (
      alg !== "RS256" ||
      !verify("sha256", Buffer.from(`${head}.${claimed}`), key, Buffer.from(signature, "base64url"))
    )
      return "error in cryptographic primitive";
    const claims = decoded(claimed);
    const now = Date.now() / 1_000;
    if (!(claims.exp > now - 60)) return "JWT is expired or does not have proper 'exp' claim";
    if (claims.exp > now + 61 * 60) return "JWT must expire in 60 minutes";
    if (!claims.sub) return "expected JWT to have 'sub' claim with service account id or email";
    if (!String(claims.aud).endsWith(`vault/${name}`)) return `the JWT claim 'aud' must end in "vault/${name}"`;
    const compute = claims.google?.compute_engine;
    if (!compute?.instance_id) return "expected JWT to have claims with GCE metadata";
    if (role.projects?.includes(compute.project_id) === false) return "instance not in bound projects";
    if (role.zones?.includes(compute.zone) === false) return "instance zone is not in role bound zones";
    if (role.serviceAccounts?.includes(claims.email) === false) return "instance not authorized for role";
    return undefined;
  }
}

const about = () => ({
  request_id: randomUUID(),
  lease_id: "",
  renewable: false,
  lease_duration: 0,
  wrap_info: null,
});
const refusal = (status: number, ...errors: string[]): Judged => [status, JSON.stringify({ errors })];
const noRoute = (route: string) => refusal(404, `no handler for route "${route}". route entry not found.`);
const invalidToken = refusal(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n");
const decoded = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString() || "{}");

function read(namespace: Namespace, policies: string[], route: string, asked: number): Judged {
  const matches = (glob: string) => (glob.endsWith("*") ? route.startsWith(glob.slice(0, -1)) : route === glob);
  // Judged before anything is looked for, so that a refusal does not tell what exists.
  if (!policies.some((policy) => namespace.policies.get(policy)?.some(matches)))
    return refusal(403, "1 error occurred:\n\t* permission denied\n\n");
  const mounts = [...namespace.engines.keys(), ...namespace.unversioned.keys()];
  const mount = mounts.find((one) => route.startsWith(`${one}/`)) ?? "";
  const rest = route.slice(mount.length + 1);
  const plain = namespace.unversioned.get(mount)?.get(rest);
  if (plain !== undefined) return [200, `{"request_id":"${randomUUID()}","lease_duration":2764800,"data":${plain}}`];
  const engine = namespace.engines.get(mount);
  if (!engine && !namespace.unversioned.has(mount)) return noRoute(route);
  const versions = engine?.get(rest.replace(/^data\//, ""));
  const number = asked || (versions?.length ?? 0);
  const version = versions?.[number - 1];
  if (!version) return [404, JSON.stringify({ errors: [] })];
  const metadata = {
    created_time: "2026-03-22T02:24:06.945319214Z",
    custom_metadata: null,
    deletion_time: version.state === "deleted" ? "2026-03-22T03:24:06.945319214Z" : "",
    destroyed: version.state === "destroyed",
    version: number,
  };
  const data = version.state === "live" ? version.json : "null";
  const answer = JSON.stringify({
    ...about(),
    data: "@",
    warnings: null,
    auth: null,
  });
  return [
    version.state === "live" ? 200 : 404,
    answer.replace('"@"', () => `{"data":${data},"metadata":${JSON.stringify(metadata)}}`),
  ];
}
