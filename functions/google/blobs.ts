import { CRC32C, Storage } from "@google-cloud/storage";
import { Failure, isFailure, kindOf } from "./failure.ts";

/** A bucket as a store of bytes: cli/config/objects.ts says what each of these promises. */
export interface Blobs {
  /** `gs://NAME` */
  place: string;
  read(name: string): Promise<{ bytes: Buffer; generation: string } | undefined>;
  write(name: string, bytes: Uint8Array, ifGeneration: string): Promise<string>;
  list(prefix: string): Promise<{ name: string; generation: string; size: number; created: string }[]>;
  delete(name: string, ifGeneration: string): Promise<void>;
}

/** Reads at most; between them a random wait of at most this, twice as long each time. */
const READS = 5;
const WAIT_MS = 400;

/**
 * Bytes are compared with their CRC32C on both ways: the bucket refuses an upload that is not what was meant, and a download
 * that is not what the bucket has is read again. Every write and delete carries a generation, so the client may repeat
 * it: one whose answer was lost finds its own work and says `conflict`. `apiEndpoint` is an emulator's.
 */
export function makeBlobs(name: string, apiEndpoint?: string): Blobs {
  const options = apiEndpoint === undefined ? {} : { apiEndpoint };
  const bucket = new Storage(options).bucket(name);
  // A download that the client (8.4.0) repeats by itself after a 503 leaves a rejection that nobody can catch.
  const unrepeated = new Storage({ ...options, retryOptions: { autoRetry: false } }).bucket(name);
  const place = `gs://${name}`;

  async function tell<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (problem) {
      const { code, errors }: { code?: unknown; errors?: { reason?: string }[] } = Object(problem);
      const status = typeof code === "number" ? code : 0;
      throw new Failure(kindOf(status, errors?.[0]?.reason ?? ""), status, `${what} ${place}`, sentenceOf(problem));
    }
  }

  async function readOnce(object: string): Promise<{ bytes: Buffer; generation: string }> {
    let generation = "";
    const stream = unrepeated.file(object).createReadStream({ validation: "crc32c" });
    stream.on("response", ({ headers }: { headers: Record<string, unknown> }) => {
      generation = String(headers["x-goog-generation"] ?? "");
    });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    if (!/^\d+$/.test(generation)) throw new Error("the answer does not say which generation it is");
    return { bytes: Buffer.concat(chunks), generation };
  }

  return {
    place,
    read: async (object) => {
      for (let read = 1; ; read++)
        try {
          return await tell(`read ${object} of`, () => readOnce(object));
        } catch (problem) {
          if (isFailure(problem, "missing")) return undefined;
          if (!isFailure(problem, "unavailable") || read === READS) throw problem;
          await new Promise((resolve) => setTimeout(resolve, Math.random() * WAIT_MS * 2 ** read));
        }
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

/** What is said of a download is the whole body of the answer. */
function sentenceOf(problem: unknown): unknown {
  const text = problem instanceof Error ? problem.message : "";
  const [, message] = /^\{"error":\{.*?"message":"((?:[^"\\]|\\.)*)"/.exec(text) ?? [];
  return message === undefined ? problem : JSON.parse(`"${message}"`);
}
