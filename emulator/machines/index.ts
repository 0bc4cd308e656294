import type { World } from "../frame/world.ts";
import type { Machines } from "./machines.ts";

export interface MachinesOptions {
  kind: "process" | "virtual";
  /** The bundled agent, `moult-agent.cjs`. Machines whose image has a manifest boot through it. */
  agent: string;
}

export function createMachines(_world: World, options: MachinesOptions): Machines {
  return {
    kind: options.kind,
    addContent: () => "",
    start: async () => {},
    stop: async () => {},
    remove: async () => {},
    probe: async () => "HEALTHY",
    close: async () => {},
  };
}
