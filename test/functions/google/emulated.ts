import { randomUUID } from "node:crypto";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";
import { type Compute, makeCompute } from "../../../functions/google/compute.ts";
import { type Monitoring, makeMonitoring } from "../../../functions/google/monitoring.ts";
import { makeRest, type Rest } from "../../../functions/google/rest.ts";
import type { Operation } from "../../../wire/compute.d.ts";

export const PROJECT = "acme-prod";

/** An emulator with virtual machines that are quick, and the control plane's own clients of it, whose calls are counted. */
export interface Emulated {
  emulator: Emulator;
  /** Its root. */
  root: Rest;
  rest: Rest;
  compute: Compute;
  monitoring: Monitoring;
  /** Every call to Compute: method and path. */
  calls: string[];
  insert(path: string, body: object): Promise<void>;
  image(name: string): Promise<void>;
  template(name: string, image: string): Promise<void>;
  close(): Promise<void>;
}

const nobody = { getRequestHeaders: async () => new Headers() };

export async function openEmulated(): Promise<Emulated> {
  const emulator = await startEmulator({ instances: "virtual", project: PROJECT });
  const root = makeRest(`${emulator.url}/`, nobody);
  const plain = makeRest(`${emulator.url}/compute/v1/`, nobody);
  const calls: string[] = [];
  const rest: Rest = {
    get: (path, query) => {
      calls.push(`GET ${path}`);
      return plain.get(path, query);
    },
    send: (method, path, body, query) => {
      calls.push(`${method} ${path}`);
      return plain.send(method, path, body, query);
    },
  };
  const compute = makeCompute(rest, PROJECT);
  const timings = await root.get<Record<string, unknown>>("emulator/timings");
  const quick = Object.fromEntries(
    Object.entries(timings).flatMap(([name, value]) =>
      typeof value === "number" ? [[name, Math.min(value, 20)]] : [],
    ),
  );
  await root.send("PATCH", "emulator/timings", quick);
  const insert = async (path: string, body: object) =>
    compute.waitFor(
      await plain.send<Operation>("POST", `projects/${PROJECT}/${path}`, body, { requestId: randomUUID() }),
    );
  return {
    emulator,
    root,
    rest,
    compute,
    monitoring: makeMonitoring(root),
    calls,
    insert,
    image: (name) =>
      insert("global/images", {
        name,
        family: "web",
        sourceImage: "projects/debian-cloud/global/images/family/debian-12",
      }),
    template: (name, image) =>
      insert("global/instanceTemplates", {
        name,
        properties: {
          machineType: "e2-small",
          disks: [
            {
              boot: true,
              autoDelete: true,
              initializeParams: { sourceImage: `projects/${PROJECT}/global/images/${image}`, diskSizeGb: "10" },
            },
          ],
          networkInterfaces: [{ network: "global/networks/default" }],
          metadata: { items: [{ key: "enable-guest-attributes", value: "TRUE" }] },
        },
      }),
    close: () => emulator.close(),
  };
}
