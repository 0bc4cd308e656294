import { type Timeline, timelineOf } from "../../agent/tools/analyze/timeline.ts";
import { listOf, objectOf, textOf } from "../../agent/tools/json.ts";
import type { Bucket } from "../../functions/google/bucket.ts";
import type { Signer } from "../../wire/moult.d.ts";

/** One boot as its machine reported it. Whether the report counts for a gate, its signature decides: the functions look. */
export interface Boot {
  /** In the reports bucket. */
  object: string;
  /** When the report came, RFC 3339, by the bucket's clock. */
  reportedAt: string;
  machine: string;
  zone: string;
  /** Keys of the image that signed the configuration; undefined where it holds none, or the boot failed before. */
  signedBy: readonly Signer[] | undefined;
  timeline: Timeline;
}

/** Requests at a time. */
const together = 20;

/**
 * The newest reports of a fleet's boots, the newest last.
 * @param machine a name or an instance id; all machines when left out.
 */
export async function readBoots(
  reports: Bucket,
  fleet: string,
  machine: string | undefined,
  most: number,
): Promise<Boot[]> {
  const byId = machine !== undefined && /^\d+$/.test(machine);
  const listed = (await reports.list(`reports/${fleet}/`))
    // reports/FLEET/RELEASE/INSTANCE/BOOT.json; what drifted lies elsewhere.
    .filter(({ name }) => name.split("/").length === 5 && (!byId || name.split("/")[3] === machine))
    .sort((a, b) => (a.created < b.created ? 1 : -1));
  const found: Boot[] = [];
  for (let i = 0; i < listed.length && found.length < most; i += together) {
    const read = await Promise.all(
      listed.slice(i, i + together).map(async ({ name, created }) => {
        const stored = await reports.read(name);
        return stored && bootOf(name, created, stored.text);
      }),
    );
    found.push(...read.flatMap((boot) => (boot && (!machine || byId || boot.machine === machine) ? [boot] : [])));
  }
  return found.slice(0, most).reverse();
}

/** undefined when it is no boot report: whoever may create reports may create anything. */
function bootOf(object: string, reportedAt: string, text: string): Boot | undefined {
  try {
    const signed: unknown = JSON.parse(text);
    const timeline = timelineOf(signed);
    if (!timeline || typeof signed !== "object" || signed === null || !("report" in signed)) return undefined;
    const { instance, signedBy } = JSON.parse(String(signed.report));
    return {
      object,
      reportedAt,
      machine: String(instance?.name),
      zone: String(instance?.zone),
      signedBy: Array.isArray(signedBy) ? signersIn(signedBy) : undefined,
      timeline,
    };
  } catch {
    return undefined;
  }
}

function signersIn(list: unknown): Signer[] {
  return listOf(list).map((one) => {
    const { key, name } = objectOf(one);
    return { key: textOf(key), name: textOf(name) };
  });
}

/** The state that took longest. */
export function slowest({ bars }: Timeline): { name: string; ms: number } | undefined {
  const [first] = bars.filter(({ kind }) => kind !== "start").sort((a, b) => b.ms - a.ms);
  return first && { name: first.name, ms: first.ms };
}
