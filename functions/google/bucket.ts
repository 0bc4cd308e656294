import { Storage } from "@google-cloud/storage";
import { Failure, isFailure, kindOf } from "./failure.ts";

export interface Stored {
  text: string;
  /** Decimal text; the next write must carry it. */
  generation: string;
  /** When it was written, RFC 3339, to the second. `list` is exact. */
  created: string;
}

/** A bucket as moult uses one: small texts, each written only by who read the generation before. */
export interface Bucket {
  name: string;
  read(name: string): Promise<Stored | undefined>;
  /** Throws a `conflict` when the object is no longer at `ifGeneration`; "0" means it must not exist. Returns the new generation. */
  write(name: string, text: string, ifGeneration: string): Promise<string>;
  names(prefix: string): Promise<string[]>;
  /** Names with the time each object was made, RFC 3339. */
  list(prefix: string): Promise<{ name: string; created: string }[]>;
  /** Names of the folders right below `prefix`, which ends in a slash, however much is in them. */
  folders(prefix: string): Promise<string[]>;
  delete(name: string): Promise<void>;
}

/**
 * Retries only what carries a precondition, which is everything here: a repeated create finds its own object and answers
 * 412, which the caller reads as a conflict and looks again.
 */
export function makeBucket(name: string, storage: Storage = new Storage()): Bucket {
  const bucket = storage.bucket(name);

  async function tell<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (problem) {
      const { code, errors } = problem as { code?: unknown; errors?: { reason?: string }[] };
      const status = typeof code === "number" ? code : 0;
      throw new Failure(kindOf(status, errors?.[0]?.reason ?? ""), status, `${what} gs://${name}`, problem);
    }
  }

  return {
    name,
    // One call: the answer that carries the contents says of which generation they are.
    read: (object) =>
      tell(`read ${object} of`, async () => {
        let headers: Record<string, string | string[] | undefined> = {};
        const stream = bucket.file(object).createReadStream();
        stream.on("response", (response: { headers: typeof headers }) => {
          headers = response.headers;
        });
        const chunks: Buffer[] = [];
        for await (const chunk of stream) chunks.push(chunk as Buffer);
        const generation = String(headers["x-goog-generation"] ?? "");
        if (!/^\d+$/.test(generation)) throw new Error("the answer does not say which generation it is");
        const modified = Date.parse(String(headers["last-modified"] ?? ""));
        const created = Number.isNaN(modified) ? "" : new Date(modified).toISOString();
        return { text: Buffer.concat(chunks).toString("utf8"), generation, created };
      }).catch((problem: unknown) => {
        if (isFailure(problem, "missing")) return undefined;
        throw problem;
      }),
    write: (object, text, ifGeneration) =>
      tell(`write ${object} to`, async () => {
        const file = bucket.file(object);
        await file.save(text, {
          resumable: false,
          contentType: "application/json",
          preconditionOpts: { ifGenerationMatch: ifGeneration },
        });
        return String(file.metadata.generation);
      }),
    names: (prefix) =>
      tell(`list ${prefix} of`, async () => {
        const [files] = await bucket.getFiles({ prefix });
        return files.map((file) => file.name);
      }),
    list: (prefix) =>
      tell(`list ${prefix} of`, async () => {
        const [files] = await bucket.getFiles({ prefix });
        return files.map((file) => ({ name: file.name, created: String(file.metadata.timeCreated ?? "") }));
      }),
    folders: (prefix) =>
      tell(`list folders of ${prefix} of`, async () => {
        const found: string[] = [];
        let query: Record<string, unknown> | null = { prefix, delimiter: "/", autoPaginate: false };
        while (query) {
          const [, next, answer]: unknown[] = await bucket.getFiles(query);
          found.push(...((answer as { prefixes?: string[] } | undefined)?.prefixes ?? []));
          query = (next as Record<string, unknown> | null | undefined) ?? null;
        }
        return found.map((name) => name.slice(prefix.length, -1));
      }),
    delete: (object) =>
      tell(`delete ${object} of`, async () => void (await bucket.file(object).delete({ ignoreNotFound: true }))),
  };
}
