import { createHash, generateKeyPairSync, sign } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Failure } from "../../agent/outcome.ts";
import type { TrustedKeys } from "../../agent/plan/keys.ts";
import { canonicalJson, openPack } from "../../agent/plan/pack.ts";
import { makePack } from "../../cli/config/pack.ts";
import { goodPath } from "../../cli/config/paths.ts";
import type { ConfigPack } from "../../wire/moult.d.ts";

const digestOf = (bytes: string | Buffer) => createHash("sha256").update(bytes).digest("hex");

interface Key {
  id: string;
  trusted: TrustedKeys;
  sign(commit: unknown): string;
}

function newKey(name: string): Key {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const id = digestOf(publicKey.export({ type: "spki", format: "der" }).subarray(-32));
  return {
    id,
    trusted: new Map([[id, { name, key: publicKey }]]),
    sign: (commit) => sign(null, Buffer.from(canonicalJson(commit)), privateKey).toString("base64"),
  };
}

const [prod, next] = [newKey("prod"), newKey("next")];

const sources = { "a.tmpl": "x={{ values.x }}\n", "b/é.bin": Buffer.from([0, 255, 254, 13, 10]), "c.tmpl": "" };

function packOf(files: Record<string, string | Buffer> = sources): ConfigPack {
  const all = Object.entries(files).map(([path, content]): [string, Buffer] => [path, Buffer.from(content)]);
  return {
    blobs: Object.fromEntries(all.map(([, bytes]) => [digestOf(bytes), bytes.toString("base64")])),
    commit: {
      tree: Object.fromEntries(all.map(([path, bytes]) => [path, digestOf(bytes)])),
      manifest: { manifest: 1, values: { x: 1.5e300, y: '\\ " \u2028 é' } },
      parent: null,
      message: "",
      author: "ada",
      time: "2026-11-20T12:00:00Z",
    },
  };
}

const signed = (pack: ConfigPack, ...keys: Key[]): ConfigPack => ({
  ...pack,
  signatures: Object.fromEntries(keys.map((key) => [key.id, key.sign(pack.commit)])),
});
const bytesOf = (pack: unknown) => Buffer.from(canonicalJson(pack));
const nameOf = ({ commit }: ConfigPack) => digestOf(canonicalJson(commit));

/** What stops it, or undefined. */
function refusal(bytes: Buffer, commit: string, keys?: TrustedKeys): string | undefined {
  try {
    openPack(bytes, commit, keys);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return `${error.reason}: ${error.message}`;
  }
  return undefined;
}

/** Bits that can be turned over without anybody noticing. */
function unnoticed(bytes: Buffer, commit: string, keys: TrustedKeys | undefined, bits: Iterable<number>): number[] {
  const missed: number[] = [];
  for (const bit of bits) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    if (refusal(flipped, commit, keys) === undefined) missed.push(bit);
  }
  return missed;
}
const everyBit = (bytes: Buffer) => Array.from({ length: bytes.length * 8 }, (_, bit) => bit);

describe("a pack", () => {
  test("is opened when every byte of it is as it has to be", () => {
    const pack = packOf();
    const { source, manifest, signedBy } = openPack(bytesOf(pack), nameOf(pack));
    expect(manifest.value).toEqual(pack.commit.manifest);
    for (const [path, content] of Object.entries(sources)) expect(source(path)).toEqual(Buffer.from(content));
    expect(source("d")).toBeUndefined();
    expect(signedBy).toBeUndefined();
  });

  test("may give one blob under several paths, or hold no file at all", () => {
    const same = packOf({ a: "same", b: "same" });
    expect(Object.keys(same.blobs)).toHaveLength(1);
    expect(openPack(bytesOf(same), nameOf(same)).source("b")?.toString()).toBe("same");
    const none = packOf({});
    expect(refusal(bytesOf(none), nameOf(none))).toBeUndefined();
  });

  test("without signatures is refused with any single bit turned over", () => {
    const pack = packOf();
    const bytes = bytesOf(pack);
    expect(unnoticed(bytes, nameOf(pack), undefined, everyBit(bytes))).toEqual([]);
  });

  test("with a signature is refused with any single bit turned over, where the image holds the key", () => {
    const pack = signed(packOf({ a: "x" }), prod);
    const bytes = bytesOf(pack);
    expect(refusal(bytes, nameOf(pack), prod.trusted)).toBeUndefined();
    expect(unnoticed(bytes, nameOf(pack), prod.trusted, everyBit(bytes))).toEqual([]);
  }, 60_000);

  test("of a large configuration is refused with any bit of it turned over", () => {
    const files = Object.fromEntries(
      Array.from({ length: 300 }, (_, i) => [`etc/${i}`, Buffer.alloc(1_000 + i, `file ${i} `)]),
    );
    const pack = signed(packOf(files), prod);
    const [bytes, name] = [bytesOf(pack), nameOf(pack)];
    expect(bytes.length).toBeGreaterThan(400_000);
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => unnoticed(bytes, name, prod.trusted, [bit]).length === 0),
      { numRuns: 150 },
    );
  }, 60_000);

  test("with any bytes put in, taken away or exchanged is refused", () => {
    const pack = signed(packOf({ a: "x" }), prod);
    const [bytes, name] = [bytesOf(pack), nameOf(pack)];
    const change = fc.tuple(fc.nat(bytes.length), fc.nat(6), fc.uint8Array({ maxLength: 6 }));
    fc.assert(
      fc.property(change, ([at, gone, fresh]) => {
        const changed = Buffer.concat([bytes.subarray(0, at), fresh, bytes.subarray(at + gone)]);
        return changed.equals(bytes) || refusal(changed, name, prod.trusted) !== undefined;
      }),
      { numRuns: 500 },
    );
  });
});

describe("what moult config writes", () => {
  const path = fc.array(fc.string({ minLength: 1, unit: "binary" }), { minLength: 1, maxLength: 3 });
  const name = path.map((parts) => parts.join("/")).filter((found) => goodPath(found));
  const content = fc.uint8Array().map((bytes) => Buffer.from(bytes));
  const text = fc.string({ unit: "grapheme" });
  test("is opened by machines, whatever is committed", () => {
    fc.assert(
      fc.property(
        fc.dictionary(name, content),
        fc.jsonValue(),
        text,
        fc.boolean(),
        (files, manifest, message, sign) => {
          const blobs = new Map(Object.values(files).map((bytes) => [digestOf(bytes), bytes]));
          const tree = Object.fromEntries(Object.entries(files).map(([at, bytes]) => [at, digestOf(bytes)]));
          const commit = { ...packOf().commit, tree, manifest, message };
          const made = makePack(commit, blobs, sign ? { [prod.id]: prod.sign(commit) } : {});
          const opened = openPack(made, digestOf(canonicalJson(commit)), sign ? prod.trusted : undefined);
          expect(Object.keys(files).map((at) => opened.source(at))).toEqual(Object.values(files));
          expect(opened.manifest.value).toEqual(JSON.parse(JSON.stringify(manifest)));
          expect(opened.signedBy).toEqual(sign ? [{ key: prod.id, name: "prod" }] : undefined);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("a pack is refused, although its commit has the digest that was asked for,", () => {
  const pack = packOf();
  const text = canonicalJson(pack);
  const [blob = ""] = Object.keys(pack.blobs);
  const one = (encoded: string) => ({ ...pack, blobs: { ...pack.blobs, [blob]: encoded } });
  const wrongTree = (tree: unknown): [pack: unknown, name: string] => {
    const commit = { ...pack.commit, tree };
    return [{ ...pack, commit }, digestOf(canonicalJson(commit))];
  };
  const anywhere = digestOf("x");
  const odd = { ...pack, commit: { ...pack.commit, message: "\ufffd" } };
  /** One byte in place of three, which a decoder makes the same character of. */
  const unreadable = () => {
    const bytes = bytesOf(odd);
    const at = bytes.indexOf("\ufffd");
    return Buffer.concat([bytes.subarray(0, at), Buffer.of(0xff), bytes.subarray(at + 3)]);
  };
  const spare = (encoded: string) =>
    encoded.replace(/(.)=$/, (_, last: string) => `${String.fromCharCode(last.charCodeAt(0) + 1)}=`);
  const place = (path: string) => wrongTree({ ...pack.commit.tree, [path]: blob });

  test.each<[sentence: string, given: Buffer, why: string, name?: string]>([
    ["with white space in it", Buffer.from(text.replace(":", ": ")), "not the canonical JSON"],
    ["with a line break at its end", Buffer.from(`${text}\n`), "not the canonical JSON"],
    [
      "with a character that is written as an escape",
      Buffer.from(text.replace("ada", "\\u0061da")),
      "not the canonical",
    ],
    [
      "with a number that is written in another way",
      Buffer.from(text.replace("1.5e+300", "15e299")),
      "not the canonical",
    ],
    [
      "with its keys in another order",
      Buffer.from(JSON.stringify({ commit: JSON.parse(canonicalJson(pack.commit)), blobs: pack.blobs })),
      "not the canonical",
    ],
    ["with a key twice", Buffer.from(text.replace('{"blobs":', '{"blobs":{},"blobs":')), "not the canonical JSON"],
    ["with bytes that are no UTF-8 and read like what was there", unreadable(), "not the canonical JSON", nameOf(odd)],
    ["with one more key", bytesOf({ ...pack, comment: "" }), "not the canonical JSON of blobs, commit and signatures"],
    ["as the elements of a list", bytesOf([pack]), "the digest of its commit"],
    ["without a blob of its tree", bytesOf({ ...pack, blobs: {} }), "the blob of a.tmpl is missing"],
    ["with blobs that are a list", bytesOf({ ...pack, blobs: [] }), "it has no blobs"],
    [
      "with a blob that is no text",
      bytesOf({ ...pack, blobs: { ...pack.blobs, [blob]: 1 } }),
      "the blob of a.tmpl is missing",
    ],
    [
      "with a blob that nobody asks for",
      bytesOf({ ...pack, blobs: { ...pack.blobs, [anywhere]: "eA==" } }),
      "a blob that its tree does not name",
    ],
    ["with another blob", bytesOf(one("eA==")), "the blob of a.tmpl does not have its digest"],
    [
      "with a blob in base64 without its padding",
      bytesOf(one((pack.blobs[blob] ?? "").replaceAll("=", ""))),
      "does not have its digest",
    ],
    ["with a blob in base64 with a line break", bytesOf(one(`${pack.blobs[blob]}\n`)), "does not have its digest"],
    [
      "with a blob in base64 whose spare bits are set",
      bytesOf(one(spare(pack.blobs[blob] ?? ""))),
      "does not have its digest",
    ],
    ["with a path that leads out", bytesOf(place("../x")[0]), "a path that is not relative", place("../x")[1]],
    [
      "with a path that leads out in the middle",
      bytesOf(place("a/../../x")[0]),
      "a path that is not",
      place("a/../../x")[1],
    ],
    ["with an absolute path", bytesOf(place("/etc/x")[0]), "a path that is not relative", place("/etc/x")[1]],
    ["with a path in two spellings", bytesOf(place("a//x")[0]), "a path that is not relative", place("a//x")[1]],
    [
      "with a path that holds a control character",
      bytesOf(place("a\u0007")[0]),
      "a path that is not",
      place("a\u0007")[1],
    ],
    ["with a path that is empty", bytesOf(place("")[0]), "a path that is not relative", place("")[1]],
    ["with a tree that is a list", bytesOf(wrongTree([])[0]), "its commit no tree", wrongTree([])[1]],
    [
      "with a tree that names no digest",
      bytesOf(wrongTree({ a: 1 })[0]),
      "the blob of a is missing",
      wrongTree({ a: 1 })[1],
    ],
    [
      "with a tree that names what every object has",
      bytesOf(wrongTree({ a: "constructor" })[0]),
      "the blob of a is missing",
      wrongTree({ a: "constructor" })[1],
    ],
    ["with signatures that are a list", bytesOf({ ...pack, signatures: [] }), "its signatures are not"],
    ["with signatures by nobody", bytesOf({ ...pack, signatures: {} }), "its signatures are not"],
    ["with signatures that are null", bytesOf({ ...pack, signatures: null }), "its signatures are not"],
    [
      "with a signature of 63 bytes",
      bytesOf({ ...pack, signatures: { [prod.id]: Buffer.alloc(63).toString("base64") } }),
      "its signatures are not",
    ],
    [
      "with a signature by a key without a digest",
      bytesOf({ ...pack, signatures: { prod: prod.sign(pack.commit) } }),
      "its signatures are not",
    ],
    [
      "with a signature whose spare bits are set",
      bytesOf({ ...pack, signatures: { [prod.id]: `${"A".repeat(85)}B==` } }),
      "its signatures are not",
    ],
  ])("%s", (_sentence, given, why, name = nameOf(pack)) => {
    expect(refusal(given, name)).toMatch(new RegExp(`^pack-invalid: The configuration pack is not usable: .*${why}`));
  });
});

describe("where the image trusts one key, a pack", () => {
  const pack = packOf();
  const both = new Map([...prod.trusted, ...next.trusted]);
  const other = packOf({ a: "another" });
  const of = (signatures: Record<string, string>) => bytesOf({ ...pack, signatures });

  test("says which of the trusted keys have signed it, and of others nothing", () => {
    const by = (keys: TrustedKeys) => openPack(bytesOf(signed(pack, prod, next)), nameOf(pack), keys).signedBy;
    const [asProd, asNext] = [
      { key: prod.id, name: "prod" },
      { key: next.id, name: "next" },
    ];
    expect(by(prod.trusted)).toEqual([asProd]);
    expect(by(next.trusted)).toEqual([asNext]);
    expect(by(both)).toHaveLength(2);
    expect(by(both)).toEqual(expect.arrayContaining([asProd, asNext]));
  });

  test.each<[sentence: string, given: Buffer, keys: TrustedKeys, why: string]>([
    ["without signatures", bytesOf(pack), prod.trusted, "is not signed"],
    ["signed by another key", bytesOf(signed(pack, next)), prod.trusted, "is signed by none of the keys"],
    ["signed by another key in its name", of({ [prod.id]: next.sign(pack.commit) }), prod.trusted, "the key prod that"],
    [
      "with the signature of another commit",
      of({ [prod.id]: prod.sign(other.commit) }),
      prod.trusted,
      "the key prod that",
    ],
    [
      "with one right and one wrong signature by trusted keys",
      of({ [prod.id]: prod.sign(pack.commit), [next.id]: prod.sign(pack.commit) }),
      both,
      "the key next that",
    ],
  ])("%s is refused", (_sentence, given, keys, why) => {
    expect(refusal(given, nameOf(pack), keys)).toMatch(new RegExp(`^signature-invalid: The image asks for .* ${why}`));
  });

  test("with a wrong signature by a key that the image does not know is taken: nobody can judge it", () => {
    const given = of({ [prod.id]: prod.sign(pack.commit), [next.id]: prod.sign(pack.commit) });
    expect(openPack(given, nameOf(pack), prod.trusted).signedBy).toEqual([{ key: prod.id, name: "prod" }]);
  });
});
