/**
 * What the [Install] section of a unit file asks for, after systemd.syntax(7): lines that end in a backslash go on, an empty
 * assignment takes back what was given before.
 */
export function wantersOf(text: string): { wantedBy: string[]; others: string[] } {
  const lines = text.replace(/\\\r?\n/g, " ").split(/\r?\n/);
  let section = "";
  const given = new Map<string, string[]>();
  for (const line of lines) {
    const [, name] = /^\s*\[(.*)\]\s*$/.exec(line) ?? [];
    if (name !== undefined) section = name;
    const [, key = "", value = ""] = /^\s*(\w+)\s*=(.*)$/.exec(line) ?? [];
    if (section !== "Install" || key === "") continue;
    const words = value.split(/\s+/).filter((word) => word !== "");
    given.set(key, words.length === 0 ? [] : [...(given.get(key) ?? []), ...words]);
  }
  const others = [...given].filter(([key, words]) => key !== "WantedBy" && words.length > 0).map(([key]) => key);
  return { wantedBy: [...new Set(given.get("WantedBy"))], others };
}
