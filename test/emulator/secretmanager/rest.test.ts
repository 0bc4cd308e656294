import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEmulator } from "../../../emulator/index.ts";
import { parseFilter } from "../../../emulator/secretmanager/filter.ts";
import { Strongbox } from "../../../emulator/secretmanager/strongbox.ts";
import { ask, type Piece, startPiece } from "../iam/piece.ts";

let piece: Piece;
let api: string;
const SECRET = "projects/123456789012/secrets/web-config";

beforeAll(async () => {
  piece = await startPiece();
  api = `${piece.url}/v1/projects/acme/secrets`;
  await create("web-config");
  for (const text of ["one", "two", '{"db":"postgres://db/app"}']) await add("web-config", text);
});
afterAll(() => piece.close());

const create = (id: string, more: object = {}) =>
  ask(`${api}?secretId=${id}`, { method: "POST", json: { replication: { automatic: {} }, ...more } });
const add = (id: string, text: string) =>
  ask(`${api}/${id}:addVersion`, { method: "POST", json: { payload: { data: Buffer.from(text).toString("base64") } } });

test("an access reads as the documented one", async () => {
  expect((await ask(`${api}/web-config/versions/latest:access`)).json).toEqual({
    name: `${SECRET}/versions/3`,
    payload: { data: "eyJkYiI6InBvc3RncmVzOi8vZGIvYXBwIn0=", dataCrc32c: "80287591" },
  });
});

describe("an error", () => {
  /** sentence, request, body */
  const ERRORS: [string, () => ReturnType<typeof ask>, object][] = [
    [
      "for a disabled version",
      async () => {
        await ask(`${api}/web-config/versions/1:disable`, { method: "POST", json: {} });
        return ask(`${api}/web-config/versions/1:access`);
      },
      {
        code: 400,
        message: `Secret Version [${SECRET}/versions/1] is in DISABLED state.`,
        status: "FAILED_PRECONDITION",
      },
    ],
    [
      "for a destroyed version",
      async () => {
        await ask(`${api}/web-config/versions/2:destroy`, { method: "POST", json: {} });
        return ask(`${api}/web-config/versions/2:access`);
      },
      {
        code: 400,
        message: `Secret Version [${SECRET}/versions/2] is in DESTROYED state.`,
        status: "FAILED_PRECONDITION",
      },
    ],
    [
      "for a missing secret",
      () => ask(`${api}/none/versions/latest:access`),
      {
        code: 404,
        message: "Secret [projects/123456789012/secrets/none] not found or has no versions.",
        status: "NOT_FOUND",
      },
    ],
    [
      "for a secret that is there already",
      () => create("web-config"),
      { code: 409, message: `Secret [${SECRET}] already exists.`, status: "ALREADY_EXISTS" },
    ],
    [
      "for a missing payload",
      () => ask(`${api}/web-config:addVersion`, { method: "POST", json: {} }),
      { code: 400, message: "Field [payload] is required.", status: "INVALID_ARGUMENT" },
    ],
  ];
  test.each(ERRORS)("%s has the real one's body", async (_, request, error) => {
    const answer = await request();
    expect(answer.json).toEqual({ error });
    expect(answer.status).toBe((error as { code: number }).code);
  });

  test("for a denied caller names permission and resource", async () => {
    const rule = { permission: "secretmanager.versions.access", resource: "projects/acme/secrets/web-config/*" };
    await ask(`${piece.url}/emulator/iam/deny`, { method: "POST", json: rule });
    const answer = await ask(`${piece.url}/v1/projects/123456789012/secrets/web-config/versions/latest:access`);
    await ask(`${piece.url}/emulator/iam/deny`, { method: "DELETE" });
    const resource = "projects/acme/secrets/web-config/versions/latest";
    expect(answer.json).toEqual({
      error: {
        code: 403,
        message: `Permission 'secretmanager.versions.access' denied for resource '${resource}' (or it may not exist).`,
        status: "PERMISSION_DENIED",
        details: [
          {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            reason: "IAM_PERMISSION_DENIED",
            domain: "iam.googleapis.com",
            metadata: { permission: "secretmanager.versions.access", resource },
          },
        ],
      },
    });
  });

  test("for an unknown method is 501 with its name", async () => {
    const answer = await ask(`${api}/web-config:rotateSecret`, { method: "POST", json: {} });
    expect(answer.status).toBe(501);
    expect(answer.text).toContain("secretmanager.projects.secrets.rotateSecret");
  });
});

test("tags are refused by name rather than lost", async () => {
  const refused = await create("tagged", { tags: { "tagKeys/1": "tagValues/1" } });
  expect(refused).toMatchObject({ status: 501, json: { error: { message: "the field secret.tags is not emulated" } } });
});

test("enums are numbers for who asks so", async () => {
  const url = `${api}/web-config/versions/3`;
  expect((await ask(url)).json.state).toBe("ENABLED");
  expect((await ask(`${url}?$alt=json%3Benum-encoding=int`)).json.state).toBe(1);
});

test("both spellings of field names are taken", async () => {
  await ask(`${api}?secret_id=snake`, {
    method: "POST",
    json: { replication: { user_managed: { replicas: [{ location: "europe-west4" }] } }, labels: { an_own: "key" } },
  });
  const { json } = await ask(`${api}/snake`);
  expect(json).toMatchObject({
    labels: { an_own: "key" },
    replication: { userManaged: { replicas: [{ location: "europe-west4" }] } },
  });
});

test("a part of the rotation can be changed alone", async () => {
  await create("rotated", {
    topics: [{ name: "projects/acme/topics/t" }],
    rotation: { nextRotationTime: "2026-02-01T00:00:00Z", rotationPeriod: "7200s" },
  });
  const { json } = await ask(`${api}/rotated?updateMask=rotation.rotation_period`, {
    method: "PATCH",
    json: { rotation: { rotationPeriod: "3600s" } },
  });
  expect(json.rotation).toEqual({ nextRotationTime: "2026-02-01T00:00:00Z", rotationPeriod: "3600s" });
  const refused = await ask(`${api}/rotated?updateMask=topics`, { method: "PATCH", json: { topics: [] } });
  expect(refused.status).toBe(400);
  expect((await ask(`${api}/rotated`)).json.topics).toHaveLength(1);
});

const VALUES: Record<string, string[]> = {
  name: ["projects/1/secrets/web-db", "web-db"],
  state: ["ENABLED"],
  "labels.env": ["prod"],
  "labels.none": [],
  createTime: ["2026-01-15T10:00:00Z"],
  rotation: ["nextRotationTime"],
};
test.each([
  ["name:web", true],
  ["name:WEB-DB", true],
  ["web", true],
  ["name:other", false],
  ["name=web-db", true],
  ["name=web", false],
  ["state:ENABLED", true],
  ["state:(DISABLED OR ENABLED)", true],
  ["state!=ENABLED", false],
  ["NOT state:ENABLED", false],
  ["-state:DISABLED", true],
  ["labels.env=prod AND name:web", true],
  ["labels.env=prod name:other", false],
  ["name:other OR labels.env=prod", true],
  ["name:other AND name:x OR state:ENABLED", false],
  ["(name:other AND name:x) OR state:ENABLED", true],
  ["labels.none:*", false],
  ["rotation:*", true],
  ["create_time>2026-01-01T06:00:00Z", true],
  ["create_time<2026-01-01T06:00:00Z", false],
  ['create_time>="2026-01-15T10:00:00Z"', true],
])("the filter %s is %s", (filter, expected) => {
  expect(parseFilter(filter)((field) => VALUES[field])).toBe(expected);
});
test.each(["(state:ENABLED", "state:", "colour:red", "AND"])("the filter %s is refused", (filter) => {
  expect(() => parseFilter(filter)((field) => VALUES[field])).toThrow(/Invalid filter/);
});

describe("at rest", () => {
  test("a payload opens only with its key and under its name", () => {
    const folders = [mkdtempSync(join(tmpdir(), "moult-test-")), mkdtempSync(join(tmpdir(), "moult-test-"))];
    const [one, other] = folders.map((folder) => new Strongbox(folder));
    const sealed = one?.seal(Buffer.from("payload"), "versions/1");
    other?.seal(Buffer.from("makes a key of its own"), "x");
    if (!sealed) throw new Error("nothing was sealed");
    expect(one?.unseal(sealed, "versions/1").toString()).toBe("payload");
    expect(() => one?.unseal(sealed, "versions/2")).toThrow();
    expect(() => other?.unseal(sealed, "versions/1")).toThrow();
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  const SECRETS = ["correct horse battery staple", "eyJkYiI6InBvc3RncmVzOi8vZGIvYXBwIn0="];

  test("no file of the state folder holds a payload, and a restart reads it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "moult-test-"));
    try {
      const first = await startEmulator({ state: folder });
      const base = `${first.url}/v1/projects/${first.project}/secrets`;
      await ask(`${base}?secretId=s`, { method: "POST", json: { replication: { automatic: {} } } });
      for (const text of SECRETS) {
        const data = Buffer.from(text).toString("base64");
        await ask(`${base}/s:addVersion`, { method: "POST", json: { payload: { data } } });
      }
      await first.close();

      const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      expect(files.map(({ name }) => name)).toEqual(expect.arrayContaining(["state.json", "secrets.key"]));
      for (const { parentPath, name } of files) {
        const bytes = readFileSync(join(parentPath, name)).toString("latin1");
        for (const text of SECRETS) {
          expect(bytes).not.toContain(text);
          expect(bytes).not.toContain(Buffer.from(text).toString("base64"));
          expect(bytes).not.toContain(Buffer.from(text).toString("hex"));
        }
      }
      expect(statSync(join(folder, "secrets.key")).mode & 0o777).toBe(0o600);

      const second = await startEmulator({ state: folder });
      const access = await ask(`${second.url}/v1/projects/${second.project}/secrets/s/versions/1:access`);
      expect(access.json.payload).toMatchObject({ data: Buffer.from(SECRETS[0] ?? "").toString("base64") });
      await second.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
