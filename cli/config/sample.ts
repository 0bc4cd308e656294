import { readFileSync } from "node:fs";
import { type Instance, readInstance } from "../../agent/identify/instance.ts";
import type { Manifest, ManifestAttribute } from "../../agent/plan/manifest.ts";
import { readRelease } from "../../agent/plan/release.ts";
import type { ReleaseMetadata } from "../../wire/moult.d.ts";
import { CliError, EXIT } from "../failure.ts";

/** An instance to try a configuration on. */
export interface Sample {
  /** For messages. */
  name: string;
  instance: Instance;
  release: ReleaseMetadata | undefined;
}

/** One that nobody has, with everything an instance may have, and of each declared attribute a value that is taken. */
export function madeUpInstance({ attributes }: Pick<Manifest, "attributes">): Sample {
  return {
    name: "a made-up instance",
    instance: {
      id: "1234567890123456789",
      name: "sample-0000",
      zone: "europe-west4-a",
      region: "europe-west4",
      hostname: "sample-0000.europe-west4-a.c.sample.internal",
      machineType: "e2-small",
      ip: "10.0.0.2",
      externalIp: "203.0.113.2",
      project: "sample",
      projectNumber: "123456789012",
      attributes: Object.fromEntries(
        [...attributes]
          .filter(([, { fallback }]) => fallback === undefined)
          .map(([name, attribute]) => [name, String(valueFor(attribute))]),
      ),
      serviceAccount: undefined,
    },
    release: undefined,
  };
}

/** What a metadata server answers to `/computeMetadata/v1/?recursive=true&alt=json`, as moult-agent render takes it. */
export function readSample(file: string): Sample {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (problem) {
    throw new CliError(EXIT.usage, `${file} cannot be read: ${problem instanceof Error ? problem.message : ""}`);
  }
  try {
    const instance = readInstance(text);
    const attribute = instance.attributes["moult-release"];
    return { name: file, instance, release: attribute === undefined ? undefined : readRelease(attribute) };
  } catch (problem) {
    throw new CliError(
      EXIT.usage,
      `${file} describes no instance: ${problem instanceof Error ? problem.message : ""}`,
      'It has to be what a metadata server answers to "/computeMetadata/v1/?recursive=true&alt=json".',
    );
  }
}

function valueFor({ type, allowed, pattern, min, max }: ManifestAttribute): unknown {
  if (allowed) return allowed[0];
  if (type === "boolean") return true;
  if (type === "integer") return min ?? max ?? 1;
  return pattern === undefined ? "sample" : matching(pattern);
}

/** The shortest text that a pattern takes: of each class its first character, as often as it has to be. */
function matching(pattern: string): string {
  const parts = pattern.matchAll(/(\[[^\]]+\]|.)(?:\{(\d+)(?:,\d+)?\})?/g);
  return [...parts].map(([, one = "", count = "1"]) => (one[1] ?? one).repeat(Number(count))).join("");
}
