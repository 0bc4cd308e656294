import type { Bucket as StorageBucket } from "@google-cloud/storage";
import { Failure, isFailure, kindOf } from "./failure.ts";

export interface Downloaded {
  bytes: Buffer;
  /** Decimal text. */
  generation: string;
  /** When this generation was written, RFC 3339, to the second. */
  created: string;
}

/** A client for `download`: what it repeats by itself after a 503 (8.4.0) leaves a rejection that nobody can catch. */
export const UNREPEATED = { retryOptions: { autoRetry: false } } as const;

/** Reads at most; between them a random wait of at most this, twice as long each time. */
const READS = 5;
const WAIT_MS = 400;

/**
 * One call: the answer that carries the contents says of which generation they are. Compared with their CRC32C; what passes is
 * read again. Undefined when there is no such object.
 */
export async function download(bucket: StorageBucket, object: string): Promise<Downloaded | undefined> {
  for (let read = 1; ; read++)
    try {
      return await readOnce(bucket, object);
    } catch (problem) {
      const failure = failureOf(problem, `read ${object} of gs://${bucket.name}`);
      if (isFailure(failure, "missing")) return undefined;
      if (!isFailure(failure, "unavailable") || read === READS) throw failure;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * WAIT_MS * 2 ** read));
    }
}

async function readOnce(bucket: StorageBucket, object: string): Promise<Downloaded> {
  let headers: Record<string, unknown> = {};
  const stream = bucket.file(object).createReadStream({ validation: "crc32c" });
  stream.on("response", (response: { headers: typeof headers }) => {
    headers = response.headers;
  });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const generation = String(headers["x-goog-generation"] ?? "");
  if (!/^\d+$/.test(generation)) throw new Error("the answer does not say which generation it is");
  const modified = Date.parse(String(headers["last-modified"] ?? ""));
  return {
    bytes: Buffer.concat(chunks),
    generation,
    created: Number.isNaN(modified) ? "" : new Date(modified).toISOString(),
  };
}

export function failureOf(problem: unknown, what: string): Failure {
  const { code, errors }: { code?: unknown; errors?: { reason?: string }[] } = Object(problem);
  const status = typeof code === "number" ? code : 0;
  return new Failure(kindOf(status, errors?.[0]?.reason ?? ""), status, what, sentenceOf(problem));
}

/** What is said of a download is the whole body of the answer. */
function sentenceOf(problem: unknown): unknown {
  const text = problem instanceof Error ? problem.message : "";
  const [, message] = /^\{"error":\{.*?"message":"((?:[^"\\]|\\.)*)"/.exec(text) ?? [];
  return message === undefined ? problem : JSON.parse(`"${message}"`);
}
