import { locked } from "../../../cli/config/lock.ts";

// Until it is killed.
await locked(process.argv[2] ?? "", async () => {
  process.send?.("held");
  await new Promise((resolve) => setTimeout(resolve, 3_600_000));
});
