import type { Command } from "../args.ts";
import { JSON_FLAG } from "../cloud.ts";
import { DOOR_FLAGS, type Fault, openDoor } from "../emulator/door.ts";
import { about, doing, howOften } from "../emulator/words.ts";
import { EXIT } from "../failure.ts";
import { table } from "../terminal/table.ts";

export const command: Command = {
  name: "emulator fault list",
  summary: "list the faults of a running emulator, with what they matched and how often they struck",
  words: [],
  flags: { ...DOOR_FLAGS, ...JSON_FLAG },
  examples: ["moult emulator fault list"],
  run: async (given, { out, env }) => {
    const { faults } = (await (await openDoor(given, env).call("GET", "/faults")).json()) as { faults: Fault[] };
    if (given.has("json")) out.write(`${JSON.stringify(faults)}\n`);
    else if (faults.length === 0) out.write("there are no faults\n");
    else {
      const rows = faults.map((fault) => [
        out.paint("bold", fault.id),
        about(fault),
        doing(fault),
        howOften(fault),
        String(fault.seen),
        String(fault.fired),
      ]);
      const width = out.live ? out.width() : undefined;
      out.write(table(["ID", "ABOUT", "DOES", "HOW OFTEN", "SEEN", "STRUCK"], rows, out.paint, width));
    }
    return EXIT.ok;
  },
};
