/**
 * What a boot asks, as fast as Node can answer it, in a program of its own that is warm before anything is timed: the
 * metadata server by http; Secret Manager (REST and gRPC) and plain files by https. Each of them twice: at once, and with
 * 20 ms added to every answer. Prints its ports as one line of JSON; ends when its stdin does.
 */
import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createSecureServer } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { castagnoli } from "../../agent/cloud.ts";

export interface Ports {
  metadata: number;
  secure: number;
}
/** By milliseconds added to every answer. */
export type Served = Record<"0" | "20", Ports>;

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
  trailers?: Record<string, string>;
}

const google = { "Metadata-Flavor": "Google" };
const ok = (body: string | Buffer, headers: Record<string, string> = {}): Answer => {
  const bytes = Buffer.from(body);
  return { status: 200, headers: { ...headers, "Content-Length": String(bytes.length) }, body: bytes };
};
const missing: Answer = { status: 404, headers: { ...google, "Content-Length": "0" }, body: Buffer.alloc(0) };

const email = "web-vm@acme.iam.gserviceaccount.com";
const scopes = ["https://www.googleapis.com/auth/cloud-platform"];
const token = JSON.stringify({ access_token: `ya29.${"x".repeat(1_000)}`, expires_in: 3599, token_type: "Bearer" });
const account = { aliases: ["default"], email, scopes };
const instance = {
  attributes: { role: "web", shard: "7", "user-data": process.env.BENCH_USER_DATA ?? "" },
  hostname: "web-b7kq.us-central1-a.c.acme.internal",
  id: "@id@",
  machineType: "projects/123456789012/machineTypes/e2-small",
  name: "web-b7kq",
  networkInterfaces: [{ accessConfigs: [], ip: "127.0.0.1" }],
  serviceAccounts: { default: account, [email]: account },
  zone: "projects/123456789012/zones/us-central1-a",
};
const project = { attributes: {}, numericProjectId: 123456789012, projectId: "acme" };
const text = (value: unknown): string => JSON.stringify(value).replaceAll('"@id@"', "5184363046278950541");

/** The tree of metadata, walked as the real server walks it: a leaf is text, a folder of `recursive=true` is JSON. */
function metadata(path: string, method: string): Answer {
  const url = new URL(path, "http://metadata");
  if (method !== "GET") return ok("", google);
  const keys = url.pathname.replace("/computeMetadata/v1", "").split("/").filter(Boolean);
  if (keys.at(-1) === "token") return ok(token, { ...google, "Content-Type": "application/json" });
  if (keys.at(-1) === "identity") return ok("header.claims.signature", google);
  let value: unknown = { instance, project };
  for (const key of keys) {
    const camel = key.replace(/-([a-z])/g, (_all, letter: string) => letter.toUpperCase());
    const entries = typeof value === "object" && value !== null ? new Map(Object.entries(value)) : new Map();
    value = entries.get(key) ?? entries.get(camel);
    if (value === undefined) return missing;
  }
  if (url.searchParams.get("recursive")?.toLowerCase() === "true")
    return ok(text(value), { ...google, "Content-Type": "application/json" });
  return ok(typeof value === "object" ? Object.keys(value ?? {}).join("\n") : text(value).replaceAll('"', ""), google);
}

const payloads = new Map<string, { bytes: Buffer; crc: string }>();
/** 64 bytes each, like a password or a key. */
function payloadOf(name: string): { bytes: Buffer; crc: string } {
  const known = payloads.get(name);
  if (known) return known;
  const bytes = Buffer.from(Buffer.from(name.repeat(8)).toString("base64").slice(-64));
  const made = { bytes, crc: castagnoli(bytes) };
  payloads.set(name, made);
  return made;
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}
const field = (number: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([number * 8 + 2]), varint(BigInt(bytes.length)), bytes]);

/** AccessSecretVersionResponse { name = 1, payload = 2 { data = 1, data_crc32c = 2 } } in one gRPC message. */
function grpc(message: Buffer): Answer {
  const name = /projects\/[\w/.-]+/.exec(message.toString("latin1"))?.[0] ?? "";
  const { bytes, crc } = payloadOf(name);
  const payload = Buffer.concat([field(1, bytes), Buffer.from([16]), varint(BigInt(crc))]);
  const body = Buffer.concat([field(1, Buffer.from(name)), field(2, payload)]);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(body.length, 1);
  const headers = { "Content-Type": "application/grpc" };
  return { status: 200, headers, body: Buffer.concat([frame, body]), trailers: { "grpc-status": "0" } };
}

function secure(path: string, body: Buffer): Answer {
  const { pathname } = new URL(path, "https://api");
  if (pathname.endsWith("/AccessSecretVersion")) return grpc(body);
  const name = /^\/v1\/(projects\/.+):access$/.exec(decodeURIComponent(pathname))?.[1];
  if (name) {
    const { bytes, crc } = payloadOf(name);
    const data = { name, payload: { data: bytes.toString("base64"), dataCrc32c: crc } };
    return ok(JSON.stringify(data, null, 2), { "Content-Type": "application/json; charset=UTF-8" });
  }
  const file = /^\/files\/(.+)$/.exec(pathname)?.[1];
  return file ? ok(payloadOf(file).bytes) : missing;
}

function listener(delayMs: number, answer: (path: string, method: string, body: Buffer) => Answer): RequestListener {
  return async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { status, headers, body, trailers } = answer(request.url ?? "", request.method ?? "", Buffer.concat(chunks));
    const send = () => {
      response.writeHead(status, headers);
      if (trailers) response.addTrailers(trailers);
      response.end(body);
    };
    if (delayMs > 0) setTimeout(send, delayMs);
    else send();
  };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address: AddressInfo | string | null = server.address();
  return typeof address === "object" && address ? address.port : 0;
}

async function serve(delayMs: number, keys: { key: Buffer; cert: Buffer }): Promise<Ports> {
  const plain = createServer({ noDelay: true }, listener(delayMs, metadata));
  // Answers of HTTP/1.1 clients would wait 40 ms for the other side's acknowledgement without noDelay.
  const tls = createSecureServer({ ...keys, allowHTTP1: true, noDelay: true });
  const asked = listener(delayMs, (path, _method, body) => secure(path, body));
  // The compatible API's requests and responses have all that is used here.
  tls.on("request", (request, response) => Reflect.apply(asked, undefined, [request, response]));
  return { metadata: await listening(plain), secure: await listening(tls) };
}

const [certificates = ""] = process.argv.slice(2);
const keys = { key: readFileSync(`${certificates}/leaf.key`), cert: readFileSync(`${certificates}/chain.pem`) };
const served: Served = { 0: await serve(0, keys), 20: await serve(20, keys) };
console.log(JSON.stringify(served));
process.stdin.on("end", () => process.exit(0)).resume();
