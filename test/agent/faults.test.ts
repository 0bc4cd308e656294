import { existsSync, readdirSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Emulator, startEmulator } from "../../emulator/index.ts";
import { listenMetadata } from "../../emulator/metadata/listen.ts";
import { makeSpec, makeWorld } from "../emulator/machines/world.ts";
import { Machine } from "./machine.ts";
import { type Fault, type FaultProxy, type Reply, type Rule, startProxy } from "./proxy.ts";

/**
 * The agent as a process against the emulator's metadata server, Secret Manager and Cloud Storage, with one thing wrong
 * on the way. Every row: how it ends, and that either all is placed or nothing, and no secret stands anywhere else.
 */
const secret = "correct horse battery staple";
const name = "projects/moult-local/secrets/web-db";
/** Nobody may read it. */
const locked = "projects/moult-local/secrets/web-locked";
const account = "web-vm@acme.iam.gserviceaccount.com";
const everything = ["https://www.googleapis.com/auth/cloud-platform"];

let emulator: Emulator;
/** The emulator's own token, which its Secret Manager knows. */
let token: string;
/** Stands for any proxy that the environment names. */
let trap: Server;
let trapped = 0;

beforeAll(async () => {
  emulator = await startEmulator({ instances: "virtual" });
  const flavour = { "Metadata-Flavor": "Google" };
  const own = await fetch(`${emulator.url}/computeMetadata/v1/instance/service-accounts/default/token`, {
    headers: flavour,
  });
  const granted: unknown = await own.json();
  token = String(Object(granted).access_token);
  await ask("POST", "/v1/projects/moult-local/secrets?secretId=web-db", { replication: { automatic: {} } });
  const delayed = { replication: { automatic: {} }, versionDestroyTtl: "86400s" };
  await ask("POST", "/v1/projects/moult-local/secrets?secretId=web-late", delayed);
  await ask("POST", "/v1/projects/moult-local/secrets?secretId=web-locked", { replication: { automatic: {} } });
  await ask("POST", "/emulator/iam/deny", { permission: "secretmanager.versions.access", resource: "*web-locked*" });
  for (const id of ["web-db", "web-db", "web-db", "web-late", "web-locked"])
    await ask("POST", `/v1/projects/moult-local/secrets/${id}:addVersion`, {
      payload: { data: Buffer.from(secret).toString("base64") },
    });
  await ask("POST", `/v1/${name}/versions/2:disable`, {});
  await ask("POST", `/v1/${name}/versions/3:destroy`, {});
  await ask("POST", "/v1/projects/moult-local/secrets/web-late/versions/1:destroy", {});
  trap = createServer((socket) => {
    trapped++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => trap.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  await emulator.close();
  await new Promise((resolve) => trap.close(resolve));
});

async function ask(method: string, path: string, body: unknown): Promise<void> {
  const answer = await fetch(emulator.url + path, { method, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
}

interface Expected {
  exit: number;
  /** Of the last line: the reason's word for a failure, "ready" else. */
  word: string;
  /** More that the last line says. */
  says?: (string | RegExp)[];
  /** A line that is printed on the way. */
  line?: string | RegExp;
  /** How often the secret is asked for. */
  secretAsked?: number;
}

interface Case {
  rules?: Rule[];
  expected: Expected;
  version?: string;
  scopes?: string[];
  account?: boolean;
  guest?: boolean;
  flags?: string[];
  env?: () => Record<string, string>;
  after?: (proxy: FaultProxy, guest: Map<string, string>) => void;
}

const ready = (more: Partial<Expected> = {}): Expected => ({ exit: 0, word: "ready", ...more });
const metadata = /^\/computeMetadata\/v1\/\?recursive/;
const tokens = /\/default\/token$/;
const access = /:access$/;
const status = (code: number, headers?: Record<string, string>, body = ""): Fault => ({
  kind: "answer",
  status: code,
  ...(headers && { headers }),
  body,
});
const change = (act: (reply: Reply) => Reply): Fault => ({ kind: "change", change: act });
const torn = change((reply) => ({ ...reply, body: reply.body.subarray(0, reply.body.length / 2) }));
const crc = (sum: string | undefined): Fault =>
  change((reply) => {
    const answer = JSON.parse(reply.body.toString());
    return {
      ...reply,
      body: Buffer.from(JSON.stringify({ ...answer, payload: { ...answer.payload, dataCrc32c: sum } })),
    };
  });
const without = (header: string, value?: string): Fault =>
  change(({ headers, ...reply }) => ({
    ...reply,
    headers: Object.fromEntries(
      Object.entries(headers).flatMap(([key, kept]): [string, string][] =>
        key.toLowerCase() !== header ? [[key, kept]] : value === undefined ? [] : [[key, value]],
      ),
    ),
  }));
const google = { "Metadata-Flavor": "Google" };

/** When requests of a path came, ms. */
const times = (proxy: FaultProxy, path: RegExp) => proxy.asked.filter((one) => path.test(one.path)).map(({ at }) => at);

/** `count` requests, the second at least `ms` after the first. */
const apart = (path: RegExp, ms: number) => (proxy: FaultProxy) => {
  const [first = 0, second = 0] = times(proxy, path);
  expect(second - first).toBeGreaterThanOrEqual(ms);
};

const cases: [sentence: string, Case][] = [
  ["nothing is wrong", { expected: ready({ secretAsked: 1 }) }],
  [
    "metadata answers 503 and then 200",
    { rules: [{ path: metadata, times: 2, fault: status(503) }], expected: ready() },
  ],
  [
    "the token answers 500 and then 200",
    { rules: [{ path: tokens, times: 1, fault: status(500, google) }], expected: ready() },
  ],
  [
    "a secret answers 503 and then 200",
    { rules: [{ path: access, times: 2, fault: status(503) }], expected: ready({ secretAsked: 3 }) },
  ],
  [
    "a secret answers 429 and says when to come again",
    {
      rules: [{ path: access, times: 1, fault: status(429, { "Retry-After": "2" }) }],
      expected: ready({ secretAsked: 2, line: /attempt 1 after \d+ ms: status 429/ }),
      after: apart(access, 2_000),
    },
  ],
  [
    "metadata answers 429 and says when to come again, as a date",
    {
      rules: [
        {
          path: metadata,
          times: 1,
          fault: status(429, { date: "Fri, 20 Nov 2026 12:00:00 GMT", "Retry-After": "Fri, 20 Nov 2026 12:00:01 GMT" }),
        },
      ],
      expected: ready(),
      after: apart(metadata, 1_000),
    },
  ],
  [
    "a secret says to come again long after the deadline",
    {
      rules: [{ path: access, fault: status(429, { "Retry-After": "86400" }) }],
      flags: ["--deadline", "3"],
      expected: { exit: 12, word: "secret-unreachable", says: ["status 429"] },
    },
  ],
  [
    "the connection for metadata is reset, before and in the middle of an answer",
    {
      rules: [
        { path: metadata, times: 1, fault: { kind: "reset", when: "before" } },
        { path: metadata, times: 1, fault: { kind: "reset", when: "middle" } },
      ],
      expected: ready({ line: /attempt 2/ }),
    },
  ],
  [
    "the connection for a secret is reset, before and in the middle of an answer",
    {
      rules: [
        { path: access, times: 1, fault: { kind: "reset", when: "before" } },
        { path: access, times: 1, fault: { kind: "reset", when: "middle" } },
      ],
      expected: ready({ secretAsked: 3 }),
    },
  ],
  [
    "metadata takes a request and never answers",
    {
      rules: [{ path: metadata, times: 1, fault: { kind: "stall" } }],
      expected: ready({ line: "no answer in 3000 ms" }),
    },
  ],
  [
    "metadata never answers, and the deadline passes",
    {
      rules: [{ path: metadata, fault: { kind: "stall" } }],
      flags: ["--deadline", "2"],
      expected: { exit: 12, word: "metadata-unreachable", says: ["no answer in"] },
    },
  ],
  [
    "a secret is taken and never answered",
    {
      rules: [{ path: access, times: 1, fault: { kind: "stall" } }],
      expected: ready({ line: "no answer in 10000 ms", secretAsked: 2 }),
    },
  ],
  [
    "the headers of metadata drip",
    {
      rules: [{ path: metadata, times: 1, fault: { kind: "slow", part: "head", everyMs: 100 } }],
      expected: ready({ line: "no answer in 3000 ms" }),
    },
  ],
  [
    "the headers of a token come slowly, but in time",
    {
      rules: [{ path: tokens, fault: { kind: "slow", part: "head", everyMs: 20, bytes: 10 } }],
      expected: ready(),
      after: (proxy) => expect(times(proxy, tokens)).toHaveLength(1),
    },
  ],
  [
    "the body of a secret drips",
    {
      rules: [{ path: access, fault: { kind: "slow", part: "body", everyMs: 500 } }],
      flags: ["--deadline", "3"],
      expected: { exit: 12, word: "secret-unreachable" },
    },
  ],
  [
    "somebody else answers at the metadata server's address",
    {
      rules: [{ path: metadata, fault: without("metadata-flavor") }],
      expected: { exit: 11, word: "metadata-refused", says: ["Metadata-Flavor"] },
    },
  ],
  [
    "the flavour is another one",
    {
      rules: [{ path: metadata, fault: without("metadata-flavor", "Amazon") }],
      expected: { exit: 11, word: "metadata-refused" },
    },
  ],
  [
    "metadata comes torn, once",
    { rules: [{ path: metadata, times: 1, fault: torn }], expected: ready({ line: "not JSON" }) },
  ],
  [
    "a token comes torn, once",
    { rules: [{ path: tokens, times: 1, fault: torn }], expected: ready({ line: "no access token" }) },
  ],
  [
    "a secret comes torn, once",
    { rules: [{ path: access, times: 1, fault: torn }], expected: ready({ secretAsked: 2 }) },
  ],
  [
    "a secret comes torn for ever",
    { rules: [{ path: access, fault: torn }], expected: { exit: 11, word: "secret-corrupt", secretAsked: 3 } },
  ],
  [
    "a checksum is wrong, once",
    { rules: [{ path: access, times: 1, fault: crc("1") }], expected: ready({ secretAsked: 2 }) },
  ],
  [
    "a checksum is wrong for ever",
    {
      rules: [{ path: access, fault: crc("1") }],
      expected: { exit: 11, word: "secret-corrupt", says: [`${name}/versions/1`], secretAsked: 3 },
    },
  ],
  ["a checksum is missing", { rules: [{ path: access, fault: crc(undefined) }], expected: ready({ secretAsked: 1 }) }],
  [
    "a version is disabled",
    {
      version: `${name}/versions/2`,
      expected: { exit: 11, word: "secret-unusable", says: [`${name}/versions/2 is disabled`], secretAsked: 1 },
    },
  ],
  [
    "a version is destroyed",
    {
      version: `${name}/versions/3`,
      expected: { exit: 11, word: "secret-unusable", says: [`${name}/versions/3 is destroyed`], secretAsked: 1 },
    },
  ],
  [
    "a version waits for its destruction",
    {
      version: "projects/moult-local/secrets/web-late/versions/1",
      expected: {
        exit: 11,
        word: "secret-unusable",
        says: ["web-late/versions/1 is disabled", "delayed destruction"],
        secretAsked: 1,
      },
    },
  ],
  [
    "a version does not exist",
    {
      version: `${name}/versions/9`,
      expected: { exit: 11, word: "secret-missing", says: [`${name}/versions/9 does not exist`], secretAsked: 1 },
    },
  ],
  [
    "the role is missing",
    {
      version: `${locked}/versions/1`,
      expected: {
        exit: 11,
        word: "secret-refused",
        says: [account, "roles/secretmanager.secretAccessor", `${locked}/versions/1`],
        secretAsked: 1,
      },
    },
  ],
  [
    "the scope is missing",
    {
      rules: [
        {
          path: access,
          fault: status(
            403,
            {},
            refusal("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "Request had insufficient authentication scopes."),
          ),
        },
      ],
      scopes: ["https://www.googleapis.com/auth/devstorage.read_only"],
      expected: {
        exit: 11,
        word: "secret-refused",
        says: [account, /scope https:\/\/www\.googleapis\.com\/auth\/cloud-platform/],
        secretAsked: 1,
      },
    },
  ],
  [
    "a token is refused once",
    {
      rules: [{ path: access, times: 1, fault: status(401, {}, refusal("ACCESS_TOKEN_EXPIRED", "expired")) }],
      expected: ready({ secretAsked: 2 }),
      after: (proxy) => expect(times(proxy, tokens)).toHaveLength(2),
    },
  ],
  [
    "a token is refused for ever",
    {
      rules: [{ path: access, fault: status(401) }],
      expected: { exit: 11, word: "secret-refused", says: ["twice (401)"], secretAsked: 2 },
    },
  ],
  [
    "guest attributes are off",
    {
      guest: false,
      expected: ready({ line: /report: guest attribute: off \(403\)/ }),
      after: (_, guest) => expect(guest.size).toBe(0),
    },
  ],
  [
    "the instance has no service account",
    { account: false, expected: { exit: 11, word: "no-service-account", secretAsked: 0 } },
  ],
  [
    "metadata is disabled for the instance",
    {
      rules: [{ path: metadata, fault: status(403, google) }],
      expected: { exit: 11, word: "metadata-refused", says: ["403"] },
    },
  ],
  [
    "metadata redirects",
    {
      rules: [{ path: metadata, fault: status(302, { ...google, Location: "/elsewhere" }) }],
      expected: { exit: 11, word: "metadata-refused", says: ["redirect"] },
      after: (proxy) => expect(times(proxy, /elsewhere/)).toEqual([]),
    },
  ],
  [
    "Secret Manager redirects",
    {
      rules: [{ path: access, fault: status(307, { Location: "/elsewhere" }) }],
      expected: { exit: 11, word: "secret-refused", says: ["status 307"], secretAsked: 1 },
      after: (proxy) => expect(times(proxy, /elsewhere/)).toEqual([]),
    },
  ],
  [
    "the environment names proxies",
    {
      env: () => {
        const there = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`;
        const names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        return {
          ...Object.fromEntries(names.map((one) => [one, there])),
          NODE_USE_ENV_PROXY: "1",
          GCE_METADATA_HOST: there,
        };
      },
      expected: ready(),
      after: () => expect(trapped).toBe(0),
    },
  ],
];

function refusal(reason: string, message: string): string {
  const details = [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason }];
  return JSON.stringify({ error: { code: 403, status: "PERMISSION_DENIED", message, details } });
}

describe("when", () => {
  test.concurrent.each(cases)("%s", async (_sentence, one) => {
    const world = makeWorld("/nonexistent");
    world.doors.accessToken = () => ({ token, expiresInSeconds: 3_599 });
    const attributes = one.guest === false ? {} : { "enable-guest-attributes": "TRUE" };
    const { serviceAccount: _, ...spec } = makeSpec({ ip: "127.0.0.1", metadata: attributes });
    const server = await listenMetadata(world, {
      ...spec,
      ...(one.account === false ? {} : { serviceAccount: { email: account, scopes: one.scopes ?? everything } }),
    });
    const proxy = await startProxy(
      (path) => (path.startsWith("/computeMetadata/") ? `http://${server.address}` : emulator.url),
      one.rules,
    );
    const machine = new Machine(proxy);
    try {
      machine.env = one.env?.() ?? {};
      machine.bake({
        manifest: 1,
        secrets: { db: one.version ?? `${name}/versions/1` },
        files: [
          { path: "/etc/web/name", content: "{{ instance.name }}\n" },
          { path: "/etc/web/db.key", secret: "db" },
          { path: "/etc/web/db.json", content: '{"password": "{{ secrets.db }}"}' },
        ],
      });
      const before = machine.persistent();
      const run = await machine.boot(...(one.flags ?? []));
      const { exit, word, says = [], line, secretAsked } = one.expected;
      expect(run.last, run.stdout + run.stderr).toMatch(
        exit === 0 ? `moult-agent: ${word}: ` : `moult-agent: failed ${word}: `,
      );
      expect(run.exit).toBe(exit);
      for (const part of says) expect(run.last).toMatch(part);
      if (line !== undefined) expect(run.stdout).toMatch(line);
      if (secretAsked !== undefined) expect(times(proxy, access)).toHaveLength(secretAsked);
      if (exit === 0) {
        expect(machine.read("/etc/web/name")).toBe(`${spec.name}\n`);
        expect(machine.read("/etc/web/db.key")).toBe(secret);
        expect(JSON.parse(machine.read("/etc/web/db.json"))).toEqual({ password: secret });
      } else {
        const kept = Object.keys(machine.persistent()).filter((path) => !path.startsWith("/var/lib/moult"));
        expect(kept.filter((path) => !(path in before) && path !== "/var" && path !== "/var/lib")).toEqual([]);
        // How the boot went stays, for analyze.
        expect(filesBelow(`${machine.root}/run`).filter((file) => !/^moult-boots\.json /.test(file))).toEqual([]);
      }
      const told = [run.stdout, run.stderr, JSON.stringify(machine.persistent()), ...spec.guestAttributes.values()];
      for (const text of told) {
        expect(text).not.toContain(secret);
        expect(text).not.toContain(Buffer.from(secret).toString("base64"));
        expect(text).not.toContain(token);
      }
      one.after?.(proxy, spec.guestAttributes);
    } finally {
      machine.remove();
      await proxy.close();
      await server.close();
    }
  });
});

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.name} ${readFileSync(`${entry.parentPath}/${entry.name}`).length}`);
}
