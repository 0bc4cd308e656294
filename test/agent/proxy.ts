import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** What happens to a request instead of being passed on and its answer passed back. */
export type Fault =
  | { kind: "answer"; status: number; headers?: Record<string, string>; body?: string }
  /** The connection is ended with a RST, before anything is answered or in the middle of the body. */
  | { kind: "reset"; when: "before" | "middle" }
  /** Taken, and never answered. */
  | { kind: "stall" }
  /** The real answer, its head or its body a few bytes at a time. */
  | { kind: "slow"; part: "head" | "body"; everyMs: number; bytes?: number }
  /** The real answer, changed. */
  | { kind: "change"; change: (reply: Reply) => Reply };

export interface Rule {
  /** Of the path with its query. */
  path: RegExp;
  fault: Fault;
  /** How often it applies; always when left out. */
  times?: number;
}

export interface FaultProxy {
  address: string;
  url: string;
  /** Every request in its order; `at` in ms on one clock. */
  asked: { method: string; path: string; at: number; fault: Fault["kind"] | undefined }[];
  /** Connections made to it. */
  connections: number;
  close(): Promise<void>;
}

/** Stands before servers (`http://…`, chosen by path) and does to requests what the first rule that still applies says. */
export async function startProxy(target: (path: string) => string, rules: Rule[] = []): Promise<FaultProxy> {
  const left = rules.map((rule) => ({ ...rule, times: rule.times ?? Number.POSITIVE_INFINITY }));
  const sockets = new Set<Socket>();
  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const path = incoming.url ?? "";
    const rule = left.find((one) => one.times > 0 && one.path.test(path));
    if (rule) rule.times--;
    const fault = rule?.fault;
    proxy.asked.push({ method: incoming.method ?? "", path, at: performance.now(), fault: fault?.kind });
    const body = await collect(incoming);
    if (fault?.kind === "stall") return;
    if (fault?.kind === "reset" && fault.when === "before") return incoming.socket.resetAndDestroy();
    if (fault?.kind === "answer") return response.writeHead(fault.status, fault.headers).end(fault.body);
    const reply = await passOn(target(path), incoming, body);
    if (fault?.kind === "reset") return cutOff(reply, response);
    if (fault?.kind === "slow") return drip(reply, response, fault);
    const sent = fault ? fault.change(reply) : reply;
    response.writeHead(sent.status, { ...sent.headers, "content-length": sent.body.length }).end(sent.body);
  };
  // Whoever asks may be gone before it is answered, as an agent that has failed.
  const server = createServer((incoming, response) => serve(incoming, response).catch(() => response.destroy()));
  server.on("connection", (socket) => {
    proxy.connections++;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const proxy: FaultProxy = {
    address: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    asked: [],
    connections: 0,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  return proxy;
}

async function collect(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function passOn(to: string, incoming: IncomingMessage, body: Buffer): Promise<Reply> {
  const { host: _, connection: __, "transfer-encoding": ___, ...headers } = incoming.headers;
  return new Promise((resolve, reject) => {
    const onward = request(to + incoming.url, { method: incoming.method, headers, agent: false }, async (answer) => {
      const {
        connection: _,
        "keep-alive": __,
        "transfer-encoding": ___,
        "content-length": ____,
        ...kept
      } = answer.headers;
      const single = Object.entries(kept).map(([name, value]): [string, string] => [name, String(value)]);
      resolve({ status: answer.statusCode ?? 0, headers: Object.fromEntries(single), body: await collect(answer) });
    });
    onward.on("error", reject);
    onward.end(body);
  });
}

function cutOff(reply: Reply, response: ServerResponse): void {
  response.writeHead(reply.status, { ...reply.headers, "content-length": reply.body.length });
  response.write(reply.body.subarray(0, reply.body.length / 2), () => response.socket?.resetAndDestroy());
}

function drip(reply: Reply, response: ServerResponse, fault: Fault & { kind: "slow" }): void {
  const { part, everyMs, bytes = 1 } = fault;
  const fields = Object.entries({ ...reply.headers, "content-length": String(reply.body.length) });
  const head = Buffer.from(
    `HTTP/1.1 ${reply.status} Slow\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
  );
  const at = part === "head" ? 0 : head.length;
  const whole = Buffer.concat([head, reply.body]);
  const { socket } = response;
  if (!socket) return;
  if (at > 0) socket.write(whole.subarray(0, at));
  let next = at;
  const timer = setInterval(() => {
    if (socket.destroyed || next >= whole.length) return clearInterval(timer);
    socket.write(whole.subarray(next, next + bytes));
    next += bytes;
  }, everyMs);
}
