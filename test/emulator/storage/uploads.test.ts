import { createHash } from "node:crypto";
import { CRC32C } from "@google-cloud/storage";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { crc32cBase64 } from "../../../emulator/frame/crc32c.ts";
import { ask, type Piece, startPiece } from "../iam/piece.ts";

let piece: Piece;
let uploads: string;

beforeAll(async () => {
  piece = await startPiece();
  uploads = `${piece.url}/upload/storage/v1/b/bkt/o`;
  await ask(`${piece.url}/storage/v1/b?project=acme`, { method: "POST", json: { name: "bkt" } });
});
afterAll(() => piece.close());

const read = (name: string) => ask(`${piece.url}/storage/v1/b/bkt/o/${encodeURIComponent(name)}?alt=media`);

test("the checksums of any bytes are those of Google's client", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (bytes) => {
      const expected = new CRC32C();
      expected.update(Buffer.from(bytes));
      expect(crc32cBase64(bytes)).toBe(expected.toString());
      const { json } = await ask(`${uploads}?uploadType=media&name=sum`, { method: "POST", body: bytes });
      expect(json.crc32c).toBe(expected.toString());
      expect(json.md5Hash).toBe(createHash("md5").update(bytes).digest("base64"));
      expect((await read("sum")).headers.get("x-goog-hash")).toBe(
        `crc32c=${String(json.crc32c)},md5=${String(json.md5Hash)}`,
      );
    }),
    { numRuns: 40 },
  );
});

describe("multipart", () => {
  const body = (mark: string, end: string, media: string) =>
    [
      `--${mark}`,
      "Content-Type: application/json; charset=utf-8",
      "",
      '{"name":"parts","contentType":"text/x-own","metadata":{"a":"b"}}',
      `--${mark}`,
      "Content-Type: text/plain",
      "",
      media,
      `--${mark}--`,
      "",
    ].join(end);
  const media = 'any bytes\r\n\r\n--=\n"quotes"\n';

  test.each([
    ["a plain boundary and CRLF", "multipart/related; boundary=abc", "abc", "\r\n"],
    ["a quoted boundary and CRLF", 'multipart/related; boundary="a b=c"', "a b=c", "\r\n"],
    ["gcloud's single quotes and LF", "multipart/related; boundary='==12=='", "==12==", "\n"],
  ])("is read with %s", async (_, type, mark, end) => {
    const answer = await ask(`${uploads}?uploadType=multipart`, {
      method: "POST",
      headers: { "content-type": type },
      body: body(mark, end, media),
    });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ name: "parts", contentType: "text/x-own", metadata: { a: "b" } });
    expect((await read("parts")).text).toBe(media);
  });

  test("is refused without a second part", async () => {
    const answer = await ask(`${uploads}?uploadType=multipart`, {
      method: "POST",
      headers: { "content-type": "multipart/related; boundary=x" },
      body: "--x\r\n\r\n{}\r\n--x--",
    });
    expect(answer.status).toBe(400);
  });
});

test.each([
  ["md5Hash in the resource", { md5Hash: "AAAAAAAAAAAAAAAAAAAAAA==" }],
  ["crc32c in the resource", { crc32c: "AAAAAA==" }],
])("a wrong %s refuses the bytes", async (_, resource) => {
  const body = `--x\r\n\r\n${JSON.stringify({ name: "wrong", ...resource })}\r\n--x\r\n\r\nbytes\r\n--x--`;
  const headers = { "content-type": "multipart/related; boundary=x" };
  expect((await ask(`${uploads}?uploadType=multipart`, { method: "POST", headers, body })).status).toBe(400);
  expect((await read("wrong")).status).toBe(404);
});

describe("resumable", () => {
  const begin = async (name: string) => {
    const answer = await ask(`${uploads}?uploadType=resumable&name=${name}`, {
      method: "POST",
      headers: { "x-upload-content-type": "text/plain" },
    });
    expect(answer.status).toBe(200);
    return String(answer.headers.get("location"));
  };
  const put = (url: string, body: string | Uint8Array, range?: string) =>
    ask(url, { method: "PUT", body, ...(range !== undefined && { headers: { "content-range": range } }) });
  const chunk = Buffer.alloc(262_144, "a");

  test("takes chunks, says how far it is, and takes a repeated chunk once", async () => {
    const url = await begin("chunks");
    expect((await put(url, "", "bytes */524294")).headers.get("range")).toBeNull();
    const first = await put(url, chunk, "bytes 0-262143/524294");
    expect([first.status, first.headers.get("range")]).toEqual([308, "bytes=0-262143"]);
    await put(url, chunk, "bytes 0-262143/524294");
    expect((await put(url, "", "bytes */*")).headers.get("range")).toBe("bytes=0-262143");
    await put(url, chunk, "bytes 262144-524287/*");
    const last = await put(url, "ending", "bytes 524288-524293/524294");
    expect(last.json).toMatchObject({ name: "chunks", size: "524294", contentType: "text/plain" });
    expect((await read("chunks")).text).toBe(`${chunk}${chunk}ending`);
    const again = await put(url, "", "bytes */524294");
    expect(again.json.generation).toBe(last.json.generation);
  });

  test.each([
    ["no range at all", undefined],
    ["the whole range", "bytes 0-4/5"],
    ["Node's open range", "bytes 0-*/*"],
    ["an open end with a total", "bytes 0-*/5"],
  ])("takes everything at once with %s", async (_, range) => {
    const answer = await put(await begin("once"), "bytes", range);
    expect(answer.status).toBe(200);
    expect(answer.json.size).toBe("5");
  });

  test("finishes an empty object by asking", async () => {
    expect((await put(await begin("empty"), "", "bytes */0")).json.size).toBe("0");
  });

  test("refuses a chunk that is too small and not the last", async () => {
    const url = await begin("small");
    expect((await put(url, "tiny", "bytes 0-3/100")).status).toBe(400);
    expect((await put(url, "", "bytes */100")).headers.get("range")).toBeNull();
  });

  test("refuses bytes that do not follow", async () => {
    expect((await put(await begin("gap"), chunk, "bytes 10-262153/*")).status).toBe(503);
  });

  test("is gone once cancelled", async () => {
    const url = await begin("cancelled");
    expect((await ask(url, { method: "DELETE" })).status).toBe(499);
    expect((await put(url, "x")).status).toBe(404);
  });

  test("is gone after a week", async () => {
    const url = await begin("late");
    await piece.clock.advance(7 * 86_400_000);
    expect((await put(url, "x")).status).toBe(404);
  });

  test("asks its precondition again at the end", async () => {
    const late = await ask(`${uploads}?uploadType=resumable&name=raced&ifGenerationMatch=0`, { method: "POST" });
    await ask(`${uploads}?uploadType=media&name=raced`, { method: "POST", body: "first" });
    expect((await put(String(late.headers.get("location")), "second")).status).toBe(412);
    expect((await read("raced")).text).toBe("first");
  });
});
