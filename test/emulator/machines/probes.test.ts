import { generateKeyPairSync } from "node:crypto";
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2, createSecureServer, type ServerHttp2Stream } from "node:http2";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from "node:net";
import { createServer as createTls } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { RealClock } from "../../../emulator/frame/clock.ts";
import { certificate } from "../../../emulator/iam/certificate.ts";
import type { HealthProbe, ProbeResult } from "../../../emulator/machines/machines.ts";
import { probeAddress } from "../../../emulator/machines/probe.ts";

/** Nobody's: probers do not look at certificates, and this one is even past its time. */
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const TLS = {
  key: privateKey.export({ type: "pkcs8", format: "pem" }),
  cert: certificate(privateKey, publicKey, "nobody", 0, 1),
};

const sockets = new Set<Socket>();
const servers: Server[] = [];
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((closed) => server.close(closed))));
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return (server.address() as AddressInfo).port;
}

const probe = (type: HealthProbe["type"], port: number, more: Partial<HealthProbe> = {}): Promise<ProbeResult> =>
  probeAddress(new RealClock(), "127.0.0.1", { type, port, requestPath: "/", timeoutMs: 3000, ...more });

/** Answers /N with status N, and says what it was asked for. */
const page = (request: IncomingMessage, response: ServerResponse) => {
  response.statusCode = Number(request.url?.slice(1)) || 200;
  response.end(`host=${request.headers.host} ${"x".repeat(1100)} late`);
};

describe.each([
  ["HTTP", () => createHttp(page)],
  ["HTTPS", () => createHttps(TLS, page)],
] as const)("%s", (type, serve) => {
  test.each<[what: string, more: Partial<HealthProbe>, result: ProbeResult]>([
    ["200 is well", {}, "HEALTHY"],
    ["204 is not", { requestPath: "/204" }, "UNHEALTHY"],
    ["a redirect is not", { requestPath: "/302" }, "UNHEALTHY"],
    ["the host is the address", { response: "host=127.0.0.1 " }, "HEALTHY"],
    ["the host is the one of the check", { host: "web.example", response: "host=web.example" }, "HEALTHY"],
    ["a text that is not there", { response: "nowhere" }, "UNHEALTHY"],
    ["a text that comes after the first kilobyte", { response: "late" }, "UNHEALTHY"],
  ])("%s", async (_, more, result) => {
    expect(await probe(type, await listening(serve()), more)).toBe(result);
  });
});

test("HTTPS to a server that does not encrypt, and the other way round, is not well", async () => {
  expect(await probe("HTTPS", await listening(createHttp(page)))).toBe("UNHEALTHY");
  expect(await probe("HTTP", await listening(createHttps(TLS, page)))).toBe("UNHEALTHY");
});

describe.each([
  ["TCP", (on: (socket: Socket) => void) => createTcp(on)],
  ["SSL", (on: (socket: Socket) => void) => createTls(TLS, on)],
] as const)("%s", (type, serve) => {
  const echo = (socket: Socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => socket.write(chunk.toString() === "PING" ? "PONG" : "WHAT"));
  };
  test.each<[what: string, more: Partial<HealthProbe>, result: ProbeResult]>([
    ["a connection is enough", {}, "HEALTHY"],
    ["the expected answer", { request: "PING", response: "PONG" }, "HEALTHY"],
    ["another answer", { request: "PONG", response: "PONG" }, "UNHEALTHY"],
    ["no answer", { response: "PONG", timeoutMs: 200 }, "TIMEOUT"],
  ])("%s", async (_, more, result) => {
    expect(await probe(type, await listening(serve(echo)), more)).toBe(result);
  });

  test("a port where nobody listens is not well", async () => {
    const port = await listening(serve(echo));
    await new Promise((closed) => servers.pop()?.close(closed));
    expect(await probe(type, port)).toBe("UNHEALTHY");
  });
});

test("the PROXY line comes before everything else", async () => {
  const said: string[] = [];
  const port = await listening(
    createTcp((socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk: Buffer) => {
        said.push(chunk.toString());
        if (said.join("").includes("\r\n\r\n")) socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
      });
    }),
  );
  expect(await probe("HTTP", port, { proxyHeader: true })).toBe("HEALTHY");
  expect(said.join("")).toMatch(/^PROXY UNKNOWN\r\nGET \/ HTTP\/1\.1\r\n/);
});

test("HTTP2 wants 200 over an encrypted connection", async () => {
  const port = await listening(
    createSecureServer(TLS, (request, response) => {
      response.statusCode = Number(request.url.slice(1)) || 200;
      response.end("all is well");
    }),
  );
  expect(await probe("HTTP2", port)).toBe("HEALTHY");
  expect(await probe("HTTP2", port, { response: "is well" })).toBe("HEALTHY");
  expect(await probe("HTTP2", port, { response: "is ill" })).toBe("UNHEALTHY");
  expect(await probe("HTTP2", port, { requestPath: "/503" })).toBe("UNHEALTHY");
  expect(await probe("HTTP2", await listening(createHttps(TLS, page)))).toBe("UNHEALTHY");
});

describe.each([
  ["GRPC", () => createHttp2()],
  ["GRPC_WITH_TLS", () => createSecureServer(TLS)],
] as const)("%s", (type, serve) => {
  /** A health service in which `web` serves, `db` does not, and nobody else is known. */
  const health = async () => {
    const server = serve();
    server.on("stream", (stream: ServerHttp2Stream, headers) => {
      stream.on("error", () => {});
      stream.on("data", (frame: Buffer) => {
        const name = frame.subarray(7).toString();
        const known = ["", "web", "db"].includes(name) && headers[":path"] === "/grpc.health.v1.Health/Check";
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": known ? "0" : "5" }));
        stream.end(known ? Buffer.from([0, 0, 0, 0, 2, 8, name === "db" ? 2 : 1]) : Buffer.alloc(0));
      });
    });
    return listening(server);
  };
  test.each<[what: string, grpcService: string | undefined, result: ProbeResult]>([
    ["SERVING is well", undefined, "HEALTHY"],
    ["a service that serves", "web", "HEALTHY"],
    ["NOT_SERVING is not", "db", "UNHEALTHY"],
    ["a service that is not known is not", "cache", "UNHEALTHY"],
  ])("%s", async (_, grpcService, result) => {
    expect(await probe(type, await health(), grpcService === undefined ? {} : { grpcService })).toBe(result);
  });
});
