import { spawn } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { PinnedNode } from "../../../scripts/matrix.mjs";
import { coldCache } from "./cold.ts";
import { type Agent, agentOn, bake, bootProgram, freshBoot, newRoot, type Place } from "./job.ts";
import { cost, costCold, interleaved, median, once, type Program, type Row, ratio, run, type Wall } from "./measure.ts";
import { curlFloor, type Peer } from "./peers.ts";

export interface Form {
  id: string;
  title: string;
  agent: Agent;
}

export interface Ground {
  scratch: string;
  /** Where a request is answered at once, and where 20 ms later. */
  fast: Place;
  slow: Place;
  nodes: readonly PinnedNode[];
  bundle: string;
  /** The first is the bundle on `node`. */
  forms: readonly [Form, ...Form[]];
  peers: readonly Peer[];
  rounds: number;
}

export interface Section {
  title: string;
  notes: readonly string[];
  head: readonly string[];
  rows: readonly (readonly string[])[];
  /** What the marks are judged by. */
  figures: Readonly<Record<string, number>>;
}

const fixed = (value: number, digits: number): string => (Number.isNaN(value) ? "–" : value.toFixed(digits));
export const ms = (value: number): string => fixed(value, value < 10 ? 1 : 0);
export const times = (value: number): string => fixed(value, 2);
const wallsOf = (walls: Map<string, Wall[]>, id: string): Wall[] => walls.get(id) ?? [];
const wall = (walls: Map<string, Wall[]>, id: string): number => median(wallsOf(walls, id).map(({ ms }) => ms));
/** The line after which units may start. */
const handedOver = /^moult-agent: hand-over /m;

const bareNode = (id: string, title: string, node: string): Row => ({
  id,
  title,
  prepare: () => ({ program: { command: node, args: ["-e", "0"], env: {} } }),
});
const boots = ({ id, title, agent }: Form, place: Place, secrets = 8): Row => ({
  id,
  title,
  prepare: () => freshBoot(agent, place, secrets),
});

/** A machine that is sealed already; the same for all runs. */
export async function sealedBoots(form: Form, place: Place, secrets: number): Promise<Row> {
  const root = newRoot(place.scratch);
  bake(root, secrets);
  const program = bootProgram(form.agent, root, place);
  await run(program);
  return { id: `${form.id}-sealed-${secrets}`, title: form.title, prepare: () => ({ program }) };
}

async function costs(row: Row, scratch: string, runs = 7): Promise<{ cpuMs: number; peakMiB: number }> {
  const all = [];
  for (let n = 0; n < runs; n++) all.push(await once(row, (program) => cost(program, scratch)));
  return { cpuMs: median(all.map(({ cpuMs }) => cpuMs)), peakMiB: median(all.map(({ peakMiB }) => peakMiB)) };
}

async function standard(ground: Ground): Promise<Section> {
  const { forms, fast, rounds, scratch } = ground;
  const [agent] = forms;
  const there = ground.peers.flatMap((peer) => (peer.row ? [{ peer, row: peer.row(fast) }] : []));
  const shell: Program = { command: "/bin/sh", args: ["-c", "true"], env: {} };
  const rows = [
    { id: "sh", title: "`sh -c true`", prepare: () => ({ program: shell }) },
    bareNode("bare", "`node -e 0`, Node 24", fast.node),
    curlFloor(fast),
    ...forms.map((form) => boots(form, fast)),
    ...there.map(({ peer, row }) => ({ ...row, id: peer.id, title: peer.title })),
  ];
  const walls = await interleaved(rows, rounds, handedOver);
  const without = new Map(there.map(({ peer }) => [peer.id, peer.without]));
  const figures: Record<string, number> = {};
  const table = [];
  for (const row of rows) {
    const { cpuMs, peakMiB } = await costs(row, scratch);
    const against = ratio(wallsOf(walls, agent.id), wallsOf(walls, row.id));
    figures[row.id] = against;
    figures[`peak ${row.id}`] = peakMiB;
    const agents = forms.some(({ id }) => id === row.id);
    const bare = ratio(wallsOf(walls, row.id), wallsOf(walls, "bare"));
    const cells = [ms(wall(walls, row.id)), times(bare), row.id === agent.id ? "1" : times(against), ms(cpuMs)];
    const handed = median(wallsOf(walls, row.id).map(({ untilMs }) => untilMs));
    const remark = agents ? `handed over after ${ms(handed)} ms` : (without.get(row.id) ?? "");
    table.push([row.title, ...cells, fixed(peakMiB, 0), remark]);
  }
  for (const peer of ground.peers.filter(({ row }) => !row))
    table.push([peer.title, "not installed here", ...Array(5).fill("")]);
  const versions = there.map(({ peer }) => `${peer.title.split(",")[0]}: ${peer.version()}`);
  return {
    title: "The standard job",
    notes: [
      "Metadata, token, 8 secrets over TLS, 12 files of which 6 are rendered, every one fsynced, and the report as a guest attribute. Peers do what their last column leaves of it.",
      `${rounds} rounds of all rows in turn; × and ÷ are medians of the rounds' own ratios. cpu is user and system.`,
      [...new Set(versions)].join("; "),
    ],
    head: ["", "wall ms", "× bare node", "agent ÷ this", "cpu ms", "peak MiB", ""],
    rows: table,
    figures,
  };
}

async function latency(ground: Ground): Promise<Section> {
  const { forms, fast, slow, rounds, peers } = ground;
  const [agent] = forms;
  const named = ["ignition", "script-one-by-one", "script-together", "sdk", "sdk-rest"];
  const there = peers.flatMap((peer) => (peer.row && named.includes(peer.id) ? [{ ...peer, row: peer.row }] : []));
  const pairs = [
    ...[1, 8, 100].map((secrets) => ({
      id: `${secrets} secrets`,
      title: `the agent, ${secrets} secret${secrets > 1 ? "s" : ""}`,
      row: (place: Place) => boots(agent, place, secrets),
    })),
    ...there,
  ];
  const placed = pairs.flatMap(({ id, row }) => [
    { ...row(fast), id: `${id} at once` },
    { ...row(slow), id: `${id} late` },
  ]);
  const walls = await interleaved(placed, rounds, handedOver);
  const figures: Record<string, number> = {};
  const rows = pairs.map(({ id, title }) => {
    const [a, b] = [wallsOf(walls, `${id} at once`), wallsOf(walls, `${id} late`)];
    const added = median(b.map(({ ms }, round) => ms - (a[round]?.ms ?? Number.NaN)));
    const addedHanded = median(b.map(({ untilMs }, round) => untilMs - (a[round]?.untilMs ?? Number.NaN)));
    figures[`added ${id}`] = added;
    figures[`added ${id} handed over`] = addedHanded;
    figures[`late ${id}`] = ratio(wallsOf(walls, "8 secrets late"), b);
    const late = [ms(wall(walls, `${id} at once`)), ms(wall(walls, `${id} late`)), ms(added), fixed(added / 20, 1)];
    return [title, ...late, ms(addedHanded), id === "8 secrets" ? "1" : times(figures[`late ${id}`] ?? Number.NaN)];
  });
  return {
    title: "20 ms added to every answer",
    notes: [
      "Depth is what was added in units of 20 ms: how many requests wait for one another. *until handed over* leaves out the report, which is sent after it.",
    ],
    head: ["", "0 ms: wall", "20 ms: wall", "added ms", "depth", "added until handed over", "agent (8) ÷ this"],
    rows,
    figures,
  };
}

async function sealed(ground: Ground): Promise<Section> {
  const { forms, fast, rounds, scratch } = ground;
  const rows = [bareNode("bare", "`node -e 0`, Node 24", fast.node)];
  for (const form of forms) {
    rows.push({ ...(await sealedBoots(form, fast, 0)), title: `${form.title}, nothing secret` });
    rows.push({ ...(await sealedBoots(form, fast, 8)), title: `${form.title}, 8 secrets again` });
  }
  const walls = await interleaved(rows, rounds);
  const figures: Record<string, number> = {};
  const table = [];
  for (const row of rows) {
    figures[row.id] = ratio(wallsOf(walls, row.id), wallsOf(walls, "bare"));
    const { cpuMs, peakMiB } = await costs(row, scratch);
    table.push([
      row.title,
      ms(wall(walls, row.id)),
      times(figures[row.id] ?? Number.NaN),
      ms(cpuMs),
      fixed(peakMiB, 0),
    ]);
  }
  return {
    title: "A later boot of a sealed machine",
    notes: [
      "12 files verified, and the report as a guest attribute; with secrets: all fetched and placed in memory again.",
    ],
    head: ["", "wall ms", "× bare node", "cpu ms", "peak MiB"],
    rows: table,
    figures,
  };
}

async function versions(ground: Ground): Promise<Section> {
  const { nodes, bundle, fast, rounds, scratch } = ground;
  const rows: Row[] = [];
  for (const { major, binary } of nodes) {
    const form = { id: `${major}`, title: `Node ${major}`, agent: agentOn(binary, bundle) };
    rows.push(bareNode(`bare ${major}`, "", binary), boots(form, fast), await sealedBoots(form, fast, 0));
  }
  const walls = await interleaved(rows, rounds);
  const table = [];
  for (const { major, version } of nodes) {
    const [bare, fresh, again] = [`bare ${major}`, `${major}`, `${major}-sealed-0`];
    const against = (id: string) => times(ratio(wallsOf(walls, id), wallsOf(walls, bare)));
    const peaks = [];
    for (const row of rows)
      if (row.id === bare || row.id === fresh) peaks.push(fixed((await costs(row, scratch, 3)).peakMiB, 0));
    const figures = [
      ms(wall(walls, bare)),
      ms(wall(walls, fresh)),
      against(fresh),
      ms(wall(walls, again)),
      against(again),
    ];
    table.push([version, ...figures, peaks.join(" → ")]);
  }
  return {
    title: "The Nodes that images have",
    notes: [],
    head: ["Node", "bare ms", "standard job ms", "×", "sealed boot ms", "×", "peak MiB, bare → job"],
    rows: table,
    figures: {},
  };
}

async function sizes(ground: Ground): Promise<Section> {
  const { bundle, forms } = ground;
  const [more, tools] = ["moult-more.cjs", "moult-tools.cjs"].map((name) => join(bundle, "..", name));
  const files = [
    bundle,
    more ?? "",
    tools ?? "",
    ...forms.flatMap(({ agent }) => (agent.args.length === 0 ? [agent.command] : [])),
  ];
  const figures: Record<string, number> = {};
  const rows = files.flatMap((file) => {
    const bytes = statSync(file, { throwIfNoEntry: false }) ? readFileSync(file) : undefined;
    if (!bytes) return [];
    if (file === bundle) figures.bundle = bytes.length / 1_024;
    if (file === bundle || file === more) figures.whole = (figures.whole ?? 0) + bytes.length / 1_024;
    const form = forms.find(({ agent }) => agent.command === file);
    const kib = (size: number) => (form ? `${(size / 2 ** 20).toFixed(1)} MiB` : `${(size / 1_024).toFixed(1)} KiB`);
    return [[form ? form.title : `\`${basename(file)}\``, kib(bytes.length), kib(gzipSync(bytes).length)]];
  });
  return { title: "Sizes", notes: [], head: ["", "on disk", "gzip"], rows, figures };
}

async function cold(ground: Ground): Promise<Section> {
  const { forms, fast, scratch, peers } = ground;
  const title = "From a cold page cache";
  const head = ["", "cold ms", "warm ms", "MiB read"];
  const cache = coldCache(scratch);
  if ("why" in cache) return { title, notes: [`Not measured: ${cache.why}.`], head, rows: [], figures: {} };
  // A file that a running program is mapped from stays in the cache: this copy nobody else runs.
  const node = join(scratch, "node-cold");
  copyFileSync(fast.node, node);
  const place = { ...fast, node };
  const [agent] = forms;
  const onCopy = { ...agent, agent: { ...agent.agent, command: node } };
  const named = ["ignition", "script-one-by-one", "sdk", "cloud-init", "gcloud"];
  const rows = [
    bareNode("bare", "`node -e 0`, Node 24", node),
    boots(onCopy, place),
    { ...(await sealedBoots(onCopy, place, 0)), title: "the agent, sealed, nothing secret" },
    ...forms.slice(1).map((form) => boots(form, place)),
    ...peers.flatMap((peer) =>
      peer.row && named.includes(peer.id) ? [{ ...peer.row(place), id: peer.id, title: peer.title }] : [],
    ),
  ];
  const figures: Record<string, number> = {};
  const table = [];
  try {
    for (const row of rows) {
      const all = [];
      const warm = [];
      for (let n = 0; n < 5; n++) {
        all.push(await once(row, (program) => costCold(program, cache.drop)));
        warm.push((await once(row, run)).ms);
      }
      figures[row.id] = median(all.map(({ mib }) => mib));
      const cold = median(all.map(({ ms }) => ms));
      table.push([row.title, ms(cold), ms(median(warm)), fixed(figures[row.id] ?? Number.NaN, 1)]);
    }
  } finally {
    cache.restore();
    rmSync(node);
  }
  return {
    title,
    notes: [
      "Everything dropped before each of 5 runs, read-ahead 128 KiB (the kernel's own). Read by the program and what it waited for, by the kernel's account. What else runs here (libc, the bench's own Node) keeps its pages.",
    ],
    head,
    rows: table,
    figures,
  };
}

/** What of the agent's session is still there once it has ended. */
async function resident({ forms: [agent], fast }: Ground): Promise<Section> {
  const left = await once(boots(agent, fast), async ({ command, args, env }) => {
    const child = spawn(command, args, { env: { ...env }, stdio: "ignore", detached: true });
    await new Promise((resolve) => child.on("exit", resolve));
    return readdirSync("/proc").filter((pid) => {
      if (!/^\d+$/.test(pid)) return false;
      try {
        // After the name in parentheses: state, parent, group, session.
        const [, , group, session] = readFileSync(`/proc/${pid}/stat`, "utf8")
          .replace(/^.*\) /s, "")
          .split(" ");
        return group === String(child.pid) || session === String(child.pid);
      } catch {
        return false;
      }
    });
  });
  return {
    title: "After hand-over",
    notes: [`Programs left of the agent's session: ${left.length}.`],
    head: [],
    rows: [],
    figures: { left: left.length },
  };
}

export const sections = { standard, latency, sealed, versions, sizes, cold, resident };
export type SectionName = keyof typeof sections;
export const isSection = (name: string): name is SectionName => Object.hasOwn(sections, name);
