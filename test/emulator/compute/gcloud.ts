import { gcloudVersion, openGcloud as open, type Gcloud as Shared } from "../../contract/gcloud/gcloud.ts";

export const installed = gcloudVersion !== undefined;

/** The gcloud that the contract tests use, for tests beside the emulator's own parts. */
export interface Gcloud extends Shared {
  /** Runs one command and reads its JSON; undefined when it prints none. */
  run: Shared["json"];
}

export async function openGcloud(): Promise<Gcloud> {
  const cloud = await open();
  return { ...cloud, run: cloud.json };
}
