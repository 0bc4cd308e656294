/** Which part of the world an event speaks of. The sweep, and whoever does not know, wants everything looked at. */
export type Part = "groups" | "image" | "reports" | "commands" | "config" | "secrets";

export type Wish = "all" | readonly Part[];

/** One look for both. */
export function both(one: Wish, other: Wish): Wish {
  if (one === "all" || other === "all") return "all";
  return [...new Set([...one, ...other])].sort();
}

export function contains(whole: Wish, part: Wish): boolean {
  if (whole === "all") return true;
  return part !== "all" && part.every((name) => whole.includes(name));
}
