import { readFileSync } from "node:fs";
import { type Command, usage } from "../args.ts";
import { DOOR_FLAGS, openDoor } from "../emulator/door.ts";
import { EXIT } from "../failure.ts";

export const command: Command = {
  name: "emulator import",
  summary: "replace everything in a running emulator by what an export holds",
  words: [{ name: "FILE" }],
  flags: DOOR_FLAGS,
  details: "A file that cannot be read, or is of another version or project, changes nothing.",
  examples: ["moult emulator import before-the-rollout.tar.gz"],
  run: async (given, { out, env }) => {
    const file = given.word(0);
    await openDoor(given, env).call("POST", "/import", read(file));
    out.write(`the emulator holds what ${file} does\n`);
    return EXIT.ok;
  },
};

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (problem) {
    throw usage(`${file} cannot be read: ${(problem as Error).message}`);
  }
}
