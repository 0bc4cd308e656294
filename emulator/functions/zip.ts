import { crc32, inflateRawSync } from "node:zlib";

export interface ZipEntry {
  /** Relative, with `/`, never leading out of the folder. */
  path: string;
  kind: "file" | "folder" | "link";
  /** Unix permission bits; 0 when the archive says none. */
  mode: number;
  bytes: Buffer;
}

/** Unpacked, as the real service limits sources. https://cloud.google.com/functions/quotas */
const MOST_BYTES = 512 * 1024 * 1024;
const END = 0x06054b50;
const DIRECTORY = 0x02014b50;
const LOCAL = 0x04034b50;
const LONGEST_COMMENT = 65_535;

function invalid(what: string): Error {
  return new Error(`not a valid zip file: ${what}`);
}

/** Where the central directory is. Archives beyond 4 GiB or 65,534 entries are larger than a source may be. */
function directory(zip: Buffer): { count: number; at: number } {
  for (let at = zip.length - 22; at >= Math.max(0, zip.length - 22 - LONGEST_COMMENT); at--) {
    if (zip.readUInt32LE(at) !== END) continue;
    return { count: zip.readUInt16LE(at + 10), at: zip.readUInt32LE(at + 16) };
  }
  throw invalid("it has no end record");
}

/** The path of an entry when it stays inside. Throws for one that does not. */
function safe(name: string): string {
  const path = name.replaceAll("\\", "/");
  if (path.startsWith("/") || /^[A-Za-z]:/.test(path) || path.split("/").includes("..")) {
    throw invalid(`the entry ${JSON.stringify(name)} leads out of it`);
  }
  return path.replace(/^(\.\/)+/, "");
}

/** Reads an archive whole; stored and deflated entries. Throws an Error that says what is wrong with it. */
export function readZip(zip: Buffer): ZipEntry[] {
  if (zip.length < 22) throw invalid("it is too short");
  const { count, at: start } = directory(zip);
  const entries: ZipEntry[] = [];
  let total = 0;
  let at = start;
  for (let n = 0; n < count; n++) {
    if (at + 46 > zip.length || zip.readUInt32LE(at) !== DIRECTORY) throw invalid("its directory is broken");
    const flags = zip.readUInt16LE(at + 8);
    const method = zip.readUInt16LE(at + 10);
    const sum = zip.readUInt32LE(at + 16);
    const packed = zip.readUInt32LE(at + 20);
    const size = zip.readUInt32LE(at + 24);
    const nameLength = zip.readUInt16LE(at + 28);
    const madeOnUnix = zip.readUInt8(at + 5) === 3;
    const attributes = madeOnUnix ? zip.readUInt32LE(at + 38) >>> 16 : 0;
    const name = zip.toString("utf8", at + 46, at + 46 + nameLength);
    const offset = zip.readUInt32LE(at + 42);
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    if (flags & 1) throw invalid(`${name} is encrypted`);
    total += size;
    if (total > MOST_BYTES) throw new Error(`the source is larger than ${MOST_BYTES} bytes unpacked`);
    const isLink = (attributes & 0o170000) === 0o120000;
    entries.push({
      path: safe(name),
      kind: name.endsWith("/") ? "folder" : isLink ? "link" : "file",
      mode: attributes & 0o777,
      bytes: content(zip, { name, method, sum, packed, size, offset }),
    });
  }
  return entries;
}

function content(
  zip: Buffer,
  one: { name: string; method: number; sum: number; packed: number; size: number; offset: number },
): Buffer {
  const { name, method, sum, packed, size, offset } = one;
  if (offset + 30 > zip.length || zip.readUInt32LE(offset) !== LOCAL)
    throw invalid(`${name} is not where it should be`);
  // The local header has name and extra field of its own length.
  const begin = offset + 30 + zip.readUInt16LE(offset + 26) + zip.readUInt16LE(offset + 28);
  const raw = zip.subarray(begin, begin + packed);
  if (raw.length !== packed) throw invalid(`${name} is cut short`);
  let bytes: Buffer;
  if (method === 0) bytes = raw;
  else if (method === 8) {
    try {
      bytes = inflateRawSync(raw, { maxOutputLength: Math.max(1, size) });
    } catch {
      throw invalid(`${name} cannot be inflated`);
    }
  } else throw invalid(`${name} is packed by method ${method}`);
  if (bytes.length !== size || crc32(bytes) !== sum) throw invalid(`${name} has another checksum than it should`);
  return bytes;
}
