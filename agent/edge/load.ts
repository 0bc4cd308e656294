import { createRequire } from "node:module";

/**
 * Loads a module of Node only when it is needed: http2 costs 14 ms of start, crypto 5, child_process 4, net 3. Not
 * `import()`, which starts the ESM loader; not `process.getBuiltinModule`, which Node 18 lacks. The path only has to be
 * absolute.
 */
const require = createRequire("/");

let crypto = false;
const withCrypto = <T>(module: T): T => {
  crypto = true;
  return module;
};

/** Whether something has loaded node:crypto already: TLS does. */
export const hasCrypto = (): boolean => crypto;

/** Without the copy of all its properties that a default import makes in a bundle. */
export const loadFs = (): typeof import("node:fs") => require("node:fs");
export const loadHttp2 = (): typeof import("node:http2") => require("node:http2");
export const loadTls = (): typeof import("node:tls") => withCrypto(require("node:tls"));
export const loadCrypto = (): typeof import("node:crypto") => withCrypto(require("node:crypto"));
export const loadChildProcess = (): typeof import("node:child_process") => require("node:child_process");
export const loadNet = (): typeof import("node:net") => require("node:net");
