import { Storage } from "@google-cloud/storage";
import { download, failureOf, UNREPEATED } from "./download.ts";

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
 * 412, which the caller reads as a conflict and looks again. `apiEndpoint` is an emulator's.
 */
export function makeBucket(name: string, apiEndpoint?: string): Bucket {
  const options = apiEndpoint === undefined ? {} : { apiEndpoint };
  const bucket = new Storage(options).bucket(name);
  const unrepeated = new Storage({ ...options, ...UNREPEATED }).bucket(name);

  async function tell<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (problem) {
      throw failureOf(problem, `${what} gs://${name}`);
    }
  }

  return {
    name,
    read: async (object) => {
      const found = await download(unrepeated, object);
      return found && { text: found.bytes.toString("utf8"), generation: found.generation, created: found.created };
    },
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
