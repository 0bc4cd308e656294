// npm run bench:rollout: what a rollout costs, in calls, looks and time, against the emulator. Writes RESULTS.md.
import { writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Section } from "../agent/sections.ts";
import { chapter, table } from "../agent/table.ts";
import { buildBundles } from "./bundles.ts";
import { judge } from "./marks.ts";
import { isSection, type SectionName, sections } from "./sections.ts";

const usage = `npm run bench:rollout -- [--rounds N] [--only SECTION,..] [--out FILE]
  SECTION: ${Object.keys(sections).join(", ")}. With --only nothing is written unless --out is given`;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    only: { type: "string" },
    out: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

function machine(): string {
  const [cpu] = cpus();
  const kind = `${cpus().length} × ${cpu?.model.trim() ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release().split("-")[0]}`;
  return `${kind}, Node ${process.versions.node}`;
}

function written(done: Map<SectionName, Section>, about: string): string {
  const figures = Object.fromEntries([...done].map(([name, section]) => [name, section.figures]));
  return [
    "# What a rollout costs",
    "",
    `Written by \`npm run bench:rollout\` on ${new Date().toISOString().slice(0, 10)}: ${about}.`,
    "",
    "The emulator and the functions run as processes of their own; what the functions call goes through a proxy that counts it, half a millisecond a call. Real clock.",
    "",
    "## Marks",
    "",
    ...table(["mark of DESIGN §13", "at most", "beyond", "found", ""], judge(figures)),
    ...[...done.values()].flatMap(chapter),
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

const rounds = Number(values.rounds);
const names = (values.only ?? Object.keys(sections).join(",")).split(",").filter(isSection);
if (values.help || !(rounds > 0) || names.length === 0) console.log(usage);
else {
  const load = loadavg()[0] ?? 0;
  const done = new Map<SectionName, Section>();
  const bundles = await buildBundles();
  for (const name of names) {
    const section = await sections[name](bundles, rounds);
    console.log(chapter(section).join("\n"));
    done.set(name, section);
  }
  const text = written(done, `${machine()} (load ${load.toFixed(1)} when it began), ${rounds} rounds, medians`);
  console.log(text.split("\n## ")[1]);
  const out = values.out ?? (values.only ? undefined : join(import.meta.dirname, "RESULTS.md"));
  if (out) writeFileSync(out, text);
}
