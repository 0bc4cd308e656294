import { Failure } from "../outcome.ts";
import { errorCode } from "./disk.ts";
import type { Ground } from "./place.ts";
import { Tree } from "./tree.ts";

/** Acts on a tree of its own. Errors of the system become failures. */
export function onTree<T>({ disk, root }: Pick<Ground, "disk" | "root">, act: (tree: Tree) => T): T {
  const tree = new Tree(disk, root);
  try {
    return failing(
      () => act(tree),
      (name) => tree.told(name),
    );
  } finally {
    tree.close();
  }
}

/** Names the system's error and the path; contents never stand in either. */
export function failing<T>(act: () => T, told = (name: string) => name): T {
  try {
    return act();
  } catch (error) {
    const code = errorCode(error);
    if (!(error instanceof Error) || error instanceof Failure || code === "") throw error;
    const path = "path" in error ? ` ${told(String(error.path))}` : "";
    throw new Failure("place-failed", "syscall" in error ? `${code} (${String(error.syscall)}${path})` : code);
  }
}
