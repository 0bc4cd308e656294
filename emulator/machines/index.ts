import type { World } from "../frame/world.ts";
import { Behaviours } from "./behaviours.ts";
import type { Machines } from "./machines.ts";
import { createProcessMachines } from "./process.ts";
import { createVirtualMachines } from "./virtual.ts";

export { createMachineAdmin } from "./admin.ts";

export interface MachinesOptions {
  kind: "process" | "virtual";
  /** The bundled agent, `moult-agent.cjs`. Machines whose image has a manifest boot through it. */
  agent: string;
}

export interface EmulatedMachines extends Machines {
  /** In force for virtual machines only. */
  behaviours: Behaviours;
}

export function createMachines(world: World, options: MachinesOptions): EmulatedMachines {
  const behaviours = new Behaviours();
  const machines =
    options.kind === "process" ? createProcessMachines(world, options.agent) : createVirtualMachines(world, behaviours);
  return { ...machines, behaviours };
}
