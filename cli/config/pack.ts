import { canonicalJson } from "../../agent/plan/pack.ts";
import type { ConfigCommit } from "../../wire/moult.d.ts";
import { CliError, EXIT } from "../failure.ts";
import type { Signatures } from "./signatures.ts";

/** What an agent fetches at most; docs/contracts.md. */
export const PACK_LIMIT = 16 * 1024 * 1024;
const NAMED = 5;

/**
 * A commit with all its blobs in one object: what a machine fetches. The same commit with the same signatures always gives
 * the same bytes. Throws, naming what is large, when it is over the limit.
 */
export function makePack(commit: ConfigCommit, blobs: ReadonlyMap<string, Buffer>, signatures: Signatures): Buffer {
  const used = [...new Set(Object.values(commit.tree))];
  const held = Object.fromEntries(
    used.map((digest) => {
      const bytes = blobs.get(digest);
      if (!bytes) throw new Error(`the blob ${digest} of the commit is not at hand`);
      return [digest, bytes.toString("base64")];
    }),
  );
  const pack = Buffer.from(packText(commit, held, signatures));
  if (pack.length > PACK_LIMIT)
    throw tooLarge(pack.length, commit, new Map(used.map((digest) => [digest, blobs.get(digest)?.length ?? 0])));
  return pack;
}

/** As `makePack` judges it, from the sizes of the blobs alone. Throws, naming what is large, when it would be over the limit. */
export function checkPackSize(
  commit: ConfigCommit,
  sizes: ReadonlyMap<string, number>,
  signatures: Signatures,
): number {
  const used = [...new Set(Object.values(commit.tree))];
  // A key and a text in quotes, a colon, and a comma before all but the first.
  const held = used.reduce((sum, digest) => sum + 64 + 5 + Math.ceil((sizes.get(digest) ?? 0) / 3) * 4 + 1, 0);
  const size = Buffer.byteLength(packText(commit, {}, signatures)) + Math.max(0, held - 1);
  if (size > PACK_LIMIT) throw tooLarge(size, commit, sizes);
  return size;
}

function packText(commit: ConfigCommit, blobs: Record<string, string>, signatures: Signatures): string {
  const signed = Object.keys(signatures).length > 0 && { signatures };
  return canonicalJson({ blobs, commit, ...signed });
}

function tooLarge(size: number, commit: ConfigCommit, known: ReadonlyMap<string, number>): CliError {
  const sizes = Object.entries(commit.tree)
    .map(([path, digest]): [string, number] => [path, known.get(digest) ?? 0])
    .sort(([, a], [, b]) => b - a);
  const largest = sizes.slice(0, NAMED).map(([path, bytes]) => `${mib(bytes)}  files/${path}`);
  const more = sizes.length > NAMED ? `\nand ${sizes.length - NAMED} smaller` : "";
  return new CliError(
    EXIT.refused,
    `the configuration is ${mib(size)} as a machine fetches it, over the ${mib(PACK_LIMIT)} it may be`,
    `What is large:\n${largest.join("\n")}${more}\nBake large files into the image, or keep them on a data disk.`,
  );
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
