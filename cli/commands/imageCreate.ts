import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Command, type Given, usage } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud, projectOf } from "../cloud.ts";
import { openBucket } from "../config/bucket.ts";
import { EXIT } from "../failure.ts";
import { createImage } from "../images/create.ts";
import { contentsAsked } from "../packages/asked.ts";

const NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
const LABEL = /^([a-z][-_a-z0-9]{0,62})=([-_a-z0-9]{0,63})$/;

export const command: Command = {
  name: "image create",
  summary: "make an image from a folder or an archive",
  words: [{ name: "NAME" }],
  flags: {
    family: { value: "F", help: "the image family it becomes the head of" },
    "no-family": { help: "in none yet, so that nobody follows it; moult image adopt lets it join one" },
    from: {
      value: "PATH",
      many: true,
      help: "a folder to pack, later ones over earlier ones; or one .tar.gz as it is",
    },
    description: { value: "TEXT", help: "what is in it" },
    label: { value: "K=V", many: true, help: "a label" },
    bucket: { value: "B", help: "where the archive is uploaded (default P-moult-images, made when missing)" },
    packages: {
      value: "DIR|auto",
      help: "stores this package list with it (moult image packages --out DIR); auto collects it from --from",
    },
    project: CLOUD_FLAGS.project,
    ...JSON_FLAG,
  },
  details: `The emulator boots a machine from a root file system, which is what a folder holds. The real Compute Engine wants an
archive that holds a disk.raw; build one with Packer or the like and give it as --from FILE.tar.gz.
Every fleet that follows the family hears of the new image.`,
  examples: [
    "moult image create web-v2 --family web --from demo/image --from demo/v2",
    "moult image create web-20261120-120000-abc1234 --family web --from disk.tar.gz --label commit=abc1234",
  ],
  run: async (given, { out, err, env }) => {
    const project = projectOf(given, env);
    const order = readOrder(given, project);
    const cloud = openCloud(given, env);
    // Only the emulator boots a root file system; the real service would make an image that boots nowhere.
    if (cloud.settings.computeEndpoint.startsWith("https:") && !hasDisk(order.from))
      throw usage("Compute Engine wants an archive that holds a disk.raw; give one as --from FILE.tar.gz");
    const compute = cloud.compute(project);
    const tell = (stage: string) => err.write(`${err.paint("dim", `${stage} …`)}\n`);
    const list = await contentsAsked(given.text("packages"), order.from, env, (text) => err.write(`${text}\n`));
    const contents = list && { store: openBucket(order.bucket, env), list };
    const image = await createImage(compute, { ...order, ...(contents && { contents }) }, tell);
    if (given.has("json")) out.write(`${JSON.stringify(image)}\n`);
    else
      out.write(
        `image ${out.paint("bold", image.name)} (id ${image.id}) is READY, in ${order.family === undefined ? "no family yet" : `family ${order.family}`}\n`,
      );
    return EXIT.ok;
  },
};

function hasDisk(from: readonly string[]): boolean {
  return from.some((path) => /\.(tar\.gz|tgz)$/.test(path) || existsSync(join(path, "disk.raw")));
}

function readOrder(given: Given, project: string) {
  const name = given.word(0);
  const family = given.text("family");
  const description = given.text("description");
  if (!NAME.test(name))
    throw usage(`"${name}" cannot be an image's name: lower-case letters, digits and dashes, a letter first`);
  if (given.has("no-family") && family !== undefined) throw usage("--family and --no-family cannot both be meant");
  if (family === undefined && !given.has("no-family"))
    throw usage("moult image create needs --family F: fleets follow families");
  if (family !== undefined && !NAME.test(family))
    throw usage(`"${family}" cannot be a family's name: lower-case letters, digits and dashes, a letter first`);
  if (!given.has("from")) throw usage("moult image create needs --from PATH: a folder or a .tar.gz");
  const labels = given.list("label").map((text): [string, string] => {
    const [, key, value] = LABEL.exec(text) ?? [];
    if (key === undefined || value === undefined) throw usage(`--label ${text} must be key=value in lower case`);
    return [key, value];
  });
  return {
    project,
    name,
    ...(family !== undefined && { family }),
    from: given.list("from"),
    labels: Object.fromEntries(labels),
    bucket: given.text("bucket") ?? `${project}-moult-images`,
    ...(description !== undefined && { description }),
  };
}
