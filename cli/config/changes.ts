import { canonicalJson } from "../../agent/plan/pack.ts";
import type { ConfigCommit } from "../../wire/moult.d.ts";
import { FILES, MANIFEST } from "./worktree.ts";

/** One file of a configuration folder that differs between two states of it. */
export interface Change {
  /** As in a folder: `manifest.yaml`, or `files/…`. */
  path: string;
  how: "added" | "changed" | "removed";
}

type Content = Pick<ConfigCommit, "tree" | "manifest">;

/** In the order of paths, the manifest first. Without a state before everything is added. */
export function changesOf(before: Content | undefined, after: Content): Change[] {
  const old = before?.tree ?? {};
  const paths = [...new Set([...Object.keys(old), ...Object.keys(after.tree)])].sort();
  const manifest: Change[] =
    before === undefined
      ? [{ path: MANIFEST, how: "added" }]
      : canonicalJson(before.manifest) === canonicalJson(after.manifest)
        ? []
        : [{ path: MANIFEST, how: "changed" }];
  const files = paths.flatMap((path): Change[] => {
    const [was, is] = [digestIn(old, path), digestIn(after.tree, path)];
    if (was === is) return [];
    const how = was === undefined ? "added" : is === undefined ? "removed" : "changed";
    return [{ path: `${FILES}/${path}`, how }];
  });
  return [...manifest, ...files];
}

export function digestIn(tree: ConfigCommit["tree"], path: string): string | undefined {
  return Object.hasOwn(tree, path) ? tree[path] : undefined;
}
