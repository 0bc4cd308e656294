import { finish, readJournal, removeJournal, undo } from "./journal.ts";
import { onTree } from "./ontree.ts";
import type { Ground } from "./place.ts";

/**
 * Finishes or takes back what a run before this one was doing. Every run begins with it.
 * @returns what was found.
 */
export function recover(ground: Ground): "nothing" | "undone" | "finished" {
  return onTree(ground, (tree) => {
    const journal = readJournal(tree);
    if (!journal) return "nothing";
    const staging = journal.state === "staging";
    (staging ? undo : finish)(tree, journal);
    removeJournal(tree);
    return staging ? "undone" : "finished";
  });
}
