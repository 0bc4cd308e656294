import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Command, type Given, usage } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud, projectOf } from "../cloud.ts";
import { openBucket } from "../config/bucket.ts";
import { CliError, EXIT } from "../failure.ts";
import { collectAsked } from "../packages/asked.ts";
import { type Contents, neededContents, readContents, SBOM, storeContents, TSV } from "../packages/stored.ts";
import { listText } from "../packages/text.ts";
import type { Stream, Terminal } from "../terminal/terminal.ts";

export const command: Command = {
  name: "image packages",
  summary: "the packages in an image, or in a root file system",
  words: [{ name: "IMAGE", optional: true }],
  flags: {
    root: { value: "DIR", many: true, help: "collect from this root file system; later ones lie over earlier ones" },
    rpm: { value: "FILE", help: "with --root: what rpm answered, as above" },
    out: { value: "DIR", help: `with --root: write ${SBOM} and ${TSV} there` },
    put: { value: "DIR", help: "with IMAGE: store the list that --out wrote as this image's" },
    bucket: { value: "B", help: "where lists are stored (default P-moult-images)" },
    project: CLOUD_FLAGS.project,
    ...JSON_FLAG,
  },
  details: `A list is collected where the image is made, stored once as contents/IMAGE/ in the images bucket, and never changed.
moult image create --packages does both. dpkg's and apk's databases are read; rpm is asked for its own:
rpm -qa --queryformat '%{NAME}\\t%{EPOCH}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\t%{SOURCERPM}\\n' > FILE`,
  examples: [
    "moult image packages --root / --out /tmp/packages",
    "moult image packages web-20261120-120000-abc1234 --put /tmp/packages",
    "moult image packages web-20261120-120000-abc1234 --json",
  ],
  run: async (given, terminal) => {
    const image = given.words[0];
    if (given.has("root")) {
      if (image !== undefined || given.has("put") || given.has("bucket"))
        throw usage(
          "--root collects from a folder; it goes with --rpm, --out and --json, not with IMAGE, --put or --bucket",
        );
      return collectFrom(given, terminal);
    }
    const [alone] = ["out", "rpm"].filter((flag) => given.has(flag));
    if (alone !== undefined) throw usage(`--${alone} goes with --root DIR`);
    if (image === undefined) throw usage("moult image packages needs IMAGE, or --root DIR to collect from");
    const { out, env } = terminal;
    const bucket = openBucket(given.text("bucket") ?? `${projectOf(given, env)}-moult-images`, env);
    const put = given.text("put");
    if (put === undefined) {
      show(given, out, await neededContents(bucket, image), image);
      return EXIT.ok;
    }
    const contents = await readContents(put);
    if (!(await openCloud(given, env).compute(projectOf(given, env)).image(image)))
      throw new CliError(EXIT.absent, `there is no image ${image} in ${projectOf(given, env)}: a list is of an image`);
    await storeContents(bucket, image, contents);
    show(given, out, contents, image);
    return EXIT.ok;
  },
};

async function collectFrom(given: Given, { out, err, env }: Terminal): Promise<number> {
  const roots = given.list("root");
  const rpmFile = given.text("rpm");
  const rpm = rpmFile === undefined ? undefined : await readText(rpmFile);
  const contents = await collectAsked(roots, env, (sentence) => err.write(`${sentence}\n`), rpm);
  if (!contents)
    throw new CliError(
      EXIT.absent,
      `${roots.join(", ")} has no package database: no var/lib/dpkg/status, var/lib/dpkg/status.d or lib/apk/db/installed`,
      "Name the root file system of the image, as it is mounted while it is made.",
    );
  const folder = given.text("out");
  if (folder === undefined) {
    show(given, out, contents);
    return EXIT.ok;
  }
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, SBOM), contents.sbom);
  await writeFile(join(folder, TSV), contents.tsv);
  if (given.has("json")) show(given, out, contents);
  else out.write(`${contents.list.packages.length} packages listed in ${join(folder, SBOM)} and ${TSV}\n`);
  return EXIT.ok;
}

function show(given: Given, out: Stream, contents: Omit<Contents, "tsv" | "sbom">, image?: string): void {
  const { list, time } = contents;
  if (given.has("json"))
    out.write(`${JSON.stringify({ ...(image !== undefined && { image }), collected: time, ...list })}\n`);
  else
    out.write(
      listText(
        list,
        `${image === undefined ? "" : ` in ${image}`}, collected ${time}`,
        out.paint,
        out.live ? out.width() : Number.POSITIVE_INFINITY,
      ),
    );
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch {
    throw usage(`--rpm ${file} cannot be read`);
  }
}
