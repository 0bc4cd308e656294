import { createHash } from "node:crypto";
import type { World } from "../frame/world.ts";
import type { Behaviours } from "./behaviours.ts";
import type { MachineSpec, Machines } from "./machines.ts";

/** Machines that are only names: nothing runs, thousands cost nothing, and health is what the behaviours say. */
export function createVirtualMachines(world: Pick<World, "clock">, behaviours: Behaviours): Machines {
  const running = new Map<string, { spec: MachineSpec; since: number }>();
  return {
    kind: "virtual",
    addContent: (tarball) => createHash("sha256").update(tarball).digest("hex"),
    start: async (spec, events) => {
      if (running.has(spec.id)) throw new Error(`instance ${spec.name} runs already`);
      running.set(spec.id, { spec, since: world.clock.now() });
      events.serial(`init: ${spec.name} (${spec.id}) is virtual: nothing runs on it\n`);
    },
    pause: async () => {},
    resume: async (id) => {
      if (!running.has(id)) throw new Error(`instance ${id} is off`);
    },
    stop: async (id) => {
      running.delete(id);
    },
    remove: async (id) => {
      running.delete(id);
    },
    probe: async (id, probe) => {
      const machine = running.get(id);
      // Nobody answers at the address of a machine that is off.
      if (!machine) return "TIMEOUT";
      return behaviours.health(machine.spec, (world.clock.now() - machine.since) / 1000, probe.check);
    },
    close: async () => running.clear(),
  };
}
