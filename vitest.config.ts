import { configDefaults, defineConfig } from "vitest/config";

/**
 * gcloud costs about a second of processor time a command, and there are some seven hundred: `npm test` runs the scenarios of
 * rolling updates, images, secrets, logging and schedules (about 230 commands), `npm run test:contract` all of them.
 */
const MORE_GCLOUD = ["backends", "create-groups", "machines", "members", "pubsub", "scaling", "storage", "templates"];
const left =
  process.env.MOULT_GCLOUD === "all" ? [] : MORE_GCLOUD.map((name) => `test/contract/gcloud/${name}.test.ts`);

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...left],
    // Scenarios start real processes on two cores; more files at once only make each other slow.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
