import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, type Piece, START, startPiece } from "../iam/piece.ts";

/** What time and restarts do to a bucket. */
let piece: Piece;
let api: string;

beforeAll(async () => {
  piece = await startPiece();
  api = `${piece.url}/storage/v1`;
});
afterAll(() => piece.close());

const bucket = (name: string, more: object = {}) =>
  ask(`${api}/b?project=acme`, { method: "POST", json: { name, ...more } });
const put = async (where: string, name: string, body = "x") =>
  (
    await ask(`${piece.url}/upload/storage/v1/b/${where}/o?uploadType=media&name=${encodeURIComponent(name)}`, {
      method: "POST",
      body,
    })
  ).json;
const names = async (where: string) => {
  const { items = [] } = (await ask(`${api}/b/${where}/o?versions=true`)).json as { items?: { name: string }[] };
  return items.map(({ name }) => name);
};

test("lifecycle rules delete what is old, but for what is held", async () => {
  const rule = [{ action: { type: "Delete" }, condition: { age: 3, matchesPrefix: ["logs/"] } }];
  await bucket("aging", { lifecycle: { rule } });
  for (const name of ["logs/1", "logs/held", "other"]) await put("aging", name);
  await ask(`${api}/b/aging/o/logs%2Fheld`, { method: "PATCH", json: { temporaryHold: true } });
  await piece.clock.advance(2 * 86_400_000);
  expect(await names("aging")).toEqual(["logs/1", "logs/held", "other"]);
  await piece.clock.advance(2 * 86_400_000);
  expect(await names("aging")).toEqual(["logs/held", "other"]);
});

test("lifecycle rules keep the newest generations", async () => {
  const rule = [{ action: { type: "Delete" }, condition: { numNewerVersions: 2 } }];
  await bucket("newest", { versioning: { enabled: true }, lifecycle: { rule } });
  for (const text of ["1", "2", "3", "4"]) await put("newest", "x", text);
  await piece.clock.advance(86_400_000);
  expect(await names("newest")).toHaveLength(2);
  expect((await ask(`${api}/b/newest/o/x?alt=media`)).text).toBe("4");
});

test.each([
  ["an unknown action", { action: { type: "Burn" }, condition: { age: 1 } }, 400],
  ["no condition", { action: { type: "Delete" }, condition: {} }, 400],
  ["a condition that is not served", { action: { type: "Delete" }, condition: { matchesPattern: "x" } }, 501],
])("a lifecycle rule with %s is refused", async (_, rule, status) => {
  expect((await bucket("refused", { lifecycle: { rule: [rule] } })).status).toBe(status);
});

test("a locked retention policy is not shortened or taken away", async () => {
  await bucket("locked", { retentionPolicy: { retentionPeriod: "100" } });
  await ask(`${api}/b/locked/lockRetentionPolicy?ifMetagenerationMatch=1`, { method: "POST" });
  const patch = (retentionPolicy: object | null) =>
    ask(`${api}/b/locked`, { method: "PATCH", json: { retentionPolicy } });
  expect((await patch({ retentionPeriod: "50" })).status).toBe(403);
  expect((await patch(null)).status).toBe(403);
  expect((await patch({ retentionPeriod: "200" })).json).toMatchObject({
    retentionPolicy: { retentionPeriod: "200", isLocked: true },
  });
});

test("state survives: bytes, generations, settings, and no generation is given twice", async () => {
  await bucket("kept", { labels: { team: "web" } });
  await put("kept", "x", "bytes that stay");
  const before = (await ask(`${api}/b/kept/o/x`)).json;
  const bucketBefore = (await ask(`${api}/b/kept`)).json;
  const again = await startPiece({ saved: piece.save(), folder: piece.folder });
  const links = { selfLink: expect.any(String), mediaLink: expect.any(String) };
  expect((await ask(`${again.url}/storage/v1/b/kept/o/x`)).json).toEqual({ ...before, ...links });
  expect((await ask(`${again.url}/storage/v1/b/kept`)).json).toEqual({ ...bucketBefore, selfLink: links.selfLink });
  expect((await ask(`${again.url}/storage/v1/b/kept/o/x?alt=media`)).text).toBe("bytes that stay");
  // The clock of the new one begins where the first one began: generations still only grow.
  expect(again.clock.now()).toBe(START);
  const upload = `${again.url}/upload/storage/v1/b/kept/o?uploadType=media&name=x`;
  const next = (await ask(upload, { method: "POST", body: "new" })).json;
  expect(BigInt(String(next.generation))).toBeGreaterThan(BigInt(String(before.generation)));
  await again.close();
});
