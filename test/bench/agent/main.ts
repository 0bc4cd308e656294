// npm run bench:agent: the boot agent beside its floors and its peers, on this machine, in one run. Writes RESULTS.md.
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildExecutable } from "../../../scripts/executable.mjs";
import { installedNodes } from "../../../scripts/matrix.mjs";
import { makeCertificates } from "./certificates.ts";
import { agentOn, freshBoot } from "./job.ts";
import { judge } from "./marks.ts";
import { cloudInit, peers, ports } from "./peers.ts";
import { profile } from "./profile.ts";
import {
  type Form,
  type Ground,
  isSection,
  type Section,
  type SectionName,
  sealedBoots,
  sections,
} from "./sections.ts";
import { chapter, table } from "./table.ts";

const usage = `npm run bench:agent -- [--rounds N] [--only SECTION,..] [--agent FILE] [--out FILE] [--marks]
  SECTION: ${Object.keys(sections).join(", ")}. With --only nothing is written unless --out is given
  --marks: only where the time of a boot goes, by phase and by module`;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "21" },
    only: { type: "string" },
    agent: { type: "string", default: "dist/agent/moult-agent.cjs" },
    out: { type: "string" },
    marks: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

/** Executables of the agent beside its bundle; what cannot be built here is said and left out. */
async function executables(scratch: string): Promise<Form[]> {
  const kinds = [
    ["node", "the agent, executable of Node"],
    ["node-cached", "the agent, executable of Node with code cache"],
    ["bun", "the agent, executable of Bun"],
  ] as const;
  const built: Form[] = [];
  for (const [id, title] of kinds) {
    const command = join(scratch, `executable-${id}`);
    try {
      await buildExecutable(id, command);
      built.push({ id, title, agent: { command, args: [], env: ({ hashed }) => ({ SSL_CERT_DIR: hashed }) } });
    } catch (error) {
      console.error(`${title}: not built: ${error instanceof Error ? error.message.split("\n")[0] : "?"}`);
    }
  }
  return built;
}

function machine(node: string): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const kind = `${cpus().length} × ${cpu?.model.trim() ?? "?"}, ${memory} GiB, Linux ${release().split("-")[0]}`;
  const [load = 0] = loadavg();
  return `${kind} (load ${load.toFixed(1)} when it began), bench on Node ${process.versions.node}, Nodes under test ${node}`;
}

function written(done: Map<SectionName, Section>, about: string): string {
  const figures = Object.fromEntries([...done].map(([name, section]) => [name, section.figures]));
  const judged = table(["mark of DESIGN §13", "at most", "beyond", "found", ""], judge(figures));
  return [
    "# The boot agent, measured",
    "",
    `Written by \`npm run bench:agent\` on ${new Date().toISOString().slice(0, 10)}: ${about}.`,
    "",
    "Whole programs, from start to exit, medians; nothing inherited from the environment; answers from a warm server of Node on the same machine, all on the loopback. TLS verified against a chain of the shape Google serves (RSA-4096 root, RSA-2048 intermediate, P-256 leaf). Compare within a table: everything in it was run in turn.",
    "",
    "## Marks",
    "",
    ...judged,
    ...[...done.values()].flatMap(chapter),
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

async function bench(rounds: number, names: SectionName[]): Promise<Map<SectionName, Section>> {
  const scratch = mkdtempSync(join(tmpdir(), "moult-bench-"));
  const certificates = makeCertificates(join(scratch, "certificates"));
  const nodes = installedNodes();
  const node = nodes.at(-1)?.binary ?? join(scratch, "node");
  if (!existsSync(node)) copyFileSync(process.execPath, node);
  const bundle = resolve(values.agent);
  const server = spawn(process.execPath, [join(import.meta.dirname, "server.ts"), certificates.folder], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const cell = await cloudInit(certificates.folder);
  const done = new Map<SectionName, Section>();
  try {
    const served = await ports(server);
    const fast = { scratch, node, certificates, ports: served[0] };
    const agent = agentOn(node, bundle);
    if (values.marks) {
      const row = { id: "", title: "the standard job", prepare: () => freshBoot(agent, fast) };
      const again = await sealedBoots({ id: "", title: "a sealed boot, nothing secret", agent }, fast, 0);
      for (const each of [row, again]) console.log(`${(await profile(each, rounds)).join("\n")}\n`);
      return done;
    }
    const forms: Ground["forms"] = [
      { id: "agent", title: "**the agent**, Node 24", agent },
      ...(await executables(scratch)),
    ];
    const slow = { ...fast, ports: served[20] };
    const ground: Ground = { scratch, fast, slow, nodes, bundle, forms, peers: [...peers, cell.peer], rounds };
    for (const name of names) {
      const section = await sections[name](ground);
      console.log(chapter(section).join("\n"));
      done.set(name, section);
    }
    return done;
  } finally {
    cell.end();
    server.stdin.end();
    rmSync(scratch, { recursive: true, force: true });
  }
}

const rounds = Number(values.rounds);
const names = (values.only ?? Object.keys(sections).join(",")).split(",").filter(isSection);
if (values.help || !(rounds > 0) || names.length === 0) console.log(usage);
else {
  const about = machine(
    installedNodes()
      .map(({ version }) => version)
      .join(", "),
  );
  const done = await bench(rounds, names);
  const out = values.out ?? (values.only || values.marks ? undefined : join(import.meta.dirname, "RESULTS.md"));
  if (done.size > 0) console.log(written(done, about).split("\n## ")[1]);
  if (out) writeFileSync(out, written(done, about));
}
