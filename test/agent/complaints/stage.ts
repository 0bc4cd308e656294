import { createServer, type Server } from "node:net";
import type { FakeCloud } from "../cloud.ts";
import type { Machine, Run } from "../machine.ts";

/** Everything that a boot said to anybody, whether people, programs or the cloud. */
export function told(run: Run, cloud: FakeCloud): string {
  const elsewhere = [...cloud.guestAttributes.values(), ...cloud.objects.values(), JSON.stringify(cloud.published)];
  return [run.stdout, run.stderr, ...elsewhere].map(String).join("\n");
}

/** Runs this CommonJS in the agent's process before the agent itself. */
export function beforeAgent(machine: Machine, script: string): void {
  machine.write("/before.cjs", script);
  machine.env = { ...machine.env, NODE_OPTIONS: `--require ${machine.root}/before.cjs` };
}

/** @returns the port. */
export function listening(server: Server, port = 0, host = "127.0.0.1"): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
