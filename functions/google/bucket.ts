import { Storage } from "@google-cloud/storage";
import { Failure, isFailure, kindOf } from "./failure.ts";

export interface Stored {
  text: string;
  /** Decimal text; the next write must carry it. */
  generation: string;
  /** When the object was made, RFC 3339. */
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
    read: (object) =>
      tell(`read ${object} of`, async () => {
        const file = bucket.file(object);
        // Contents and generation in two calls must be of one write: ask for the contents of exactly that generation.
        const [metadata] = await file.getMetadata();
        const generation = String(metadata.generation);
        const [bytes] = await bucket.file(object, { generation }).download();
        return { text: bytes.toString("utf8"), generation, created: String(metadata.timeCreated ?? "") };
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
    delete: (object) =>
      tell(`delete ${object} of`, async () => void (await bucket.file(object).delete({ ignoreNotFound: true }))),
  };
}
