import { createHash } from "node:crypto";
import type { BootReport, SignedReport } from "../../wire/moult.d.ts";
import type { ReportView } from "../core/observation.ts";
import type { Cloud } from "./cloud.ts";

/**
 * Reports of a release whose signature holds: made by exactly the instance they speak of, covering exactly what they say.
 * Others are logged and count as not there. Objects are created once, so a judged one is remembered while this process lives.
 */
export async function readReports(cloud: Cloud, fleet: string, release: string): Promise<ReportView[]> {
  const stored = await cloud.reports.list(`reports/${fleet}/${release}/`);
  const views = await Promise.all(stored.map((object) => judged(cloud, object, fleet, release)));
  return views.flatMap((view) => view ?? []);
}

const remembered = new Map<string, ReportView | null>();
const REMEMBERED = 10_000;

interface Stored {
  name: string;
  created: string;
}

async function judged(cloud: Cloud, object: Stored, fleet: string, release: string): Promise<ReportView | null> {
  const key = `${cloud.reports.name}/${object.name}`;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const view = await judge(cloud, object, fleet, release);
  if (remembered.size >= REMEMBERED) remembered.clear();
  remembered.set(key, view);
  return view;
}

async function judge(
  cloud: Cloud,
  { name, created }: Stored,
  fleet: string,
  release: string,
): Promise<ReportView | null> {
  const stored = await cloud.reports.read(name);
  if (!stored) return null;
  const refuse = (why: string) => {
    cloud.log("WARNING", `report ${name} does not count: ${why}`, { word: "report-refused", fleet });
    return null;
  };
  const read = readSigned(stored.text);
  if (!read) return refuse("it is not a signed report");
  const { signed, report } = read;
  const audience = `moult:${createHash("sha256").update(signed.report).digest("hex")}`;
  const checked = await cloud.verifyIdentity({
    token: signed.token,
    audience,
    storedAt: Date.parse(created),
  });
  if ("problem" in checked) return refuse(checked.problem);
  if (checked.identity.instanceId !== report.instance.id)
    return refuse("it speaks of another instance than the one that signed it");
  if (report.fleet !== fleet || report.release !== release)
    return refuse("it speaks of another fleet or release than the place it lies in");
  const { verdict, reason, message } = report;
  return { instanceId: report.instance.id, instanceName: report.instance.name, verdict, reason, message };
}

/** Whoever may create reports may create anything: what is not of a report's shape must not stop the look. */
function readSigned(text: string): { signed: SignedReport; report: BootReport } | undefined {
  try {
    const signed = JSON.parse(text) as SignedReport;
    if (typeof signed.report !== "string" || typeof signed.token !== "string") return undefined;
    const report = readReport(signed.report);
    return report && { signed, report };
  } catch {
    return undefined;
  }
}

/** The text of a boot report, if it is one. */
export function readReport(text: string): BootReport | undefined {
  try {
    const report = JSON.parse(text) as BootReport;
    const { verdict, reason, message, instance } = report;
    const texts = [verdict, reason, message, instance.id, instance.name].every((value) => typeof value === "string");
    return texts ? report : undefined;
  } catch {
    return undefined;
  }
}
