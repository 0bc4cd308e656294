import type { SignedReport } from "../../../wire/moult.d.ts";
import type { Bucket } from "../../google/bucket.ts";
import { isObject } from "../problems.ts";
import { readReport } from "../reports.ts";
import { each } from "./looks.ts";
import { withoutCredentials } from "./redact.ts";

/** What a failed machine said before it was taken away, without what looks like a credential. */
export interface ShownEvidence {
  rollout: string;
  machine: string;
  /** RFC 3339, of the object. */
  at: string;
  group?: string;
  zone?: string;
  why?: string;
  report?: { verdict: string; reason: string; message: string; bootedAt: string };
  errors: { code: string; message: string; at: string }[];
  attributes: Record<string, string>;
  /** The end of the serial output. */
  serial?: string;
  /** What could not be read of it, and why. */
  unread: Record<string, string>;
  problem?: string;
}

/** A page has room for so many; the bucket has the others. */
const SHOWN = 20;
const SERIAL = 16_384;

/** The newest first. */
export async function readEvidence(
  state: Pick<Bucket, "list" | "read">,
  fleet: string,
): Promise<{ fleet: string; kept: number; evidence: ShownEvidence[] }> {
  const prefix = `fleets/${fleet}/evidence/`;
  const stored = (await state.list(prefix)).filter(({ name }) =>
    /^[^/]+\/[^/]+\.json$/.test(name.slice(prefix.length)),
  );
  stored.sort((a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : a.name < b.name ? 1 : -1));
  const evidence = await each(stored.slice(0, SHOWN), 8, async ({ name, created }) => {
    const [rollout = "", file = ""] = name.slice(prefix.length).split("/");
    const found = await state.read(name);
    return shown(rollout, file.replace(/\.json$/, ""), created, found?.text ?? "");
  });
  return { fleet, kept: stored.length, evidence };
}

/** An object of another form than expected is said to be one, and does not hide the rest. */
export function shown(rollout: string, machine: string, at: string, stored: string): ShownEvidence {
  const none: ShownEvidence = { rollout, machine, at, errors: [], attributes: {}, unread: {} };
  let value: unknown;
  try {
    value = JSON.parse(stored);
  } catch {
    return { ...none, problem: "what is kept of it is not JSON" };
  }
  if (!isObject(value)) return { ...none, problem: "what is kept of it is not a JSON object" };
  const text = (member: unknown) => (typeof member === "string" ? withoutCredentials(member) : undefined);
  const { group, zone, why, serial, report, attributes, errors, unread } = value;
  const said = typeof report === "string" ? shownReport(report) : undefined;
  return {
    ...none,
    ...defined({ group: text(group), zone: text(zone), why: text(why), serial: text(serial)?.slice(-SERIAL) }),
    ...(said && { report: said }),
    errors: Array.isArray(errors) ? errors.filter(isObject).map(shownError) : [],
    // The report is shown as a report.
    attributes: texts(attributes, (key) => key !== "report" && key !== "moult/report"),
    unread: texts(unread),
  };
}

function shownReport(stored: string): ShownEvidence["report"] {
  let signed: Partial<SignedReport> | null;
  try {
    signed = JSON.parse(stored) as Partial<SignedReport> | null;
  } catch {
    return undefined;
  }
  const report = typeof signed?.report === "string" ? readReport(signed.report) : undefined;
  if (!report) return undefined;
  const { verdict, reason, message, bootedAt } = report;
  return { verdict, reason, message: withoutCredentials(message), bootedAt: String(bootedAt ?? "") };
}

function shownError({ code, message, at }: Record<string, unknown>): ShownEvidence["errors"][number] {
  return { code: String(code ?? ""), message: withoutCredentials(String(message ?? "")), at: String(at ?? "") };
}

function texts(value: unknown, wanted: (key: string) => boolean = () => true): Record<string, string> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, text]) =>
      typeof text === "string" && wanted(key) ? [[key, withoutCredentials(text)]] : [],
    ),
  );
}

function defined<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}
