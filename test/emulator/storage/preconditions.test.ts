import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { conditionsOf, outcome } from "../../../emulator/storage/conditions.ts";
import { ask, type Piece, startPiece } from "../iam/piece.ts";

const LIVE = { generation: "1700000000000000", metageneration: 3 };

/** sentence, query, live object, outcome */
const ROWS: [string, string, typeof LIVE | undefined, ReturnType<typeof outcome>][] = [
  ["no precondition is met by an object", "", LIVE, "met"],
  ["no precondition is met by nothing", "", undefined, "met"],
  ["generation 0 is met while there is no live object", "ifGenerationMatch=0", undefined, "met"],
  ["generation 0 fails once there is one", "ifGenerationMatch=0", LIVE, "failed"],
  ["the right generation is met", "ifGenerationMatch=1700000000000000", LIVE, "met"],
  ["the right generation with leading zeros is met", "ifGenerationMatch=001700000000000000", LIVE, "met"],
  ["another generation fails", "ifGenerationMatch=1699999999999999", LIVE, "failed"],
  ["any generation fails while there is no live object", "ifGenerationMatch=5", undefined, "failed"],
  ["not-generation 0 asks for a live object and has one", "ifGenerationNotMatch=0", LIVE, "met"],
  ["not-generation 0 finds none", "ifGenerationNotMatch=0", undefined, "unchanged"],
  ["not this generation, and it is this one", "ifGenerationNotMatch=1700000000000000", LIVE, "unchanged"],
  ["not that generation, and it is another", "ifGenerationNotMatch=5", LIVE, "met"],
  ["the right metageneration is met", "ifMetagenerationMatch=3", LIVE, "met"],
  ["another metageneration fails", "ifMetagenerationMatch=2", LIVE, "failed"],
  ["a metageneration fails while there is no live object", "ifMetagenerationMatch=1", undefined, "failed"],
  ["not this metageneration, and it is this one", "ifMetagenerationNotMatch=3", LIVE, "unchanged"],
  ["not that metageneration, and it is another", "ifMetagenerationNotMatch=4", LIVE, "met"],
  ["both have to hold: one fails", "ifGenerationMatch=1700000000000000&ifMetagenerationMatch=9", LIVE, "failed"],
  ["a failed match wins over an unchanged one", "ifGenerationMatch=5&ifMetagenerationNotMatch=3", LIVE, "failed"],
];

test.each(ROWS)("%s", (_, query, target, expected) => {
  expect(outcome(conditionsOf(new URLSearchParams(query)), target)).toBe(expected);
});

describe("over HTTP", () => {
  let piece: Piece;
  let object: string;
  let generation: string;

  beforeAll(async () => {
    piece = await startPiece();
    await ask(`${piece.url}/storage/v1/b?project=acme`, { method: "POST", json: { name: "bkt" } });
    const upload = `${piece.url}/upload/storage/v1/b/bkt/o?uploadType=media&name=x`;
    generation = String((await ask(upload, { method: "POST", body: "1" })).json.generation);
    object = `${piece.url}/storage/v1/b/bkt/o/x`;
  });
  afterAll(() => piece.close());

  const upload = (query: string, body = "2") =>
    ask(`${piece.url}/upload/storage/v1/b/bkt/o?uploadType=media&name=x&${query}`, { method: "POST", body });

  /** sentence, request, status */
  const REQUESTS: [string, () => ReturnType<typeof ask>, number][] = [
    ["a get of another generation is 412", () => ask(`${object}?ifGenerationMatch=1`), 412],
    ["a get that knows this generation is 304", () => ask(`${object}?ifGenerationNotMatch=${generation}`), 304],
    ["a download that knows it is 304 too", () => ask(`${object}?alt=media&ifMetagenerationNotMatch=1`), 304],
    ["a get of a generation there never was is 404", () => ask(`${object}?generation=1`), 404],
    ["a get with text for a number is 400", () => ask(`${object}?ifGenerationMatch=abc`), 400],
    ["an insert over an object with generation 0 is 412", () => upload("ifGenerationMatch=0"), 412],
    ["an insert that knows this generation is 412", () => upload(`ifGenerationNotMatch=${generation}`), 412],
    [
      "a patch of another metageneration is 412",
      () => ask(`${object}?ifMetagenerationMatch=2`, { method: "PATCH", json: {} }),
      412,
    ],
    ["a delete of another generation is 412", () => ask(`${object}?ifGenerationMatch=1`, { method: "DELETE" }), 412],
    [
      "a rewrite from another generation is 412",
      () => ask(`${object}/rewriteTo/b/bkt/o/y?ifSourceGenerationMatch=1`, { method: "POST" }),
      412,
    ],
    [
      "a rewrite onto an object that must not be there is 412",
      () => ask(`${object}/rewriteTo/b/bkt/o/x?ifGenerationMatch=0`, { method: "POST" }),
      412,
    ],
    [
      "a compose of another generation is 412",
      () =>
        ask(`${piece.url}/storage/v1/b/bkt/o/y/compose`, {
          method: "POST",
          json: { sourceObjects: [{ name: "x", objectPreconditions: { ifGenerationMatch: "1" } }] },
        }),
      412,
    ],
    [
      "a bucket get of another metageneration is 412",
      () => ask(`${piece.url}/storage/v1/b/bkt?ifMetagenerationMatch=7`),
      412,
    ],
    ["a bucket get that knows it is 304", () => ask(`${piece.url}/storage/v1/b/bkt?ifMetagenerationNotMatch=1`), 304],
    [
      "a bucket delete of another metageneration is 412",
      () => ask(`${piece.url}/storage/v1/b/bkt?ifMetagenerationMatch=7`, { method: "DELETE" }),
      412,
    ],
    [
      "the start of a resumable upload over an object with generation 0 is 412",
      () =>
        ask(`${piece.url}/resumable/upload/storage/v1/b/bkt/o?uploadType=resumable&ifGenerationMatch=0&name=x`, {
          method: "POST",
          json: {},
        }),
      412,
    ],
  ];

  test.each(REQUESTS)("%s", async (_, request, status) => {
    const answer = await request();
    expect(answer.status).toBe(status);
    if (status === 304) expect(answer.bytes).toHaveLength(0);
    const now = await ask(object);
    expect(now.json).toMatchObject({ generation, metageneration: "1" });
  });

  test("a failed precondition reads as the real one", async () => {
    expect((await ask(`${object}?ifGenerationMatch=1`)).json).toEqual({
      error: {
        code: 412,
        message: "At least one of the pre-conditions you specified did not hold.",
        errors: [
          {
            message: "At least one of the pre-conditions you specified did not hold.",
            domain: "global",
            reason: "conditionNotMet",
            locationType: "header",
            location: "If-Match",
          },
        ],
      },
    });
  });
});
