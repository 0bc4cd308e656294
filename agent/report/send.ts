import type { BootReport, SignedReport } from "../../wire/moult.d.ts";
import type { Deadline, Edge } from "../edge/deadline.ts";
import type { Google } from "../edge/google.ts";
import type { Metadata } from "../edge/metadata.ts";
import { sha256 } from "../edge/sha256.ts";
import { Failure } from "../outcome.ts";

/** Compute keeps at most 256 KiB in a guest attribute. */
const guestAttributeLimit = 256 * 1024;

export interface Channels {
  metadata: Metadata;
  google: Google;
  edge: Edge;
  deadline: Deadline;
  reports: { bucket: string; topic: string } | undefined;
}

/** What every report says of itself, and where it goes. */
export type Report = Pick<BootReport, "fleet" | "release" | "instance">;
export interface Address {
  /** Key of the guest attribute, in the namespace moult. */
  key: string;
  object: string;
}

export function bootAddress({ fleet, release, instance, boot }: BootReport): Address {
  return { key: "report", object: `reports/${fleet}/${release}/${instance.id}/${boot}.json` };
}

/**
 * Says what happened wherever somebody may look: guest attribute, object in the reports bucket, message on its topic.
 * A channel that does not work costs one line and nothing else.
 * @returns whether it is kept where it is to be: in the bucket, or without one in the guest attribute.
 */
export async function sendReport(report: Report, address: Address, channels: Channels): Promise<boolean> {
  const text = JSON.stringify(report);
  const [told, kept] = await Promise.all([
    telling(channels.edge, "guest attribute", () => putGuestAttribute(address.key, text, channels)),
    channels.reports &&
      telling(channels.edge, "reports bucket", () => putObject(report, address.object, text, channels)),
  ]);
  return kept ?? told;
}

async function telling(edge: Edge, channel: string, send: () => Promise<string | undefined>): Promise<boolean> {
  let trouble: string | undefined;
  try {
    trouble = await send();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    trouble = error.message;
  }
  if (trouble !== undefined) edge.say(`report: ${channel}: ${trouble}`);
  return trouble === undefined;
}

async function putGuestAttribute(
  key: string,
  text: string,
  { metadata, deadline }: Channels,
): Promise<string | undefined> {
  if (Buffer.byteLength(text) > guestAttributeLimit) return "the report is too long for it";
  const { status } = await metadata.put(`/computeMetadata/v1/instance/guest-attributes/moult/${key}`, text, deadline);
  if (status === 403) return "off (403): the metadata key enable-guest-attributes is not TRUE";
  return status === 200 ? undefined : `status ${status}`;
}

/** The token's audience is the digest of the very text, so that nobody can put one machine's token to another text. */
async function putObject(report: Report, name: string, text: string, channels: Channels): Promise<string | undefined> {
  const { metadata, google, deadline, reports } = channels;
  if (!reports) return undefined;
  const audience = encodeURIComponent(`moult:${sha256(text)}`);
  const identity = `/computeMetadata/v1/instance/service-accounts/default/identity?audience=${audience}&format=full`;
  const answer = await metadata.get(identity, deadline);
  if (answer.status !== 200) return `no identity token: status ${answer.status}`;
  const signed: SignedReport = { report: text, token: answer.body.toString().trim() };
  const upload = `/upload/storage/v1/b/${reports.bucket}/o?uploadType=media&ifGenerationMatch=0&name=${encodeURIComponent(name)}`;
  const about = { lost: "config-unreachable", refused: "config-refused" } as const;
  const stored = await google.call(
    "storage",
    { method: "POST", path: upload, body: JSON.stringify(signed) },
    { what: `report gs://${reports.bucket}/${name}`, ...about },
    deadline,
    ({ status }) => status,
  );
  // 412: an earlier attempt whose answer was lost has made it.
  if (stored !== 200 && stored !== 412) return `status ${stored}`;
  const { fleet, release, instance } = report;
  const message = { messages: [{ attributes: { fleet, release, instance: instance.id } }] };
  const rung = await google.call(
    "pubsub",
    { method: "POST", path: `/v1/${reports.topic}:publish`, body: JSON.stringify(message) },
    { what: `message to ${reports.topic}`, ...about },
    deadline,
    ({ status }) => status,
  );
  return rung === 200 ? undefined : `kept, but its message was refused: status ${rung}`;
}
