import { sha256 } from "../../edge/sha256.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Rendered } from "../../render/files.ts";
import type { Described } from "./describe.ts";

/** One thing an instance gets. */
export interface Item {
  path: string;
  /** Undefined for a link. */
  mode: number | undefined;
  owner: string;
  /** Undefined for a link. */
  numbers: { uid: number; gid: number } | undefined;
  /** The content's sha256, or `secret`, `directory`, `link`. */
  what: string;
  /** Where it is from, for people. */
  origin: string;
  /** Secrets masked; undefined for what is no file. */
  bytes: Buffer | undefined;
  /** What stands in a link. */
  link: string | undefined;
}

/** In the order of paths. */
export function itemsOf({ plan, origins }: Described, rendered: Rendered): Item[] {
  const none = { bytes: undefined, link: undefined, numbers: undefined };
  const items: Item[] = [
    ...plan.directories.map(({ path, mode, owner }) => ({
      ...none,
      path,
      mode,
      owner: owner.text,
      numbers: owner,
      what: "directory",
      origin: "",
    })),
    ...rendered.links.map(({ path, to }) => ({
      ...none,
      path,
      mode: undefined,
      owner: "",
      what: "link",
      origin: `-> ${to}`,
      link: to,
    })),
    ...rendered.files.map(({ path, mode, owner, bytes, secret, content }) => ({
      ...none,
      path,
      mode,
      owner: owner.text,
      numbers: owner,
      what: secret ? "secret" : sha256(bytes),
      origin: origins.get(path) ?? made(content),
      bytes,
    })),
  ];
  return items.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Of what the manifest does not name as a file: units, drop-ins, environments, credentials. */
function made(content: Plan["files"][number]["content"]): string {
  return "secret" in content
    ? `secret ${content.secret}`
    : "template" in content
      ? content.template.where
      : "made by the agent";
}
