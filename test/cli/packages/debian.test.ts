import { spawn, spawnSync } from "node:child_process";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEB } from "../../../cli/packages/debversion.ts";
import { debPair } from "./versions.ts";

const PAIRS = 10_000;
const dpkg = spawnSync("dpkg", ["--version"]).status === 0;
if (!dpkg)
  console.log("there is no dpkg on this computer, so nothing to agree with: the comparison with it is skipped");

const relation = (difference: number) => (difference < 0 ? "lt" : difference > 0 ? "gt" : "eq");

/** The lines `a relation b` that dpkg denies, and how many it was asked. One shell asks for a whole batch. */
async function denied(lines: string[]): Promise<{ asked: number; denied: string[] }> {
  const script = `n=0
while read -r a op b; do n=$((n+1)); dpkg --compare-versions "$a" "$op" "$b" || echo "denied $a $op $b"; done
echo "asked $n"`;
  const child = spawn("sh", ["-c", script], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(lines.map((line) => `${line}\n`).join(""));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (err !== "") throw new Error(`dpkg does not take these as versions: ${err.slice(0, 400)}`);
  const told = out.trimEnd().split("\n");
  return {
    asked: Number(/^asked (\d+)$/.exec(told.at(-1) ?? "")?.[1]),
    denied: told.slice(0, -1).map((line) => line.replace("denied ", "")),
  };
}

describe.skipIf(!dpkg)("Debian's order", () => {
  it(`agrees with dpkg --compare-versions on ${PAIRS} pairs, most of them nearly equal`, {
    timeout: 300_000,
  }, async () => {
    const lines = fc.sample(debPair, PAIRS).map(([a, b]) => `${a} ${relation(DEB.compare(a, b))} ${b}`);
    const asked = await Promise.all([denied(lines.slice(0, PAIRS / 2)), denied(lines.slice(PAIRS / 2))]);
    expect(asked.flatMap((one) => one.denied)).toEqual([]);
    expect(asked.reduce((sum, one) => sum + one.asked, 0)).toBe(PAIRS);
    // Pairs that are all alike would prove nothing.
    for (const kind of ["lt", "eq", "gt"])
      expect(lines.filter((line) => line.includes(` ${kind} `)).length).toBeGreaterThan(PAIRS / 20);
    for (const kind of [/~/, /^\d+:/, /-/, /[a-z]/])
      expect(lines.filter((line) => kind.test(line)).length).toBeGreaterThan(PAIRS / 20);
  });

  it("is asked in a way that finds a wrong answer", async () => {
    expect(await denied(["1.0 lt 1.0~", "1.0~ lt 1.0"])).toEqual({ asked: 2, denied: ["1.0 lt 1.0~"] });
  });
});

describe("Debian's order, without dpkg", () => {
  const rows: [string, string, "lt" | "eq" | "gt", string][] = [
    ["a security update is newer", "3.0.11-1~deb12u1", "lt", "3.0.11-1~deb12u2"],
    ["a backport is older than what it was made of", "1.2-3~bpo12+1", "lt", "1.2-3"],
    ["a rebuild is newer", "1.2-3", "lt", "1.2-3+b1"],
    ["an epoch comes before all", "9.9-9", "lt", "1:0.1-1"],
    ["no epoch is epoch 0", "1.0-1", "eq", "0:1.0-1"],
    ["no revision is revision 0", "1.0", "eq", "1.0-0"],
    ["numbers are numbers", "1.9", "lt", "1.10"],
    ["whatever they begin with", "1.010", "eq", "1.10"],
    ["a tilde is before the end", "1.0~rc1", "lt", "1.0"],
    ["two are before one", "1.0~~", "lt", "1.0~"],
    ["letters come before other characters", "1.0a", "lt", "1.0+"],
    ["the revision begins at the last dash", "1.0-1-2", "gt", "1.0-1-1"],
    ["a long number is not rounded", "20260101123456789012", "lt", "20260101123456789013"],
  ];
  it.each(rows)("%s: %s %s %s", (_, a, op, b) => {
    expect(relation(DEB.compare(a, b))).toBe(op);
    expect(relation(DEB.compare(b, a))).toBe({ lt: "gt", eq: "eq", gt: "lt" }[op]);
  });
});
