import { connect, type Socket } from "node:net";
import type { Readable } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { HealthProbe, ProbeResult, ProbeType } from "./machines.ts";

/** Begins one probe and returns what breaks it off; `settle` may be called more than once. */
export type OneProbe = (ip: string, probe: HealthProbe, settle: (result: ProbeResult) => void) => () => void;

const ENCRYPTED: ReadonlySet<ProbeType> = new Set(["HTTPS", "HTTP2", "SSL", "GRPC_WITH_TLS"]);
const HTTP2: ReadonlySet<ProbeType> = new Set(["HTTP2", "GRPC_WITH_TLS"]);

/** So many bytes of a body are looked at. */
const LOOKED_AT = 1024;

/** A new connection to the machine, encrypted where the probe wants it. The PROXY line goes before all encryption. */
export function openFor(ip: string, { type, port, proxyHeader }: HealthProbe, failed: () => void): Socket {
  const plain = connect(port, ip);
  plain.on("error", failed);
  if (proxyHeader) plain.write("PROXY UNKNOWN\r\n");
  if (!ENCRYPTED.has(type)) return plain;
  const socket = connectTls({
    socket: plain,
    // Probers accept any certificate: https://docs.cloud.google.com/load-balancing/docs/health-check-concepts
    rejectUnauthorized: false,
    ...(HTTP2.has(type) && { ALPNProtocols: ["h2"] }),
  });
  socket.on("error", failed);
  return socket;
}

/** Whether the expected text stands in what a body begins with. */
export function answers(body: Readable, expected: string, settle: (result: ProbeResult) => void): void {
  let seen = "";
  body.on("data", (chunk: Buffer) => {
    seen = (seen + chunk.toString("latin1")).slice(0, LOOKED_AT);
    if (seen.includes(expected)) settle("HEALTHY");
    else if (seen.length === LOOKED_AT) settle("UNHEALTHY");
  });
  body.on("end", () => settle(seen.includes(expected) ? "HEALTHY" : "UNHEALTHY"));
}
