import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

/** One call of the functions to Google, as it went by. */
export interface Call {
  /** When it came and when its answer had gone, ms of this process's clock. */
  at: number;
  ended: number;
  method: string;
  /** With its query. */
  path: string;
  status: number;
}

export interface CountingProxy {
  /** `http://127.0.0.1:<port>` */
  origin: string;
  calls: Call[];
  close(): Promise<void>;
}

/** Stands between the functions and the emulator, passes everything on and counts it. Costs each call about half a millisecond. */
export async function startProxy(target: string): Promise<CountingProxy> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const calls: Call[] = [];
  const server = createServer((incoming, answer) => {
    const { method = "GET", url: path = "/", headers } = incoming;
    const call: Call = { at: performance.now(), ended: Number.NaN, method, path, status: 0 };
    calls.push(call);
    const onward = request({ hostname, port, method, path, headers, agent }, (response) => {
      call.status = response.statusCode ?? 0;
      answer.writeHead(call.status, response.headers);
      response.pipe(answer);
      response.on("end", () => {
        call.ended = performance.now();
      });
    });
    onward.on("error", () => answer.destroy());
    incoming.pipe(onward);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: async () => {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const isCompute = ({ path }: Call) => path.startsWith("/compute/");
const READS_GROUP = /\/instanceGroupManagers\/[^/?]+(\?|$)/;

/** A look reads each group once, whatever else it asks. */
export const isLook = (call: Call) => call.method === "GET" && isCompute(call) && READS_GROUP.test(call.path);
export const isPatch = (call: Call) => call.method === "PATCH" && READS_GROUP.test(call.path);
export const isStorage = ({ path }: Call) => /^\/(storage|upload|download|b)\//.test(path);

export { isCompute };
