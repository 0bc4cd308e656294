import { createRequire } from "node:module";

/**
 * Loads a module of Node only when it is needed: http2 costs 14 ms of start, child_process 4. Not `import()`, which
 * starts the ESM loader; not `process.getBuiltinModule`, which Node 18 lacks. The path only has to be absolute.
 */
const require = createRequire("/");

export const loadHttp2 = (): typeof import("node:http2") => require("node:http2");
export const loadChildProcess = (): typeof import("node:child_process") => require("node:child_process");
export const loadNet = (): typeof import("node:net") => require("node:net");
