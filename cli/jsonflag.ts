import type { Flag } from "./args.ts";

/** Apart from cli/cloud.ts: a command that asks no cloud for anything need not load the clients for it. */
export const JSON_FLAG = { json: { help: "print JSON, for programs" } } satisfies Record<string, Flag>;
