import type { Section } from "./draft.ts";

/** Something that Kolla would have put on the machine; permissions come over it afterwards. */
export interface Entry {
  section: Extract<Section, "files" | "directories" | "links">;
  from: string;
  fields: Record<string, unknown> & { path: string };
}

/** A folder that may be read may be entered, as Kolla does it. */
export function withRead(mode: string): string {
  const bits = Number.parseInt(mode, 8);
  return (bits | ((bits & 0o444) >> 2)).toString(8).padStart(4, "0");
}
