import { type Bucket, type CreateBucketRequest, type File, Storage } from "@google-cloud/storage";
import { type Emulator, startEmulator } from "../../../../emulator/index.ts";

/** An emulator with Google's unmodified Node client, pointed at it as Google's own suites point theirs. */
export interface Place {
  emulator: Emulator;
  storage: Storage;
  /** A service account of the project with a key that the emulator made, and a client that signs with it. */
  signer: Storage;
  account: string;
  /** A bucket of its own for each case. */
  bucket(settings?: object): Promise<Bucket>;
  file(bucket: Bucket, name: string, content?: string | Buffer, options?: object): Promise<File>;
  close(): Promise<void>;
}

export async function openPlace(): Promise<Place> {
  const emulator = await startEmulator({ instances: "virtual" });
  process.env.STORAGE_EMULATOR_HOST = emulator.url;
  const settings = { projectId: emulator.project, retryOptions: { autoRetry: false } };
  const storage = new Storage(settings);
  const accounts = `${emulator.url}/v1/projects/${emulator.project}/serviceAccounts`;
  const post = async (url: string, body: object) =>
    (await (await fetch(url, { method: "POST", body: JSON.stringify(body) })).json()) as Record<string, string>;
  const { email: account = "" } = await post(accounts, { accountId: "signer" });
  const { privateKeyData = "" } = await post(`${accounts}/${account}/keys`, {});
  const credentials = JSON.parse(Buffer.from(privateKeyData, "base64").toString("utf8")) as Record<string, string>;
  const signer = new Storage({ ...settings, credentials });
  let made = 0;
  return {
    emulator,
    storage,
    signer,
    account,
    bucket: async (wanted: CreateBucketRequest = {}) => (await storage.createBucket(`case-${++made}`, wanted))[0],
    file: async (bucket, name, content = "content", options = {}) => {
      const file = bucket.file(name);
      await file.save(content, { resumable: false, ...options });
      return file;
    },
    close: async () => {
      delete process.env.STORAGE_EMULATOR_HOST;
      await emulator.close();
    },
  };
}
