import type { Parsed } from "./dpkg.ts";
import { isPlain } from "./list.ts";

/** How rpm is to be asked: its database is no file to read, but a program's own. */
export const RPM_QUERY = "%{NAME}\\t%{EPOCH}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\t%{SOURCERPM}\\n";

/** What `rpm -qa --queryformat` answers to it. A field that a package has not is `(none)`. */
export function parseRpm(text: string): Parsed {
  const parsed: Parsed = { packages: [], omitted: [] };
  for (const line of text.split("\n").filter((one) => one.trim() !== "")) {
    const [name = "", epoch = "", version = "", release = "", arch = "", from = "", ...more] = line.split("\t");
    // The keys that packages are checked with are in the database as packages of no architecture.
    if (name === "gpg-pubkey") continue;
    const number = epoch === "(none)" ? "0" : epoch;
    if (more.length > 0 || !/^\d+$/.test(number) || ![name, version, release, arch].every(isPlain)) {
      parsed.omitted.push(`the line "${line.slice(0, 80)}" is no answer to ${RPM_QUERY}`);
      continue;
    }
    const [, source, sourceVersion] = /^(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm$/.exec(from) ?? [];
    const evr = `${version}-${release}`;
    parsed.packages.push({
      name,
      version: number === "0" ? evr : `${number}:${evr}`,
      arch,
      ...(source !== undefined && source !== name && { source }),
      ...(sourceVersion !== undefined && sourceVersion !== evr && { sourceVersion }),
    });
  }
  return parsed;
}
