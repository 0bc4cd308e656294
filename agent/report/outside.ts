import type { Network } from "../commandline.ts";
import { deadlineIn, type Edge } from "../edge/deadline.ts";
import { Google } from "../edge/google.ts";
import { accessToken, Metadata, metadataAddresses } from "../edge/metadata.ts";
import { type Instance, instanceIn, instancePath } from "../identify/instance.ts";
import { Failure } from "../outcome.ts";
import type { Seal } from "../seal/seal.ts";
import type { Channels } from "./send.ts";

/** What a run of its own needs to tell of a sealed machine, after the boot that sealed it. */
export interface Outside {
  instance: Instance;
  channels: Channels;
}

export async function tellOutside(
  { metadata: addresses, endpoints, deadlineMs }: Network,
  edge: Edge,
  seal: Seal,
  tell: (outside: Outside) => Promise<unknown>,
): Promise<void> {
  const deadline = deadlineIn(edge, deadlineMs);
  const metadata = new Metadata(addresses.length > 0 ? addresses : metadataAddresses, edge);
  const google = new Google(endpoints, accessToken(metadata, deadline), edge);
  try {
    const instance = await metadata.get(instancePath, deadline, instanceIn);
    if (instance.id !== seal.instance) throw new Failure("seal-broken", "The seal is of another instance");
    await tell({ instance, channels: { metadata, google, edge, deadline, reports: seal.reports ?? undefined } });
  } finally {
    metadata.close();
    google.close();
  }
}
