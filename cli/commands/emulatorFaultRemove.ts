import { type Command, usage } from "../args.ts";
import { DOOR_FLAGS, openDoor } from "../emulator/door.ts";
import { EXIT } from "../failure.ts";

export const command: Command = {
  name: "emulator fault remove",
  summary: "take a fault of a running emulator away, or all of them",
  words: [{ name: "ID", optional: true }],
  flags: { all: { help: "every fault" }, ...DOOR_FLAGS },
  examples: ["moult emulator fault remove fault-1", "moult emulator fault remove --all"],
  run: async (given, { out, env }) => {
    const id = given.words[0];
    if ((id === undefined) === !given.has("all")) throw usage("name one fault by its ID, or all with --all");
    await openDoor(given, env).call("DELETE", id === undefined ? "/faults" : `/faults/${encodeURIComponent(id)}`);
    out.write(id === undefined ? "there are no faults any more\n" : `${id} is gone\n`);
    return EXIT.ok;
  },
};
