// Loaded before the command line: the program is killed just before its DIE_AT-th change of the file system, or with
// DIE_AT=count says at its end how many there are.
import fs from "node:fs";
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const at = Number(process.env.DIE_AT);
let changes = 0;
const CHANGING = /^(link|symlink|rename|mkdir|rmdir|rm|unlink|truncate|writeFile|open)(Sync)?$/;

for (const module of [fs, promises])
  for (const [name, real] of Object.entries(module))
    if (CHANGING.test(name) && !(module === fs && !name.endsWith("Sync")))
      module[name] = (...args) => {
        if (++changes === at) process.kill(process.pid, "SIGKILL");
        return real(...args);
      };
syncBuiltinESMExports();
process.on("exit", () => {
  if (process.env.DIE_AT === "count") fs.writeSync(2, `changes: ${changes}\n`);
});
