import { request as httpRequest } from "node:http";
import type { Clock } from "../frame/clock.ts";
import type { HealthProbe, ProbeResult, ProbeType } from "./machines.ts";
import { probeGrpc, probeHttp2 } from "./probehttp2.ts";
import { answers, type OneProbe, openFor } from "./probestream.ts";

const PROBES: Record<ProbeType, OneProbe> = {
  HTTP: probeHttp,
  HTTPS: probeHttp,
  HTTP2: probeHttp2,
  TCP: probeStream,
  SSL: probeStream,
  GRPC: probeGrpc,
  GRPC_WITH_TLS: probeGrpc,
};

/**
 * One health check as Google's probers do it: a new connection each time, and no certificate is looked at.
 * https://docs.cloud.google.com/load-balancing/docs/health-check-concepts#criteria-protocol-http
 */
export function probeAddress(clock: Clock, ip: string, probe: HealthProbe): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const settle = (result: ProbeResult) => {
      cancel();
      end();
      resolve(result);
    };
    const cancel = clock.after(probe.timeoutMs, () => settle("TIMEOUT"));
    const end = PROBES[probe.type](ip, probe, settle);
  });
}

/** 200 and nothing else is well, with the expected text near the beginning of the body where one is expected. */
function probeHttp(...[ip, probe, settle]: Parameters<OneProbe>): () => void {
  const { port, requestPath, host = ip, response: expected } = probe;
  const request = httpRequest({
    host: ip,
    port,
    path: requestPath,
    headers: { host, "user-agent": "GoogleHC/1.0", connection: "close" },
    createConnection: () => openFor(ip, probe, () => settle("UNHEALTHY")),
  });
  request.on("response", (response) => {
    if (response.statusCode !== 200) settle("UNHEALTHY");
    else if (expected === undefined) settle("HEALTHY");
    else answers(response, expected, settle);
  });
  request.on("error", () => settle("UNHEALTHY"));
  request.end();
  return () => request.destroy();
}

/** A connection is enough, unless an answer is expected: then exactly that must come. */
function probeStream(...[ip, probe, settle]: Parameters<OneProbe>): () => void {
  const { request, response } = probe;
  const socket = openFor(ip, probe, () => settle("UNHEALTHY"));
  socket.on(probe.type === "SSL" ? "secureConnect" : "connect", () => {
    if (request !== undefined) socket.write(request);
    if (response === undefined) settle("HEALTHY");
  });
  let said = "";
  socket.on("data", (chunk: Buffer) => {
    said += chunk.toString("latin1");
    if (response === undefined || said.length < response.length) return;
    settle(said.startsWith(response) ? "HEALTHY" : "UNHEALTHY");
  });
  socket.on("end", () => settle("UNHEALTHY"));
  return () => socket.destroy();
}
