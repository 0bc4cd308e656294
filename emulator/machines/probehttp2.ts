import { type ClientHttp2Session, connect } from "node:http2";
import type { HealthProbe, ProbeResult } from "./machines.ts";
import { answers, type OneProbe, openFor } from "./probestream.ts";

function session(ip: string, probe: HealthProbe, settle: (result: ProbeResult) => void): ClientHttp2Session {
  const scheme = probe.type === "GRPC" ? "http" : "https";
  const unhealthy = () => settle("UNHEALTHY");
  const opened = connect(`${scheme}://${ip}:${probe.port}`, { createConnection: () => openFor(ip, probe, unhealthy) });
  opened.on("error", unhealthy);
  // A server that speaks HTTP/1 hangs up without a word.
  opened.on("close", unhealthy);
  return opened;
}

/** As over HTTP/1.1; the address stands for the host when the check names none. */
export function probeHttp2(...[ip, probe, settle]: Parameters<OneProbe>): () => void {
  const opened = session(ip, probe, settle);
  const stream = opened.request({
    ":path": probe.requestPath,
    ":authority": probe.host ?? ip,
    "user-agent": "GoogleHC/1.0",
  });
  stream.on("error", () => settle("UNHEALTHY"));
  stream.on("response", (headers) => {
    if (headers[":status"] !== 200) settle("UNHEALTHY");
    else if (probe.response === undefined) settle("HEALTHY");
    else answers(stream, probe.response, settle);
  });
  return () => opened.destroy();
}

/** The protocol of grpc.health.v1: only SERVING, with status OK, is well. https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
export function probeGrpc(...[ip, probe, settle]: Parameters<OneProbe>): () => void {
  const opened = session(ip, probe, settle);
  const stream = opened.request({
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Check",
    "content-type": "application/grpc",
    te: "trailers",
  });
  let message = Buffer.alloc(0);
  let status: unknown;
  stream.on("error", () => settle("UNHEALTHY"));
  stream.on("response", (headers) => {
    status = headers["grpc-status"];
  });
  stream.on("trailers", (trailers) => {
    status = trailers["grpc-status"];
  });
  stream.on("data", (chunk: Buffer) => {
    message = Buffer.concat([message, chunk]);
  });
  stream.on("end", () => settle(String(status) === "0" && isServing(message) ? "HEALTHY" : "UNHEALTHY"));
  stream.end(framed(probe.grpcService ?? ""));
  return () => opened.destroy();
}

/** HealthCheckRequest has one field, the service's name. */
function framed(service: string): Buffer {
  const name = Buffer.from(service);
  const body = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** HealthCheckResponse has one field, an enum in which 1 is SERVING. */
function isServing(message: Buffer): boolean {
  return message.length >= 7 && message[5] === 0x08 && message[6] === 1;
}
