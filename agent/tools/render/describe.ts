import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { ReleaseMetadata } from "../../../wire/moult.d.ts";
import type { Network } from "../../commandline.ts";
import { deadlineIn, type Edge } from "../../edge/deadline.ts";
import { Google } from "../../edge/google.ts";
import { accessToken, Metadata, metadataAddresses } from "../../edge/metadata.ts";
import { fetchPack } from "../../fetch/pack.ts";
import type { Finding } from "../../finding.ts";
import { type Instance, readInstance } from "../../identify/instance.ts";
import { Failure } from "../../outcome.ts";
import { errorCode, unlessMissing } from "../../place/disk.ts";
import { bakedDescription, describedBy, emptyDescription } from "../../plan/baked.ts";
import { oneInstance } from "../../plan/here.ts";
import { imageKeys } from "../../plan/keys.ts";
import type { Manifest } from "../../plan/manifest.ts";
import { knownNames } from "../../plan/names.ts";
import { type Description, openPack } from "../../plan/pack.ts";
import { makePlan, type Plan } from "../../plan/plan.ts";
import { readRelease } from "../../plan/release.ts";
import { print } from "../../print.ts";
import type { Rendered } from "../../render/files.ts";
import { ownersOf } from "../surroundings.ts";
import { renderMasked } from "./masked.ts";

export interface Asked {
  root: string;
  /** Files that stand for what would be asked for. */
  manifest: string | undefined;
  instance: string | undefined;
  release: string | undefined;
  pack: string | undefined;
  network: Network;
}

export interface Described {
  instance: Instance;
  release: ReleaseMetadata | undefined;
  plan: Plan;
  /** Undefined with findings. */
  rendered: Rendered | undefined;
  /** Path → origin as the manifest says it, like `template web.tmpl`. */
  origins: ReadonlyMap<string, string>;
  /** With any, the rest is not to be used. */
  findings: Finding[];
}

/** Finds out what an instance would get, as a boot does, but for secrets. */
export async function describe(asked: Asked): Promise<Described> {
  const { root } = asked;
  const world = asked.instance === undefined ? new Asking(asked.network) : undefined;
  try {
    const instance = readInstance(
      asked.instance === undefined ? ((await world?.instance()) ?? "") : read(asked.instance),
    );
    const attribute = asked.release === undefined ? instance.attributes["moult-release"] : read(asked.release);
    const release = attribute === undefined ? undefined : readRelease(attribute);
    const description = await descriptionOf(asked, instance, release, world);
    const { plan, manifest, findings } = makePlan(description, oneInstance(root, instance, release, ownersOf(root)));
    const names = knownNames(instance, release, manifest);
    const masked = findings.length > 0 ? undefined : renderMasked(plan, names);
    return {
      instance,
      release,
      plan,
      rendered: masked?.rendered,
      origins: originsOf(manifest),
      findings: masked?.findings ?? findings,
    };
  } finally {
    world?.close();
  }
}

async function descriptionOf(
  { root, manifest, pack }: Asked,
  instance: Instance,
  release: ReleaseMetadata | undefined,
  world: Asking | undefined,
): Promise<Description> {
  if (manifest !== undefined) {
    const found = described(manifest);
    if (!found) throw new Failure("usage", `${manifest} is not there`);
    return found;
  }
  if (pack !== undefined) return openPack(readBytes(pack), release?.config?.commit ?? packName(pack), imageKeys(root));
  if (!release?.config) return bakedDescription(root) ?? emptyDescription;
  if (!world) throw new Failure("usage", "The release names a configuration: --pack or MANIFEST has to give it");
  return fetchPack(world.google(), instance, release.config, world.deadline, imageKeys(root));
}

/** A pack that no release names is believed to be what its own file's name says. */
function packName(file: string): string {
  return /([0-9a-f]{64})\.json$/.exec(file)?.[1] ?? "";
}

function originsOf({ files }: Manifest): Map<string, string> {
  return new Map(
    files.map(({ path, origin }): [string, string] => {
      const [[kind, name] = ["", ""]] = Object.entries(origin);
      return [path, kind === "content" ? "content" : `${kind} ${name}`];
    }),
  );
}

/** The network, as a boot has it. */
class Asking {
  readonly deadline;
  readonly #metadata: Metadata;
  readonly #edge: Edge;
  readonly #network: Network;
  #google: Google | undefined;

  constructor(network: Network) {
    this.#edge = {
      now: () => performance.now(),
      random: Math.random,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      say: (line) => print(2, `moult-agent: ${line}`),
    };
    this.#network = network;
    this.deadline = deadlineIn(this.#edge, network.deadlineMs);
    this.#metadata = new Metadata(network.metadata.length > 0 ? network.metadata : metadataAddresses, this.#edge);
  }

  async instance(): Promise<string> {
    const { status, body } = await this.#metadata
      .get("/computeMetadata/v1/?recursive=true&alt=json", this.deadline)
      .catch((error: unknown) => {
        if (!(error instanceof Failure)) throw error;
        const { reason, message } = error;
        throw new Failure(reason, `${message} (--instance FILE describes an instance where there is no such server)`);
      });
    if (status !== 200) throw new Failure("metadata-refused", `The metadata server answers with status ${status}`);
    return body.toString();
  }

  /** Only asked for when a pack has to come, because it asks for a token at once. */
  google(): Google {
    this.#google ??= new Google(this.#network.endpoints, accessToken(this.#metadata, this.deadline), this.#edge);
    return this.#google;
  }

  close(): void {
    this.#metadata.close();
    this.#google?.close();
  }
}

function described(file: string): Description | undefined {
  try {
    return describedBy(file, `${dirname(file)}/files`);
  } catch (error) {
    throw new Failure("usage", `${file} cannot be read: ${errorCode(error)}`);
  }
}

function read(file: string): string {
  return readBytes(file).toString();
}

function readBytes(file: string): Buffer {
  try {
    const bytes = unlessMissing(() => readFileSync(file));
    if (bytes) return bytes;
  } catch (error) {
    throw new Failure("usage", `${file} cannot be read: ${errorCode(error)}`);
  }
  throw new Failure("usage", `${file} is not there`);
}
