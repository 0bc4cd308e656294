// node emulator.ts KIND AGENT: the emulator as a process of its own; one ready line, and it ends with its standard input.
import { startEmulator } from "../../../emulator/index.ts";
import { PROJECT } from "./names.ts";

const [kind, agent = ""] = process.argv.slice(2);
const emulator = await startEmulator({
  project: PROJECT,
  instances: kind === "process" ? "process" : "virtual",
  agent,
});
process.stdout.write(`${JSON.stringify({ url: emulator.url, env: emulator.env })}\n`);
process.stdin.resume().on("end", async () => {
  await emulator.close();
  process.exit(0);
});
