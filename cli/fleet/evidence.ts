import { stripVTControlCharacters } from "node:util";
import type { Cloud } from "../../functions/controller/cloud.ts";
import { table } from "../terminal/table.ts";
import type { Stream } from "../terminal/terminal.ts";
import { wrap } from "../terminal/text.ts";

/** What was kept of a machine before it was taken away (docs/contracts.md). Nothing in it is secret. */
export interface Evidence {
  object: string;
  machine: string;
  zone?: string;
  group: string;
  rollout: string;
  why: string;
  serial?: string;
  report?: string;
  attributes?: Record<string, string>;
  errors: { code: string; message: string; at: string }[];
  /** Parts that could not be read then, and why. */
  unread?: Record<string, string>;
}

/** Of one rollout, or of the newest that has some. An object that is none is left out. */
export async function readEvidence(cloud: Cloud, fleet: string, rollout: string | undefined): Promise<Evidence[]> {
  const prefix = `fleets/${fleet}/evidence/`;
  const names = await cloud.state.names(rollout === undefined ? prefix : `${prefix}${rollout}/`);
  const newest = rollout ?? newestOf(names.map((name) => name.slice(prefix.length).split("/")[0] ?? ""));
  const wanted = names.filter((name) => name.startsWith(`${prefix}${newest}/`)).sort();
  const read = await Promise.all(
    wanted.map(async (object): Promise<Evidence[]> => {
      const stored = await cloud.state.read(object);
      try {
        const value = JSON.parse(stored?.text ?? "null") as Partial<Evidence> | null;
        return value && typeof value.machine === "string"
          ? [{ group: "", rollout: newest ?? "", why: "", errors: [], ...value, machine: value.machine, object }]
          : [];
      } catch {
        return [];
      }
    }),
  );
  return read.flat();
}

/** Ids end in the rollout's number: `web-10` is after `web-9`. */
function newestOf(ids: readonly string[]): string | undefined {
  const number = (id: string) => Number(/(\d+)$/.exec(id)?.[1] ?? 0);
  return [...new Set(ids)].sort((a, b) => number(b) - number(a))[0];
}

/** Lines of the serial console that are shown; --json has all that was kept. */
const TAIL = 20;

/** The evidence for people. A machine wrote it, so what would steer a terminal is taken out. */
export function evidenceText(found: readonly Evidence[], out: Stream): string {
  const width = out.width() - 4;
  return found
    .map(({ machine, zone, group, rollout, why, serial, report, errors, unread = {}, object }) => {
      const said = report === undefined ? undefined : reportText(report);
      const lines = serial === undefined ? [] : tail(serial);
      return [
        `${out.paint("bold", machine)}  ${zone ?? group}, rollout ${rollout}\n`,
        ...wrap(plain(why), width).map((line) => `    ${line}\n`),
        ...(said === undefined ? [] : wrap(`reported ${said}`, width).map((line) => `    ${line}\n`)),
        ...(errors.length > 0
          ? [
              table(
                ["    WHEN (UTC)", "ERROR", ""],
                errors.map(({ at, code, message }) => [`    ${at.slice(0, 19)}`, plain(code), plain(message)]),
                out.paint,
                out.live ? out.width() : undefined,
              ),
            ]
          : []),
        ...(lines.length > 0 ? [out.paint("dim", `    serial console, its last ${lines.length} lines:\n`)] : []),
        ...lines.map((line) => `      ${line}\n`),
        ...Object.entries(unread).flatMap(([part, problem]) =>
          wrap(`${part} could not be read: ${plain(problem)}`, width).map(
            (line) => `    ${out.paint("yellow", line)}\n`,
          ),
        ),
        out.paint("dim", `    all of it: ${object}\n`),
      ].join("");
    })
    .join("\n");
}

function tail(serial: string): string[] {
  return serial
    .split(/\r?\n/)
    .map(plain)
    .filter((line) => line.trim() !== "")
    .slice(-TAIL);
}

function plain(text: string): string {
  // Newlines were split at, or do not belong in a sentence.
  return stripVTControlCharacters(text).replaceAll(/\p{Cc}/gu, " ");
}

/** `failed not-ready: web.service did not answer`; undefined where the report is none. */
function reportText(signed: string): string | undefined {
  try {
    const { verdict, reason, message } = JSON.parse(String(JSON.parse(signed).report));
    return plain(`${verdict} ${reason}: ${message}`);
  } catch {
    return undefined;
  }
}
