import type { Command } from "../args.ts";
import { DOOR_FLAGS, openDoor } from "../emulator/door.ts";
import { EXIT } from "../failure.ts";

export const command: Command = {
  name: "emulator reset",
  summary: "empty a running emulator: no machine, object, topic, secret or fault is left",
  words: [],
  flags: DOOR_FLAGS,
  details: `Ports and project stay. An emulator that was started with --functions is set up again as at its start. Time on a
manual clock is not put back.`,
  examples: ["moult emulator reset"],
  run: async (given, { out, env }) => {
    await openDoor(given, env).call("POST", "/reset");
    out.write("the emulator is empty\n");
    return EXIT.ok;
  },
};
