import { get } from "node:http";
import { connect } from "node:net";
import type { Clock } from "../frame/clock.ts";
import type { HealthProbe, ProbeResult } from "./machines.ts";

/** One health check as Google's probers do it: a new connection each time, HTTP 200 to 299 is well. */
export function probeAddress(clock: Clock, ip: string, probe: HealthProbe): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const settle = (result: ProbeResult) => {
      cancel();
      end();
      resolve(result);
    };
    const cancel = clock.after(probe.timeoutMs, () => settle("TIMEOUT"));
    const end = probe.type === "HTTP" ? probeHttp(ip, probe, settle) : probeTcp(ip, probe, settle);
  });
}

function probeHttp(ip: string, { port, requestPath }: HealthProbe, settle: (result: ProbeResult) => void): () => void {
  const request = get({ host: ip, port, path: requestPath, agent: false, headers: { "user-agent": "GoogleHC/1.0" } });
  request.on("response", (response) => {
    const status = response.statusCode ?? 0;
    settle(status >= 200 && status < 300 ? "HEALTHY" : "UNHEALTHY");
  });
  request.on("error", () => settle("UNHEALTHY"));
  return () => request.destroy();
}

function probeTcp(ip: string, { port }: HealthProbe, settle: (result: ProbeResult) => void): () => void {
  const socket = connect(port, ip);
  socket.on("connect", () => settle("HEALTHY"));
  socket.on("error", () => settle("UNHEALTHY"));
  return () => socket.destroy();
}
