import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createMachines } from "../../../emulator/machines/index.ts";
import { makeSpec, makeWorld } from "./world.ts";

/** A program that runs one machine until it is killed: `emulator.ts FOLDER`, with the image in FOLDER/image.tar.gz. */
const folder = process.argv[2] ?? "";
const machines = createMachines(makeWorld(folder), { kind: "process", agent: "" });
const content = machines.addContent(readFileSync(join(folder, "image.tar.gz")));
await machines.start(makeSpec({ content }), { serial: (text) => process.stdout.write(text) });
setInterval(() => {}, 60_000);
