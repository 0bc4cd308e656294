import { Failure } from "../outcome.ts";
import { finish, readJournal, removeJournal, stateFolder, undo } from "./journal.ts";
import { onTree } from "./ontree.ts";
import type { Ground } from "./place.ts";

/**
 * Finishes or takes back what a run before this one was doing. Every run begins with it.
 * @returns what was found.
 */
export function recover(ground: Ground): "nothing" | "undone" | "finished" {
  return onTree(ground, (tree) => {
    const stat = tree.lstat(stateFolder);
    // What stands there is done and believed.
    if (stat && (stat.uid !== ground.self.uid || (stat.mode & 0o2) !== 0))
      throw new Failure("seal-broken", `${stateFolder} is another user's, or everybody may write to it`);
    const journal = readJournal(tree);
    if (!journal) return "nothing";
    const staging = journal.state === "staging";
    (staging ? undo : finish)(tree, journal);
    removeJournal(tree);
    return staging ? "undone" : "finished";
  });
}
