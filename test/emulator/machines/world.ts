import { createHash } from "node:crypto";
import { type Clock, RealClock } from "../../../emulator/frame/clock.ts";
import { Ids } from "../../../emulator/frame/ids.ts";
import type { World } from "../../../emulator/frame/world.ts";
import type { MachineSpec } from "../../../emulator/machines/machines.ts";

/** A world of which only clock, folder and the token doors are real enough to be asked. */
export function makeWorld(folder: string, clock: Clock = new RealClock()): World {
  const unexpected = () => {
    throw new Error("machines have no business here");
  };
  let tokens = 0;
  return {
    project: "acme",
    projectNumber: "123456789012",
    clock,
    ids: new Ids("test"),
    loose: false,
    folder,
    origin: "http://127.0.0.1:1",
    doors: {
      log: unexpected,
      publish: unexpected,
      readObject: unexpected,
      allowed: unexpected,
      principal: unexpected,
      accessToken: (email) => ({ token: `ya29.${++tokens}.${email}`, expiresInSeconds: 3600 }),
      identityToken: (claims) => `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`,
    },
    changed: () => {},
  };
}

let machines = 0;

/** A machine with an address of its own; what a test does not care about is filled in. */
export function makeSpec(part: Partial<MachineSpec> & { metadata?: Record<string, string> } = {}): MachineSpec {
  const { metadata = {}, ...spec } = part;
  const order = ++machines;
  const seed = createHash("sha256").update(`${process.pid}.${process.env.VITEST_WORKER_ID}`).digest();
  return {
    id: `518436304627895${String(order).padStart(4, "0")}`,
    name: `web-${order}`,
    zone: "us-central1-a",
    hostname: `web-${order}.us-central1-a.c.acme.internal`,
    machineType: "e2-small",
    tags: ["web", "http"],
    // Test files run beside one another on one computer.
    ip: `127.${100 + ((seed[0] ?? 0) % 100)}.${seed[1]}.${order}`,
    image: "projects/acme/global/images/web-20261120-120000-abc1234",
    serviceAccount: {
      email: "web-vm@acme.iam.gserviceaccount.com",
      scopes: ["https://www.googleapis.com/auth/cloud-platform"],
    },
    attributes: () => metadata,
    projectAttributes: () => ({}),
    guestAttributes: new Map(),
    ...spec,
  };
}
