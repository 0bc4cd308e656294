import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A metadata server, Secret Manager, Cloud Storage and Pub/Sub of one instance: as much of them as an agent asks. */
export interface FakeCloud {
  /** `127.0.0.1:port`: metadata; the APIs are on the same port. */
  address: string;
  url: string;
  instance: { id: string; name: string; ip: string; attributes: Record<string, string>; scopes: string[] };
  secrets: Map<string, Buffer>;
  objects: Map<string, Buffer>;
  guestAttributes: Map<string, string>;
  published: { topic: string; attributes: Record<string, string> }[];
  /** Audiences of identity tokens asked for. */
  audiences: string[];
  requests: { method: string; path: string; headers: IncomingMessage["headers"] }[];
  token: string;
  /** Asked first; answers when it returns true. */
  interfere: (request: IncomingMessage, response: ServerResponse, path: string) => boolean;
  close(): Promise<void>;
}

export const account = "web-vm@acme.iam.gserviceaccount.com";

/** As slow and as different from the agent's own as can be: bit by bit over the polynomial, not reflected in a loop of bytes. */
export function castagnoli(bytes: Buffer): string {
  let crc = 0xffffffffn;
  for (const byte of bytes)
    for (let bit = 0; bit < 8; bit++) {
      const mix = (crc ^ (BigInt(byte) >> BigInt(bit))) & 1n;
      crc = (crc >> 1n) ^ (mix * 0x82f63b78n);
    }
  return String(crc ^ 0xffffffffn);
}

export async function startCloud(): Promise<FakeCloud> {
  const cloud: State = {
    instance: {
      id: "5184363046278950541",
      name: "web-b7kq",
      ip: "127.0.0.1",
      attributes: { "enable-guest-attributes": "TRUE" },
      scopes: ["https://www.googleapis.com/auth/cloud-platform"],
    },
    secrets: new Map(),
    objects: new Map(),
    guestAttributes: new Map(),
    published: [],
    audiences: [],
    requests: [],
    token: `ya29.${randomUUID()}`,
    interfere: () => false,
  };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? "";
    cloud.requests.push({ method: request.method ?? "", path, headers: request.headers });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (cloud.interfere(request, response, path)) return;
    const send = (status: number, body: string | Buffer, headers: Record<string, string> = {}) => {
      response.writeHead(status, headers);
      response.end(body);
    };
    if (path.startsWith("/computeMetadata/")) metadata(cloud, request, path, Buffer.concat(chunks).toString(), send);
    else if (request.headers.authorization !== `Bearer ${cloud.token}`)
      send(401, apiError(401, "UNAUTHENTICATED", "no"));
    else api(cloud, request, path, Buffer.concat(chunks), send);
  };
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(cloud, {
    address,
    url: `http://${address}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}

type Send = (status: number, body: string | Buffer, headers?: Record<string, string>) => void;
type State = Omit<FakeCloud, "address" | "url" | "close">;

export function apiError(code: number, status: string, message: string): string {
  return JSON.stringify({ error: { code, message, status } });
}

function metadata(cloud: State, request: IncomingMessage, path: string, body: string, send: Send): unknown {
  const google = { "Metadata-Flavor": "Google" };
  if (request.headers["metadata-flavor"] !== "Google")
    return send(403, "Missing Metadata-Flavor:Google header.", google);
  const url = new URL(path, "http://metadata");
  const { instance } = cloud;
  if (url.pathname === "/computeMetadata/v1/" && url.search === "?recursive=true&alt=json") {
    const serviceAccounts = { default: { aliases: ["default"], email: account, scopes: instance.scopes } };
    const all = JSON.stringify({
      instance: {
        attributes: instance.attributes,
        hostname: `${instance.name}.us-central1-a.c.acme.internal`,
        id: "@id@",
        machineType: "projects/123456789012/machineTypes/e2-small",
        name: instance.name,
        networkInterfaces: [{ accessConfigs: [], ip: instance.ip }],
        serviceAccounts,
        zone: "projects/123456789012/zones/us-central1-a",
      },
      project: { attributes: {}, numericProjectId: 123456789012, projectId: "acme" },
    });
    return send(200, all.replace('"@id@"', instance.id), { ...google, "Content-Type": "application/json" });
  }
  if (url.pathname.endsWith("/service-accounts/default/token"))
    return send(200, JSON.stringify({ access_token: cloud.token, expires_in: 3599, token_type: "Bearer" }), google);
  if (url.pathname.endsWith("/service-accounts/default/identity")) {
    cloud.audiences.push(url.searchParams.get("audience") ?? "");
    return send(200, "header.claims.signature", google);
  }
  const attribute = /guest-attributes\/(.+)$/.exec(url.pathname)?.[1];
  if (attribute && request.method === "PUT") {
    if (instance.attributes["enable-guest-attributes"] !== "TRUE") return send(403, "disabled", google);
    cloud.guestAttributes.set(attribute, body);
    return send(200, "", google);
  }
  return send(404, "not found", google);
}

function api(cloud: State, request: IncomingMessage, path: string, body: Buffer, send: Send): unknown {
  const url = new URL(path, "http://api");
  const secret = /^\/v1\/(projects\/.+):access$/.exec(url.pathname)?.[1];
  if (secret) {
    const payload = cloud.secrets.get(secret);
    if (!payload) return send(404, apiError(404, "NOT_FOUND", `Secret Version [${secret}] not found.`));
    const name = secret.replace(/^projects\/[^/]+/, "projects/123456789012");
    return send(
      200,
      JSON.stringify({ name, payload: { data: payload.toString("base64"), dataCrc32c: castagnoli(payload) } }),
    );
  }
  const download = /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)$/.exec(url.pathname);
  if (download && url.searchParams.get("alt") === "media") {
    const object = cloud.objects.get(`${download[1]}/${decodeURIComponent(download[2] ?? "")}`);
    return object ? send(200, object) : send(404, "No such object");
  }
  const upload = /^\/upload\/storage\/v1\/b\/([^/]+)\/o$/.exec(url.pathname);
  if (upload && request.method === "POST" && url.searchParams.get("ifGenerationMatch") === "0") {
    const name = `${upload[1]}/${url.searchParams.get("name")}`;
    if (cloud.objects.has(name)) return send(412, "exists");
    cloud.objects.set(name, body);
    return send(200, "{}");
  }
  const topic = /^\/v1\/(projects\/[^/]+\/topics\/[^/]+):publish$/.exec(url.pathname)?.[1];
  if (topic) {
    for (const message of JSON.parse(body.toString()).messages)
      cloud.published.push({ topic, attributes: message.attributes });
    return send(200, JSON.stringify({ messageIds: ["1"] }));
  }
  return send(501, "not served");
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, item) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(
          Object.keys(item)
            .sort()
            .map((key) => [key, item[key]]),
        )
      : item,
  );

export const sha256 = (bytes: string | Buffer): string => createHash("sha256").update(bytes).digest("hex");

/**
 * Puts a pack into the bucket and returns its commit.
 * @param sign gives the signatures of the commit's canonical JSON, by ids of keys.
 */
export function putPack(
  cloud: FakeCloud,
  bucket: string,
  manifest: unknown,
  sources: Record<string, string | Buffer>,
  sign?: (commit: string) => Record<string, string>,
): string {
  const blobs: Record<string, string> = {};
  const tree: Record<string, string> = {};
  for (const [path, bytes] of Object.entries(sources)) {
    tree[path] = sha256(bytes);
    blobs[sha256(bytes)] = Buffer.from(bytes).toString("base64");
  }
  const commit = { tree, manifest, parent: null, message: "", author: "", time: "2026-11-20T12:00:00Z" };
  const name = sha256(canonical(commit));
  const more = sign && { signatures: sign(canonical(commit)) };
  cloud.objects.set(`${bucket}/packs/${name}.json`, Buffer.from(canonical({ commit, blobs, ...more })));
  return name;
}
