// node scripts/build-agent.mjs FOLDER: only the agent's bundles, for tests.
import { buildAgent } from "./bundles.mjs";

await buildAgent(process.argv[2]);
