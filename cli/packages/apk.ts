import type { Parsed } from "./dpkg.ts";
import { isPlain } from "./list.ts";

/** Alpine's `lib/apk/db/installed`: stanzas of one-letter fields; apk-package(5) says which. */
export function parseApk(text: string): Parsed {
  const parsed: Parsed = { packages: [], omitted: [] };
  for (const stanza of text.split(/\n\s*\n/)) {
    const field = (letter: string) => new RegExp(`^${letter}:(.*)$`, "m").exec(stanza)?.[1]?.trim() ?? "";
    const name = field("P");
    const version = field("V");
    const arch = field("A");
    const origin = field("o");
    if (name === "") continue;
    if ([name, version, arch].every(isPlain))
      parsed.packages.push({ name, version, arch, ...(origin !== "" && origin !== name && { source: origin }) });
    else parsed.omitted.push(`${name} has no readable version and architecture`);
  }
  return parsed;
}
