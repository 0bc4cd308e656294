import type { Distribution } from "./list.ts";

/** os-release(5): assignments as a shell reads them, without expansions. Undefined when it names no distribution. */
export function parseOsRelease(text: string): Distribution | undefined {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, key, raw = ""] = /^\s*([A-Z0-9_]+)=(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined) values.set(key, unquoted(raw));
  }
  const id = values.get("ID")?.toLowerCase() ?? "";
  // A letter first would keep 4mlinux out, which there is.
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(id)) return undefined;
  const version = values.get("VERSION_ID") || values.get("VERSION_CODENAME") || "";
  return { id, version: /^[A-Za-z0-9._-]*$/.test(version) ? version : "" };
}

function unquoted(raw: string): string {
  const [, quote, inner] = /^(["'])(.*)\1$/.exec(raw) ?? [];
  if (quote === undefined) return raw;
  return quote === '"' ? (inner ?? "").replaceAll(/\\(["$`\\])/g, "$1") : (inner ?? "");
}
