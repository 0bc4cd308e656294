import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mayFollow, type State, states } from "../../agent/states.ts";

const page = readFileSync(new URL("../../docs/boot.md", import.meta.url), "utf8");
const names = Object.keys(states) as State[];

test("the picture in docs/boot.md has exactly the arrows of the code", () => {
  const picture = /```mermaid\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  const drawn = [...picture.matchAll(/^ {2}(\S+) --> (\S+)$/gm)].map(([, from = "", to = ""]) => `${from} ${to}`);
  const mermaid = (name: string) => name.replace("-", "_");
  const coded = names.flatMap((from) => states[from].map((to) => `${mermaid(from)} ${mermaid(to)}`));
  expect(drawn.sort()).toEqual(["[*] recover", "report [*]", "become [*]", ...coded].sort());
});

test("its table says of every state what happens in it, in the code's order", () => {
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
  expect([...rows].sort()).toEqual([...names].sort());
});

test("every state can be reached, and every one leads to a report or a command", () => {
  const reached = new Set<State>(["recover"]);
  for (const from of reached) for (const to of states[from]) reached.add(to);
  expect([...reached].sort()).toEqual([...names].sort());
  for (const from of names) expect(mayFollow(from, "report")).toBe(from !== "report");
  expect(mayFollow("verify", "place")).toBe(false);
  expect(mayFollow(undefined, "place")).toBe(false);
});
