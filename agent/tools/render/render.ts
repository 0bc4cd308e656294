import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { networkOf, rootOf } from "../../commandline.ts";
import { printFinding } from "../../finding.ts";
import { wrong } from "../../flags.ts";
import { exits, Failure } from "../../outcome.ts";
import { errorCode, unlessMissing } from "../../place/disk.ts";
import { oneLine, print } from "../../print.ts";
import type { Rendered } from "../../render/files.ts";
import { octal } from "../../report/compose.ts";
import type { Tool } from "../tool.ts";
import { changesOn } from "./compare.ts";
import { type Described, describe } from "./describe.ts";
import { type Item, itemsOf } from "./items.ts";

export const render: Tool = {
  help: `moult-agent render [MANIFEST] [--root DIR] [--instance FILE] [--release FILE] [--pack FILE] [NETWORK]
                   [--out DIR | --show PATH | --diff] [--json]
    show what this instance, or the one described, would get; secrets are neither fetched nor shown

MANIFEST    a manifest with its sources in files/ beside it, instead of the one that counts
--root      the image: its users, groups and baked manifest (/)
--instance  what a metadata server answers to /computeMetadata/v1/?recursive=true&alt=json, instead of asking one
--release   the value of moult-release, instead of the instance's
--pack      a configuration pack, instead of the bucket's
--out       write the tree into this empty or new folder
--show      print one file
--diff      what would change in --root: content, modes, owners, links; what files with secrets hold is not compared

Where a secret would stand, its name does: <secret NAME>. NETWORK as for boot, but for 20 s
only. exit: as boot's; 10 with findings`,
  grammar: {
    switches: "json diff",
    valued: "root instance release pack out show metadata endpoint deadline",
    words: 1,
  },
  async run(given, say) {
    if ([given.has("out"), given.has("show"), given.has("diff")].filter(Boolean).length > 1)
      throw wrong("render wants one of --out, --show and --diff");
    const root = rootOf(given.value("root"));
    const described = await describe({
      root,
      manifest: given.words[0],
      instance: given.value("instance"),
      release: given.value("release"),
      pack: given.value("pack"),
      // A person waits for it, perhaps where there is no metadata server at all.
      network: { ...networkOf(given), ...(given.has("deadline") ? {} : { deadlineMs: 20_000 }) },
    });
    const { findings, rendered } = described;
    if (!rendered || findings.length > 0) {
      if (given.has("json")) say(JSON.stringify({ valid: false, findings }));
      else for (const finding of findings) say(printFinding(finding));
      return exits["manifest-invalid"];
    }
    const items = itemsOf(described, rendered);
    const [out, shown] = [given.value("out"), given.value("show")];
    if (shown !== undefined) showOne(items, shown);
    else if (given.has("diff")) showChanges(root, items, given.has("json"));
    else {
      if (out !== undefined) writeTree(out, items);
      if (given.has("json")) say(JSON.stringify(document(described, rendered, items)));
      else for (const line of listing(described, rendered, items)) say(line);
    }
    return 0;
  },
};

function listing({ instance, release, plan }: Described, { ready }: Rendered, items: readonly Item[]): string[] {
  const owners = Math.max(0, ...items.map(({ owner }) => owner.length));
  const paths = Math.max(0, ...items.map(({ path }) => path.length));
  return [
    `instance ${instance.id} ${instance.name}, ${release ? `release ${release.release.slice(0, 12)} of fleet ${release.fleet}` : "no release"}`,
    ...items.map(({ path, mode, owner, what, origin }) =>
      `${mode === undefined ? "link" : octal(mode)} ${owner.padEnd(owners)} ${what.slice(0, 12).padEnd(12)} ${path.padEnd(paths)}  ${origin}`.trimEnd(),
    ),
    ...(plan.units.length > 0 ? [`units ${plan.units.join(", ")}`] : []),
    ...(ready ? [`ready ${ready.kind} ${ready.words.join(" ")} within ${ready.withinMs / 1_000} s`] : []),
    ...(plan.secrets.size > 0 ? [`secrets ${[...plan.secrets].sort().join(", ")}`] : []),
  ];
}

function document({ instance, release, plan }: Described, { ready }: Rendered, items: readonly Item[]): unknown {
  return {
    valid: true,
    instance: instance.id,
    release: release?.release ?? "",
    items: items.map(({ path, mode, owner, what, origin, bytes }) => ({
      path,
      kind: mode === undefined ? "link" : bytes ? "file" : "directory",
      ...(mode === undefined ? {} : { mode: octal(mode) }),
      owner,
      ...(bytes && what !== "secret" ? { sha256: what } : {}),
      origin,
    })),
    units: plan.units,
    ready: ready ?? null,
    secrets: [...plan.secrets].sort(),
  };
}

function showOne(items: readonly Item[], path: string): void {
  const item = items.find((one) => one.path === path);
  if (!item?.bytes) throw new Failure("usage", `${path} is none of its files: render without --show lists them`);
  process.stdout.write(item.bytes);
}

function showChanges(root: string, items: readonly Item[], json: boolean): void {
  const changes = changesOn(root, items);
  if (json) print(1, JSON.stringify({ valid: true, changes: changes.map(({ path, how }) => ({ path, how })) }));
  else
    for (const { path, how, diff } of changes) {
      print(1, `# ${oneLine(`${path}: ${how.join(", ")}`)}`);
      for (const line of diff) print(1, line);
    }
  const secret = items.filter(({ what }) => what === "secret").length;
  const kept =
    secret > 0 ? `; what ${secret === 1 ? "1 file" : `${secret} files`} with secrets hold is not compared` : "";
  print(2, `moult-agent: ${changes.length} of ${items.length} would change${kept}`);
}

/** Modes are as planned, owners are not: only root could give files away. */
function writeTree(folder: string, items: readonly Item[]): void {
  try {
    if (unlessMissing(() => readdirSync(folder))?.length) throw new Failure("usage", `${folder} is not empty`);
    for (const { path, bytes, link, mode } of items) {
      const place = folder + path;
      mkdirSync(bytes || link !== undefined ? dirname(place) : place, { recursive: true });
      if (link !== undefined) symlinkSync(link, place);
      // Readable to whoever asked for it, whatever the mode is on the machine.
      else if (bytes) writeFileSync(place, bytes, { mode: (mode ?? 0) | 0o600 });
    }
  } catch (error) {
    if (error instanceof Failure || errorCode(error) === "") throw error;
    throw new Failure("usage", `${folder} cannot be written: ${errorCode(error)}`);
  }
}
