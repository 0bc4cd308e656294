/**
 * What `systemd-escape --path` makes of an absolute path (systemd.unit(5), "String escaping"): the name, without its ending,
 * of the unit that mounts it. A path has no `..` in it here: the manifest's rules see to that.
 */
export function unitNameOf(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.length === 0) return "-";
  return parts
    .map((part) => part.replace(/[^A-Za-z0-9:_.]/gu, bytesOf))
    .join("-")
    .replace(/^\./, bytesOf);
}

function bytesOf(text: string): string {
  return [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
