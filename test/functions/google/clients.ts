import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { Authority } from "../../agent/certificates.ts";

/** `value` in base64 when it is bytes. */
export type Answer = { value: unknown } | { kind: string; status: number; message: string };

/** The functions' clients in a process of their own. */
export interface Clients {
  ring(topic: string, attributes: Record<string, string>, data: string): Promise<Answer>;
  secrets(method: "versions" | "enabled" | "aliased" | "version" | "value", ...names: string[]): Promise<Answer>;
  /** Of Compute, over plain REST. */
  get(path: string): Promise<Answer>;
  /** All it wrote beside answers. */
  noise(): string;
  close(): Promise<void>;
}

const PROGRAM = `
import { createInterface } from "node:readline";
const [topicsFile, secretsFile, restFile, project] = process.argv.slice(2);
const { makeTopics } = await import(topicsFile);
const { makeSecrets } = await import(secretsFile);
const { makeRest } = await import(restFile);
const topics = makeTopics(project, process.env.MOULT_PUBSUB_ENDPOINT);
const secrets = makeSecrets(process.env.MOULT_SECRETMANAGER_ENDPOINT);
const rest = makeRest(process.env.MOULT_COMPUTE_ENDPOINT);
const methods = { ring: topics.ring, get: rest.get, ...secrets };
for await (const line of createInterface({ input: process.stdin })) {
  const { method, args } = JSON.parse(line);
  let answer;
  try {
    const value = await methods[method](...args);
    answer = { value: value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value };
  } catch ({ kind, status, message }) {
    answer = { kind, status, message };
  }
  console.log(JSON.stringify(answer));
}
`;

/** Where each is: the sources, or what was built of them. */
export type Code = Record<"topics" | "secrets" | "rest", string>;

export function startClients(
  folder: string,
  code: Code,
  project: string,
  env: Record<string, string>,
  preload: string[] = [],
): Clients {
  const program = join(folder, "clients.mjs");
  writeFileSync(program, PROGRAM);
  const files = [code.topics, code.secrets, code.rest].map((file) => pathToFileURL(file).href);
  const { PATH = "" } = process.env;
  const child = spawn(
    process.execPath,
    [...preload.flatMap((file) => ["--import", pathToFileURL(file).href]), program, ...files, project],
    { env: { PATH, HOME: "/nonexistent", ...env }, stdio: ["pipe", "pipe", "pipe"] },
  );
  let noise = "";
  child.stderr.on("data", (chunk: Buffer) => {
    noise += chunk.toString();
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (method: string, args: unknown[]): Promise<Answer> => {
    child.stdin.write(`${JSON.stringify({ method, args })}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error(`the program ended: ${noise}`);
    return JSON.parse(value) as Answer;
  };
  return {
    ring: (...args) => ask("ring", args),
    get: (path) => ask("get", [path]),
    secrets: (method, ...names) => ask(method, names),
    noise: () => noise,
    close: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.stdin?.end();
  await ended;
}

/** Google's own addresses, by name and over TLS; behind them the emulator. */
export interface Front {
  /** Makes a process find them. */
  preload: string;
  env: Record<string, string>;
  /** Host and path of every call. */
  calls: string[];
  close(): Promise<void>;
}

export async function openFront(folder: string, emulator: string): Promise<Front> {
  const authority = new Authority();
  const san = "DNS:*.googleapis.com,DNS:*.us-central1.rep.googleapis.com";
  const calls: string[] = [];
  const { hostname, port: behind } = new URL(emulator);
  const server: Server = createServer(authority.issue({ cn: "googleapis.com", san }), (incoming, answer) => {
    const { method, url: path = "/", headers } = incoming;
    calls.push(`${headers.host}${path}`);
    const onward = request({ hostname, port: behind, method, path, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 0, response.headers);
      response.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const preload = join(folder, "found.mjs");
  writeFileSync(
    preload,
    `import { Agent } from "node:https";
const connect = Agent.prototype.createConnection;
Agent.prototype.createConnection = function (options, ...rest) {
  const { host } = options;
  const found = host.endsWith(".googleapis.com") ? { ...options, host: "127.0.0.1", port: ${port}, servername: host } : options;
  return connect.call(this, found, ...rest);
};
`,
  );
  return {
    preload,
    env: { NODE_EXTRA_CA_CERTS: authority.file },
    calls,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      authority.remove();
    },
  };
}
