import { CRC32C, Storage } from "@google-cloud/storage";
import { download, failureOf, UNREPEATED } from "./download.ts";

/** A bucket as a store of bytes: cli/config/objects.ts says what each of these promises. */
export interface Blobs {
  /** `gs://NAME` */
  place: string;
  read(name: string): Promise<{ bytes: Buffer; generation: string } | undefined>;
  write(name: string, bytes: Uint8Array, ifGeneration: string): Promise<string>;
  list(prefix: string): Promise<{ name: string; generation: string; size: number; created: string }[]>;
  delete(name: string, ifGeneration: string): Promise<void>;
}

/**
 * Bytes are compared with their CRC32C on both ways: the bucket refuses an upload that is not what was meant, and a download
 * that is not what the bucket has is read again. Every write and delete carries a generation, so the client may repeat
 * it: one whose answer was lost finds its own work and says `conflict`. `apiEndpoint` is an emulator's.
 */
export function makeBlobs(name: string, apiEndpoint?: string): Blobs {
  const options = apiEndpoint === undefined ? {} : { apiEndpoint };
  const bucket = new Storage(options).bucket(name);
  const unrepeated = new Storage({ ...options, ...UNREPEATED }).bucket(name);
  const place = `gs://${name}`;

  async function tell<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (problem) {
      throw failureOf(problem, `${what} ${place}`);
    }
  }

  return {
    place,
    read: async (object) => {
      const found = await download(unrepeated, object);
      return found && { bytes: found.bytes, generation: found.generation };
    },
    write: (object, bytes, ifGeneration) =>
      tell(`write ${object} to`, async () => {
        const file = bucket.file(object);
        const crc32c = new CRC32C();
        const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        crc32c.update(content);
        await file.save(content, {
          resumable: false,
          // The bucket compares before it stores; the client would compare afterwards and delete what others may read already.
          validation: false,
          metadata: {
            crc32c: crc32c.toString(),
            contentType: object.endsWith(".json") ? "application/json" : "application/octet-stream",
          },
          preconditionOpts: { ifGenerationMatch: ifGeneration },
        });
        return String(file.metadata.generation);
      }),
    list: (prefix) =>
      tell(`list ${prefix} of`, async () => {
        const [files] = await bucket.getFiles({ prefix });
        return files.map(({ name: object, metadata }) => ({
          name: object,
          generation: String(metadata.generation),
          size: Number(metadata.size),
          created: String(metadata.timeCreated ?? ""),
        }));
      }),
    delete: (object, ifGeneration) =>
      tell(`delete ${object} of`, async () => {
        await bucket.file(object).delete({ ignoreNotFound: true, ifGenerationMatch: ifGeneration });
      }),
  };
}
