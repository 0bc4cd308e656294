import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { byBytes } from "../../../emulator/storage/listing.ts";
import { ask, type Piece, startPiece } from "../iam/piece.ts";

let piece: Piece;
let api: string;

beforeAll(async () => {
  piece = await startPiece();
  api = `${piece.url}/storage/v1`;
  await bucket("bkt");
});
afterAll(() => piece.close());

const bucket = (name: string, more: object = {}) =>
  ask(`${api}/b?project=acme`, { method: "POST", json: { name, ...more } });
const put = async (where: string, name: string, body: string | Uint8Array = "x", query = "", headers = {}) => {
  const url = `${piece.url}/upload/storage/v1/b/${where}/o?uploadType=media&name=${encodeURIComponent(name)}&${query}`;
  return (await ask(url, { method: "POST", body, headers })).json;
};

describe("a listing", () => {
  const NAMES = ["a", "a/", "a/b", "a/b/c", "a/c", "b/1", "b/2", "\ufffd", "\u{1f600}"];

  beforeAll(async () => {
    await bucket("listed");
    for (const name of NAMES) await put("listed", name);
  });

  type Page = { items?: { name: string }[]; prefixes?: string[]; nextPageToken?: string };
  const page = async (query: string) => (await ask(`${api}/b/listed/o?${query}`)).json as Page;
  const all = async (query: string) => {
    const items: string[] = [];
    const prefixes: string[] = [];
    let token: string | undefined = "";
    while (token !== undefined) {
      const one: Page = await page(`${query}&pageToken=${token}`);
      items.push(...(one.items ?? []).map(({ name }) => name));
      prefixes.push(...(one.prefixes ?? []));
      token = one.nextPageToken;
    }
    return { items, prefixes };
  };

  test("is in the order of UTF-8, which is not JavaScript's", async () => {
    expect((await all("")).items).toEqual(NAMES);
    expect([...NAMES].sort()).not.toEqual(NAMES);
    expect(byBytes("a", "a")).toBe(0);
  });

  test.each([
    ["everything", "delimiter=", { items: NAMES, prefixes: [] }],
    ["folders", "delimiter=/", { items: ["a", "\ufffd", "\u{1f600}"], prefixes: ["a/", "b/"] }],
    ["one folder", "delimiter=/&prefix=a/", { items: ["a/", "a/b", "a/c"], prefixes: ["a/b/"] }],
    [
      "folders with their markers",
      "delimiter=/&includeTrailingDelimiter=true",
      { items: ["a", "a/", "\ufffd", "\u{1f600}"], prefixes: ["a/", "b/"] },
    ],
    ["a span", "startOffset=a/b&endOffset=b/2", { items: ["a/b", "a/b/c", "a/c", "b/1"], prefixes: [] }],
    ["a glob", "matchGlob=*/{b,1}", { items: ["a/b", "b/1"], prefixes: [] }],
    ["a glob across folders", "matchGlob=a/**", { items: ["a/", "a/b", "a/b/c", "a/c"], prefixes: [] }],
    ["a glob of a set", "matchGlob=b/[!2]", { items: ["b/1"], prefixes: [] }],
  ])("of %s is the same whatever the size of its pages", async (_, query, expected) => {
    expect(await all(query)).toEqual(expected);
    for (const size of [1, 2, 3]) expect(await all(`${query}&maxResults=${size}`)).toEqual(expected);
  });

  test("refuses a page token it did not give", async () => {
    expect((await ask(`${api}/b/listed/o?pageToken=nonsense`)).status).toBe(400);
  });

  test("can be had in part", async () => {
    const { json } = await ask(`${api}/b/listed/o?maxResults=1&fields=items(name,size),nextPageToken`);
    expect(json).toEqual({ items: [{ name: "a", size: "1" }], nextPageToken: expect.any(String) });
    expect((await ask(`${api}/b/listed/o?fields=items(`)).status).toBe(400);
  });

  test("of generations shows them oldest first", async () => {
    await bucket("history", { versioning: { enabled: true } });
    const made = [await put("history", "x"), await put("history", "x"), await put("history", "y")];
    const { json } = await ask(`${api}/b/history/o?versions=true&maxResults=1`);
    expect((json as { items: unknown[] }).items).toMatchObject([
      { generation: made[0]?.generation, timeDeleted: expect.any(String) },
    ]);
    const rest = await ask(`${api}/b/history/o?versions=true&pageToken=${String(json.nextPageToken)}`);
    expect((rest.json as { items: { generation: string }[] }).items.map((one) => one.generation)).toEqual([
      made[1]?.generation,
      made[2]?.generation,
    ]);
  });
});

describe("a download", () => {
  test.each([
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=8-99", 206, "89", "bytes 8-9/10"],
    ["bytes=-99", 206, "0123456789", "bytes 0-9/10"],
    ["bytes=10-", 416, "Request range not satisfiable", "bytes */10"],
    ["bytes=5-2", 200, "0123456789", null],
    ["nonsense", 200, "0123456789", null],
  ])("with Range %s answers %i", async (range, status, text, contentRange) => {
    await put("bkt", "digits", "0123456789");
    const answer = await ask(`${piece.url}/download/storage/v1/b/bkt/o/digits?alt=media`, { headers: { range } });
    expect([answer.status, answer.text, answer.headers.get("content-range")]).toEqual([status, text, contentRange]);
  });

  test("carries generation, checksums and type", async () => {
    const made = await put("bkt", "typed", "x", "", { "content-type": "text/x-typed" });
    const { headers } = await ask(`${api}/b/bkt/o/typed?alt=media`);
    expect(headers.get("content-type")).toBe("text/x-typed");
    expect(headers.get("x-goog-generation")).toBe(made.generation);
    expect(headers.get("x-goog-metageneration")).toBe("1");
    expect(headers.get("x-goog-stored-content-length")).toBe("1");
    expect(headers.get("etag")).toBe(made.etag);
  });

  test("of what is missing is plain text", async () => {
    const answer = await ask(`${api}/b/bkt/o/missing?alt=media`);
    expect([answer.status, answer.text]).toEqual([404, "No such object: bkt/missing"]);
  });

  test("unpacks gzip for who cannot, and only for them", async () => {
    const packed = gzipSync("unpacked");
    await put("bkt", "gz", packed, "contentEncoding=gzip");
    const url = `${api}/b/bkt/o/gz?alt=media`;
    expect((await ask(url, { headers: { "accept-encoding": "identity" } })).text).toBe("unpacked");
    const raw = await ask(url, { headers: { "accept-encoding": "gzip" } });
    expect(raw.headers.get("content-encoding")).toBe("gzip");
    expect(raw.headers.get("content-length")).toBe(String(packed.length));
  });

  test("by etag is 304 when nothing changed", async () => {
    const { etag } = await put("bkt", "tagged");
    const url = `${api}/b/bkt/o/tagged`;
    expect((await ask(url, { headers: { "if-none-match": String(etag) } })).status).toBe(304);
    expect((await ask(url, { headers: { "if-match": "other" } })).status).toBe(412);
  });
});

test("an etag is made as the recorded one is", async () => {
  // Generation 1768471500123456, metageneration 1, in the recorded sample.
  const made = await put("bkt", "etag");
  const bytes = Buffer.from(String(made.etag), "base64");
  expect(bytes[0]).toBe(0x08);
  expect([...bytes.subarray(-2)]).toEqual([0x10, 0x01]);
  let generation = 0n;
  for (const [i, byte] of bytes.subarray(1, -2).entries()) generation |= BigInt(byte & 0x7f) << BigInt(7 * i);
  expect(String(generation)).toBe(made.generation);
});

test("a patch merges and null removes; an update replaces", async () => {
  await put("bkt", "meta", "x", "", { "content-type": "text/plain" });
  const url = `${api}/b/bkt/o/meta`;
  await ask(url, { method: "PATCH", json: { metadata: { a: "1", b: "2" }, cacheControl: "no-store" } });
  const patched = await ask(url, { method: "PATCH", json: { metadata: { a: null, c: "3" } } });
  expect(patched.json).toMatchObject({ metadata: { b: "2", c: "3" }, cacheControl: "no-store", metageneration: "3" });
  expect(patched.json.metadata).not.toHaveProperty("a");
  const updated = await ask(url, { method: "PUT", json: { contentType: "text/html" } });
  expect(updated.json).toMatchObject({ contentType: "text/html", metageneration: "4" });
  expect(updated.json).not.toHaveProperty("metadata");
});

test("a misspelt field is refused", async () => {
  const answer = await ask(`${api}/b/bkt`, { method: "PATCH", json: { lables: { a: "b" } } });
  expect(answer.status).toBe(400);
  expect(answer.text).toContain("lables");
});

test("an unknown method is 501 with its name", async () => {
  const answer = await ask(`${api}/b/bkt/anywhereCaches`);
  expect(answer.status).toBe(501);
  expect(answer.text).toContain("storage.buckets.anywhereCaches");
});

describe("deletion", () => {
  test("of a soft-deleting bucket can be undone until its time is over", async () => {
    const { generation } = await put("bkt", "soft", "here");
    await ask(`${api}/b/bkt/o/soft`, { method: "DELETE" });
    const soft = `${api}/b/bkt/o/soft?softDeleted=true&generation=${String(generation)}`;
    expect((await ask(soft)).json).toMatchObject({
      softDeleteTime: new Date(piece.clock.now()).toISOString(),
      hardDeleteTime: new Date(piece.clock.now() + 7 * 86_400_000).toISOString(),
    });
    const restored = await ask(`${api}/b/bkt/o/soft/restore?generation=${String(generation)}`, { method: "POST" });
    expect(restored.status).toBe(200);
    expect(restored.json.generation).not.toBe(generation);
    await piece.clock.advance(7 * 86_400_000);
    expect((await ask(soft)).status).toBe(404);
  });

  test("is refused under a hold and under a retention policy", async () => {
    await bucket("kept", { retentionPolicy: { retentionPeriod: "60" } });
    await put("kept", "x");
    const url = `${api}/b/kept/o/x`;
    expect((await ask(url, { method: "DELETE" })).json).toMatchObject({
      error: { code: 403, errors: [{ reason: "retentionPolicyNotMet" }] },
    });
    await ask(url, { method: "PATCH", json: { temporaryHold: true } });
    await piece.clock.advance(61_000);
    expect((await ask(url, { method: "DELETE" })).json).toMatchObject({
      error: { code: 403, errors: [{ reason: "objectUnderActiveHold" }] },
    });
    await ask(url, { method: "PATCH", json: { temporaryHold: false } });
    expect((await ask(url, { method: "DELETE" })).status).toBe(204);
  });
});

describe("a denied caller", () => {
  const deny = (rule: object) => ask(`${piece.url}/emulator/iam/deny`, { method: "POST", json: rule });
  const clear = () => ask(`${piece.url}/emulator/iam/deny`, { method: "DELETE" });

  test("is told which permission is missing on what", async () => {
    const { token } = piece.iam.accessToken("agent@acme.iam.gserviceaccount.com");
    await deny({ principal: "agent@*", permission: "storage.objects.get", resource: "projects/_/buckets/bkt/*" });
    const answer = await ask(`${api}/b/bkt/o/any`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(403);
    expect(answer.json).toMatchObject({ error: { errors: [{ reason: "forbidden" }] } });
    expect(answer.text).toContain("agent@acme.iam.gserviceaccount.com does not have storage.objects.get access");
    expect((await ask(`${api}/b/bkt/o/any`)).status).toBe(404);
    await clear();
  });

  test("who may create and not delete cannot overwrite", async () => {
    await put("bkt", "once");
    await deny({ permission: "storage.objects.delete" });
    const upload = (name: string) =>
      ask(`${piece.url}/upload/storage/v1/b/bkt/o?uploadType=media&name=${name}`, { method: "POST", body: "2" });
    expect((await upload("once")).status).toBe(403);
    expect((await upload("another")).status).toBe(200);
    await clear();
  });

  test("with an expired token is 401", async () => {
    const { token, expiresInSeconds } = piece.iam.accessToken("agent@acme.iam.gserviceaccount.com");
    await piece.clock.advance(expiresInSeconds * 1000);
    const answer = await ask(`${api}/b/bkt`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toContain("invalid_token");
  });
});
