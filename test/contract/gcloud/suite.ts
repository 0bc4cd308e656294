import { afterAll, beforeAll, describe } from "vitest";
import { type Gcloud, gcloudVersion, openGcloud } from "./gcloud.ts";

/**
 * One scenario of Google's documentation. Its tests are steps that follow one another on one emulator; where there is no
 * gcloud they are skipped. `prepare` runs the commands that the page takes as done before it begins.
 */
export function scenario(
  title: string,
  steps: (cloud: () => Gcloud) => void,
  prepare?: (cloud: Gcloud) => Promise<unknown>,
): void {
  describe.skipIf(gcloudVersion === undefined)(`gcloud: ${title}`, { timeout: 120_000 }, () => {
    let open: Gcloud | undefined;
    const cloud = (): Gcloud => {
      if (!open) throw new Error("the emulator has not started");
      return open;
    };
    beforeAll(async () => {
      open = await openGcloud();
      await prepare?.(open);
    }, 120_000);
    afterAll(() => open?.close());
    steps(cloud);
  });
}
