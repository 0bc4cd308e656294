import { Storage } from "@google-cloud/storage";
import { afterAll, beforeAll, vi } from "vitest";
import { NAMES } from "../../../cli/config/objects.ts";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";
import { type Blobs, makeBlobs } from "../../../functions/google/blobs.ts";
import { write } from "../config/folders.ts";
import { type Shown, type } from "../screen.ts";

export const PROJECT = "acme-prod";
export const BUCKET = `${PROJECT}-moult-config`;

/** An emulator for one test file, with the three buckets of an installation and a record of the calls to its storage. */
export function cloudOfFile() {
  const calls: string[] = [];
  const state: { emulator?: Emulator; onCall: (id: string) => void } = { onCall: () => {} };
  const emulator = (): Emulator => {
    if (!state.emulator) throw new Error("the emulator is not there yet");
    return state.emulator;
  };
  beforeAll(async () => {
    state.emulator = await startEmulator({
      instances: "virtual",
      project: PROJECT,
      onAnswered: ({ id }) => {
        if (!id.startsWith("storage.objects")) return;
        calls.push(id);
        state.onCall(id);
      },
    });
    // Google's clients of the control plane find it by the environment.
    for (const [name, value] of Object.entries(emulator().env)) vi.stubEnv(name, value);
    const storage = new Storage({ apiEndpoint: emulator().url, projectId: PROJECT });
    for (const kind of ["config", "state", "reports"]) await storage.createBucket(`${PROJECT}-moult-${kind}`);
  });
  afterAll(async () => {
    await state.emulator?.close();
    vi.unstubAllEnvs();
  });
  const env = () => ({ ...emulator().env, GOOGLE_CLOUD_PROJECT: PROJECT, MOULT_OPERATOR: "ada@example.com" });
  return {
    calls,
    emulator,
    env,
    onCall: (hear: (id: string) => void) => {
      state.onCall = hear;
    },
    bucket: (): Blobs => makeBlobs(BUCKET, emulator().url),
    /** Types `moult config …` about a folder, in this process. */
    on: (folder: string, ...args: string[]): Promise<Shown> => type(["config", ...args, "--folder", folder], env()),
    fault: async (rule: object): Promise<() => Promise<void>> => {
      const url = `${emulator().url}/emulator/faults`;
      const response = await fetch(url, { method: "POST", body: JSON.stringify(rule) });
      if (!response.ok) throw new Error(await response.text());
      return async () => void (await fetch(url, { method: "DELETE" }));
    },
  };
}

/** Changes the files and commits them. */
export async function committed(
  cloud: ReturnType<typeof cloudOfFile>,
  folder: string,
  ref: string,
  files: Record<string, string>,
) {
  write(folder, files);
  const { code, out, err } = await cloud.on(
    folder,
    "commit",
    "--ref",
    ref,
    "-m",
    "a change",
    "--author",
    "ana",
    "--json",
  );
  if (code !== 0) throw new Error(err);
  const made: { commit: string } = JSON.parse(out);
  return made.commit;
}

export async function refOf(
  bucket: Blobs,
  ref: string,
): Promise<{ commit: string; previous: { commit: string }[]; by: string }> {
  const found = await bucket.read(NAMES.ref(ref));
  if (!found) throw new Error(`there is no ref ${ref}`);
  return JSON.parse(found.bytes.toString());
}
