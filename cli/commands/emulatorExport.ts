import { writeFileSync } from "node:fs";
import type { Command } from "../args.ts";
import { DOOR_FLAGS, openDoor } from "../emulator/door.ts";
import { CliError, EXIT } from "../failure.ts";

export const command: Command = {
  name: "emulator export",
  summary: "write everything that a running emulator holds to a tar.gz",
  words: [{ name: "FILE" }],
  flags: DOOR_FLAGS,
  details: `The file is a state folder: it can be imported, or unpacked and used with --state. It holds the secrets and the key
they are sealed with. What machines have on their disks is not in it: they boot from their images again.`,
  examples: ["moult emulator export before-the-rollout.tar.gz"],
  run: async (given, { out, env }) => {
    const file = given.word(0);
    const bytes = Buffer.from(await (await openDoor(given, env).call("GET", "/export")).arrayBuffer());
    try {
      writeFileSync(file, bytes, { mode: 0o600 });
    } catch (problem) {
      throw new CliError(EXIT.failed, `${file} cannot be written: ${(problem as Error).message}`);
    }
    out.write(`${file} has ${Math.ceil(bytes.length / 1024)} KiB\n`);
    return EXIT.ok;
  },
};
