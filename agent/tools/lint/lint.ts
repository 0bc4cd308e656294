import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { rootOf } from "../../commandline.ts";
import { exits } from "../../outcome.ts";
import { print } from "../../print.ts";
import type { Tool } from "../tool.ts";
import { agent } from "./agent.ts";
import { changes } from "./changes.ts";
import { Image } from "./image.ts";
import { leftovers } from "./leftovers.ts";
import { memory } from "./memory.ts";
import { permissions } from "./permissions.ts";
import type { Rule } from "./rule.ts";
import { runtime } from "./runtime.ts";
import { secrets } from "./secrets.ts";

export const rules: readonly Rule[] = [
  ...changes,
  ...leftovers,
  ...permissions,
  ...secrets,
  ...memory,
  ...agent,
  ...runtime,
];

export const lint: Tool = {
  help: `moult-agent lint [--root DIR] [--json]
    is this image fit to be immutable?

Run it as root at the end of an image's build, after clean. Nothing is changed or started, and no content is shown.
exit: 0 fit (there may be warnings), 10 not`,
  grammar: { switches: "json", valued: "root" },
  run(given, say) {
    const progress = isatty(2) ? progressLine() : undefined;
    const image = new Image(rootOf(given.value("root")), progress?.looking);
    const found = rules.flatMap(({ id, severity, why, cure, find }) => {
      const evidence = find(image);
      return evidence.length > 0 ? [{ rule: id, severity, evidence, why, cure }] : [];
    });
    progress?.erase();
    const errors = found.filter(({ severity }) => severity === "error").length;
    if (given.has("json")) say(JSON.stringify({ fit: errors === 0, unread: image.unread, findings: found }));
    else {
      for (const { rule, severity, evidence, why, cure } of found) {
        say(`${severity} ${rule}: ${why}`);
        for (const item of evidence.slice(0, 5)) say(`    ${item}`);
        if (evidence.length > 5) say(`    and ${evidence.length - 5} more`);
        say(`    do: ${cure}`);
      }
      say(
        errors === 0
          ? `fit to be immutable, ${count(found.length, "warning")}`
          : `not fit: ${count(errors, "error")}, ${count(found.length - errors, "warning")}`,
      );
    }
    if (image.unread > 0)
      print(2, `moult-agent: ${count(image.unread, "place")} could not be read and went unseen: run it as root`);
    return errors === 0 ? 0 : exits["manifest-invalid"];
  },
};

/** A large disk takes a while: after 2 s that is said, on one line which goes away. */
function progressLine(): { looking(seen: number): void; erase(): void } {
  const start = performance.now();
  let next = 2_000;
  const write = (text: string) => writeSync(2, `\r\x1b[K${text}`);
  return {
    looking(seen) {
      const passed = performance.now() - start;
      if (passed < next) return;
      next = passed + 500;
      write(`moult-agent: ${seen} files and folders seen`);
    },
    erase() {
      if (next > 2_000) write("");
    },
  };
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}
