/**
 * Loaded into a function's process before the framework (`node --require`). The framework listens on every address of
 * the computer at PORT; here what it listens at is a socket that only the emulator knows, so that PORT can be the real
 * service's 8080 in every function at once and nobody gets past the invoker check. Secret volumes appear at their mount
 * paths without touching the computer's own folders. The process ends with the emulator, however that ends.
 */
export const PRELOAD = `"use strict";
const given = process.env.MOULT_FUNCTION;
delete process.env.MOULT_FUNCTION;
if (given) {
  const { socket, port, mounts } = JSON.parse(given);
  const net = require("node:net");
  const { listen } = net.Server.prototype;
  net.Server.prototype.listen = function (...args) {
    const first = args[0];
    const asked = typeof first === "object" && first !== null ? first.port : first;
    if (String(asked) !== port) return listen.apply(this, args);
    this.once("listening", () => process.send?.("listening"));
    return listen.call(this, socket, ...args.filter((one) => typeof one === "function").slice(-1));
  };
  process.once("disconnect", () => process.exit(0));
  process.channel?.unref();
  if (mounts.length > 0) {
    const fs = require("node:fs");
    const path = require("node:path");
    const { fileURLToPath } = require("node:url");
    const real = (file) => {
      const text = file instanceof URL ? fileURLToPath(file) : Buffer.isBuffer(file) ? file.toString() : file;
      if (typeof text !== "string") return file;
      const whole = path.resolve(text);
      for (const [mount, folder] of mounts) {
        if (whole === mount || whole.startsWith(mount + "/")) return folder + whole.slice(mount.length);
      }
      return file;
    };
    const names = ["access", "createReadStream", "exists", "lstat", "open", "opendir", "readFile", "readdir", "readlink", "realpath", "stat", "watch", "watchFile"];
    const wrap = (holder, name) => {
      const before = holder[name];
      if (typeof before !== "function") return;
      holder[name] = Object.assign(function (file, ...rest) {
        return before.call(this, real(file), ...rest);
      }, before);
    };
    for (const name of names) {
      wrap(fs, name);
      wrap(fs, name + "Sync");
      wrap(fs.promises, name);
    }
    require("node:module").syncBuiltinESMExports();
  }
}
`;
