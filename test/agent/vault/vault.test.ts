import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { account, type FakeCloud, putPack, startCloud } from "../cloud.ts";
import { Machine, type Run } from "../machine.ts";
import { signIdentities } from "./identity.ts";
import { Namespace, VaultStandIn } from "./stand-in.ts";

const password = 'v4ult "pw"\n}';
const google = "projects/acme/secrets/web-db/versions/3";
let cloud: FakeCloud;
let machine: Machine;
let vault: VaultStandIn;

beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
  cloud.secrets.set(google, Buffer.from("from Google"));
  await use(await VaultStandIn.start());
});
afterEach(async () => {
  await vault.close();
  await cloud.close();
  machine.remove();
});

async function use(fresh: VaultStandIn): Promise<void> {
  await vault?.close();
  vault = fresh;
  const { kid, key } = signIdentities(cloud);
  vault.googleKeys.set(kid, key);
  vault.root.role("gcp", "web", {
    policies: ["web"],
    seconds: 1_800,
    projects: ["acme"],
    serviceAccounts: [account],
  });
  vault.root.policies.set("web", ["kv/data/web/*"]);
  vault.root.put("kv", "web/db", { user: "web", password: "old" });
  vault.root.put("kv", "web/db", { user: "web", password });
}

const db = (rest = "?version=2#password", path = "kv/web/db") => `${vault.reference}/${path}${rest}`;

/** @param secrets name → reference; each becomes a file of its name. */
function describeMachine(secrets: Record<string, string>, more: Record<string, unknown> = {}): void {
  machine.bake({
    manifest: 1,
    vaults: [{ address: vault.address, role: "web", ...more }],
    secrets,
    files: Object.keys(secrets).map((name) => ({
      path: `/etc/keys/${name}`,
      secret: name,
    })),
  });
}

const files = () => Object.keys(machine.persistent()).filter((path) => path.startsWith("/etc/keys"));

/** Nothing of the machine but memory may hold any of these. */
function expectNoTrace(run: Run, ...values: string[]): void {
  const told = [run.stdout, run.stderr, ...cloud.guestAttributes.values(), ...cloud.objects.values()].map(String);
  for (const text of [...told, ...Object.values(machine.persistent())])
    for (const value of [...values, "hvs."])
      for (const form of [value, JSON.stringify(value).slice(1, -1), Buffer.from(value).toString("base64")])
        expect(text).not.toContain(form);
}

test("secrets of Vault and of Secret Manager make one machine, and Vault's stay in memory too", async () => {
  machine.bake({
    manifest: 1,
    vaults: [{ address: vault.address, role: "web" }],
    secrets: { db: db(), google },
    files: [
      { path: "/etc/keys/db", secret: "db", mode: "0440" },
      {
        path: "/etc/web.json",
        content: '{"db": {{ secrets.db }}, "google": {{ secrets.google }}}',
      },
    ],
  });
  const run = await machine.boot();
  expect(run.last).toMatch(/^moult-agent: ready: /);
  expect(run.exit).toBe(0);
  expect(machine.read("/etc/keys/db")).toBe(password);
  expect(machine.mode("/etc/keys/db")).toBe("0440");
  expect(JSON.parse(machine.read("/etc/web.json"))).toEqual({
    db: password,
    google: "from Google",
  });
  expect(cloud.audiences[0]).toBe("vault/web");
  expect(vault.logins).toBe(1);
  expect(vault.reads).toEqual(["kv/data/web/db?version=2"]);
  expect(vault.requests.map(({ headers }) => headers["x-vault-request"])).toEqual(["true", "true", "true"]);
  expectNoTrace(run, password);
});

test("twenty secrets cost one login, and fields of one version one request", async () => {
  const secrets: Record<string, string> = {
    user: db("?version=2#user"),
    password: db(),
  };
  for (let i = 0; i < 20; i++) {
    vault.root.put("kv", `web/s${i}`, { value: `value ${i}` });
    secrets[`s${i}`] = db("?version=1#value", `kv/web/s${i}`);
  }
  describeMachine(secrets);
  expect(await machine.boot()).toMatchObject({ exit: 0 });
  expect(machine.read("/etc/keys/s19")).toBe("value 19");
  expect(machine.read("/etc/keys/user")).toBe("web");
  expect(vault.logins).toBe(1);
  expect(vault.reads).toHaveLength(21);
});

test("a release may name a version in Vault, with the manifest of its pack naming the Vault", async () => {
  const commit = putPack(
    cloud,
    "acme-config",
    {
      manifest: 1,
      vaults: [{ address: vault.address, role: "web" }],
      files: [
        { path: "/etc/keys/db", secret: "db" },
        { path: "/etc/keys/google", secret: "google" },
      ],
    },
    {},
  );
  cloud.instance.attributes["moult-release"] = JSON.stringify({
    release: "a".repeat(64),
    fleet: "web",
    image: { name: "web-1", id: "1" },
    config: { bucket: "acme-config", commit },
    secrets: { db: db(), google },
  });
  expect(await machine.boot()).toMatchObject({ exit: 0 });
  expect(machine.read("/etc/keys/db")).toBe(password);
  expect(machine.read("/etc/keys/google")).toBe("from Google");
});

describe("a later boot", () => {
  test("asks for the same version, though a newer one is there", async () => {
    describeMachine({ db: db() });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    vault.root.put("kv", "web/db", { password: "newer" });
    machine.loseMemory();
    machine.bake({ manifest: 1 });
    vault.requests.length = 0;
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(machine.read("/etc/keys/db")).toBe(password);
    expect(vault.reads).toEqual(["kv/data/web/db?version=2"]);
    expect(vault.logins).toBe(1);
  });

  test("whose version was destroyed meanwhile does not start", async () => {
    describeMachine({ db: db() });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    machine.loseMemory();
    vault.root.mark("kv", "web/db", 2, "destroyed");
    const run = await machine.boot();
    expect(run).toMatchObject({
      exit: 11,
      last: `moult-agent: failed secret-unusable: ${db()} is destroyed`,
    });
  });
});

describe("what is stored", () => {
  test.each([
    ["a text", '"plain"', "plain"],
    ["an empty text", '""', ""],
    ["a whole number beyond 2^53, digit for digit", "7774572792595385001", "7774572792595385001"],
    ["a number with zeros behind", "1.10", "1.10"],
    ["true", "true", "true"],
    ["null", "null", "null"],
    [
      "a map, as JSON",
      '{"a":[1.10,"2",12345678901234567890],"b":"x\\"1\\""}',
      '{"a":[1.10,"2",12345678901234567890],"b":"x\\"1\\""}',
    ],
    ["a text that begins with NUL", '"\\u00001"', "\u00001"],
  ])("%s comes as it is", async (_what, stored, placed) => {
    vault.root.put("kv", "web/odd", `{"other": 1, "value": ${stored}}`);
    describeMachine({ odd: db("?version=1#value", "kv/web/odd") });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(machine.read("/etc/keys/odd")).toBe(placed);
  });
});

describe("is refused at once, with what to do:", () => {
  const refused: [string, () => Promise<void> | void, string, RegExp][] = [
    [
      "a path that no policy allows",
      () => describeMachine({ db: db(undefined, "kv/other/db") }),
      "secret-refused",
      /kv\/other\/db.* role web of auth\/gcp a policy that reads kv\/data\/other\/db/,
    ],
    [
      "a version that is not there",
      () => describeMachine({ db: db("?version=9#password") }),
      "secret-missing",
      /version=9#password does not exist/,
    ],
    [
      "a path that is not there",
      () => describeMachine({ db: db(undefined, "kv/web/none") }),
      "secret-missing",
      /web\/none.* does not exist/,
    ],
    [
      "an engine that is not mounted",
      () => {
        vault.root.policies.set("web", ["*"]);
        describeMachine({ db: db(undefined, "nowhere/web/db") });
      },
      "secret-missing",
      /nowhere/,
    ],
    [
      "an engine of version 1",
      () => {
        vault.root.policies.set("web", ["*"]);
        vault.root.unversioned.set("old", new Map([["data/web/db", '{"password":"x"}']]));
        describeMachine({ db: db(undefined, "old/web/db") });
      },
      "secret-refused",
      /old is not a KV engine of version 2/,
    ],
    [
      "a field that is not there",
      () => describeMachine({ db: db("?version=2#passwort") }),
      "secret-missing",
      /#passwort: this version has no such field/,
    ],
    [
      "a deleted version",
      () => {
        vault.root.mark("kv", "web/db", 2, "deleted");
        describeMachine({ db: db() });
      },
      "secret-unusable",
      /version=2#password is deleted/,
    ],
    [
      "a destroyed version",
      () => {
        vault.root.mark("kv", "web/db", 2, "destroyed");
        describeMachine({ db: db() });
      },
      "secret-unusable",
      /version=2#password is destroyed/,
    ],
    [
      "a role that is not there",
      () => describeMachine({ db: db() }, { role: "nobody" }),
      "secret-refused",
      /auth\/gcp has no role nobody/,
    ],
    [
      "a role bound to another project",
      () => {
        vault.root.role("gcp", "web", {
          policies: ["web"],
          seconds: 60,
          projects: ["other"],
        });
        describeMachine({ db: db() });
      },
      "secret-refused",
      /auth\/gcp has no role web, or one that is not bound to this instance/,
    ],
    [
      "a role bound to another zone",
      () => {
        vault.root.role("gcp", "web", {
          policies: ["web"],
          seconds: 60,
          zones: ["europe-west4-a"],
        });
        describeMachine({ db: db() });
      },
      "secret-refused",
      /bound/,
    ],
    [
      "a method that is not mounted",
      () => describeMachine({ db: db() }, { auth: "google" }),
      "secret-refused",
      /auth\/google/,
    ],
    [
      "a namespace that is not there",
      () => describeMachine({ db: db() }, { namespace: "team" }),
      "secret-refused",
      /team/,
    ],
    [
      "a host that no entry of vaults names",
      () => {
        machine.bake({
          manifest: 1,
          vaults: [{ address: "http://127.0.0.1:1", role: "web" }],
          secrets: { db: db() },
          files: [{ path: "/etc/keys/db", secret: "db" }],
        });
      },
      "manifest-invalid",
      /vault/,
    ],
  ];
  test.each(refused)("%s", async (_what, arrange, reason, sentence) => {
    await arrange();
    const run = await machine.boot();
    expect(run.exit).toBe(reason === "manifest-invalid" ? 10 : 11);
    expect(run.last).toContain(`failed ${reason}: `);
    if (reason !== "manifest-invalid") expect(run.last).toMatch(sentence);
    expect(vault.logins).toBeLessThanOrEqual(1);
    expect(vault.reads.length).toBeLessThanOrEqual(1);
    expect(files()).toEqual([]);
    expectNoTrace(run, password);
  });
});

describe("passes, and is waited for:", () => {
  const soon = (change: () => void, when: () => boolean) => {
    vault.interfere = () => {
      if (when()) change();
      return false;
    };
  };
  test.each(["sealed", "standby", "uninitialized"] as const)("a Vault that is %s at first", async (state) => {
    vault.state = state;
    soon(
      () => {
        vault.state = "active";
      },
      () => vault.requests.length === 3,
    );
    describeMachine({ db: db() });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(vault.logins).toBe(3);
    expect(machine.read("/etc/keys/db")).toBe(password);
  });

  test("a server that the login has not been replicated to", async () => {
    vault.lag = 2;
    describeMachine({ db: db() });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(vault.logins).toBe(1);
    expect(vault.reads).toHaveLength(3);
  });

  test("a Vault that cannot ask Google for its keys now", async () => {
    const keys = new Map(vault.googleKeys);
    vault.googleKeys.clear();
    soon(
      () => {
        for (const [kid, key] of keys) vault.googleKeys.set(kid, key);
      },
      () => vault.requests.length === 2,
    );
    describeMachine({ db: db() });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
  });

  test.each([429, 472, 473, 500, 502])("status %i", async (status) => {
    let left = 1;
    vault.interfere = (_request, response) => {
      if (left-- <= 0) return false;
      response.writeHead(status).end('{"errors":["passing"]}');
      return true;
    };
    describeMachine({ db: db() });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
  });
});

test("a Vault that stays sealed ends with the deadline and says so; nothing is placed", async () => {
  vault.state = "sealed";
  describeMachine({ db: db(), google });
  const run = await machine.boot("--deadline", "1");
  expect(run.exit).toBe(12);
  expect(run.last).toContain("failed secret-unreachable");
  expect(run.last).toContain("sealed");
  expect(files()).toEqual([]);
});

test("a redirect is never followed, because the token would go where nobody said", async () => {
  vault.state = "standby";
  const other = await VaultStandIn.start();
  vault.interfere = (_request, response) => {
    response.writeHead(307, { Location: `${other.address}/v1/auth/gcp/login` }).end("");
    return true;
  };
  describeMachine({ db: db() });
  const run = await machine.boot("--deadline", "1");
  await other.close();
  expect(run.exit).toBe(12);
  expect(run.last).toContain("not followed");
  expect(other.requests).toEqual([]);
});

describe("a token", () => {
  test("that ends between login and reading is renewed once, for all that wait for it", async () => {
    for (let i = 0; i < 5; i++) vault.root.put("kv", `web/s${i}`, { value: `${i}` });
    describeMachine(Object.fromEntries([0, 1, 2, 3, 4].map((i) => [`s${i}`, db("?version=1#value", `kv/web/s${i}`)])));
    vault.interfere = (request) => {
      if (vault.logins === 1 && !request.url?.endsWith("/login")) vault.revoke();
      return false;
    };
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(vault.logins).toBe(2);
  });

  test("that is refused again and again is given up", async () => {
    describeMachine({ db: db() });
    vault.interfere = (request) => {
      if (!request.url?.endsWith("/login")) vault.revoke();
      return false;
    };
    const run = await machine.boot();
    expect(run.exit).toBe(11);
    expect(vault.logins).toBe(2);
    expect(vault.reads).toHaveLength(2);
  });

  test("that cannot stand in a header is none", async () => {
    vault.interfere = (_request, response) => {
      response.writeHead(200).end(
        JSON.stringify({
          auth: { client_token: "a\r\nX-Evil: 1", lease_duration: 1 },
        }),
      );
      return true;
    };
    describeMachine({ db: db() });
    const run = await machine.boot();
    expect(run.exit).toBe(11);
    expect(run.stdout).not.toContain("X-Evil");
  });
});

describe("when the boot is over, the token", () => {
  test("is given back, also by a boot that failed", async () => {
    describeMachine({ db: db() });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(vault).toMatchObject({ logins: 1, tokens: 0 });
    machine.remove();
    machine = new Machine(cloud);
    describeMachine({ db: db(), none: db("?version=9#password") });
    expect(await machine.boot()).toMatchObject({ exit: 11 });
    expect(vault).toMatchObject({ logins: 2, tokens: 0 });
  });

  test("that is not taken back costs a line, and the machine is ready", async () => {
    vault.interfere = (request, response) => {
      if (!request.url?.endsWith("/revoke-self")) return false;
      response.writeHead(403).end('{"errors":["permission denied"]}');
      return true;
    };
    describeMachine({ db: db() });
    const run = await machine.boot();
    expect(run.exit).toBe(0);
    expect(run.lines.filter((line) => line.includes("does not take its token back: status 403"))).toHaveLength(1);
  });
});

test("an engine mounted at several levels is named with %2F between them", async () => {
  vault.root.policies.set("web", ["team/kv/data/*", "team/data/*"]);
  vault.root.put("team/kv", "web/db", { password });
  describeMachine({ db: db("?version=1#password", "team%2Fkv/web/db") });
  expect(await machine.boot()).toMatchObject({ exit: 0 });
  expect(machine.read("/etc/keys/db")).toBe(password);
  expect(vault.reads).toEqual(["team/kv/data/web/db?version=1"]);
  machine.remove();
  machine = new Machine(cloud);
  describeMachine({ db: db("?version=1#password", "team/kv/web/db") });
  const run = await machine.boot();
  expect(run.last).toMatch(/failed secret-missing: .*nothing is mounted at team; .*%2F/);
});

test("a namespace, and a method mounted elsewhere, are used for login and reading", async () => {
  const team = new Namespace();
  vault.namespaces.set("eu/team", team);
  team.role("google/prod", "web", { policies: ["all"], seconds: 0 });
  team.policies.set("all", ["kv/*"]);
  team.put("kv", "web/db", { password: "of the team" });
  describeMachine({ db: db("?version=1#password") }, { namespace: "eu/team/", auth: "google/prod" });
  expect(await machine.boot()).toMatchObject({ exit: 0 });
  expect(machine.read("/etc/keys/db")).toBe("of the team");
});

describe("over TLS", () => {
  const folder = mkdtempSync(join(tmpdir(), "moult-vault-"));
  const tls = () => ({
    key: readFileSync(join(folder, "key.pem")),
    cert: readFileSync(join(folder, "cert.pem")),
  });
  beforeAll(() => {
    const subject = ["-subj", "/CN=vault", "-addext", "subjectAltName=IP:127.0.0.1"];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const places = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
    execFileSync("openssl", ["req", "-x509", ...kind, ...subject, ...places], {
      stdio: "ignore",
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    ["HTTP/2 over one connection", undefined, "2.0"],
    ["HTTP/1.1 where a front speaks nothing else", "http/1.1", "1.1"],
  ] as const)("roots of the image are trusted: %s", async (_what, only, version) => {
    await use(await VaultStandIn.start(tls(), only));
    machine.write("/usr/lib/moult/vault-ca.pem", tls().cert);
    describeMachine({ db: db(), user: db("?version=1#user") }, { ca: "/usr/lib/moult/vault-ca.pem" });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(machine.read("/etc/keys/db")).toBe(password);
    expect(new Set(vault.requests.map(({ httpVersion }) => httpVersion))).toEqual(new Set([version]));
    if (version === "2.0") expect(vault.connections).toBe(1);
  });

  test("a certificate that no root vouches for gets neither identity nor token", async () => {
    await use(await VaultStandIn.start(tls()));
    describeMachine({ db: db() });
    const run = await machine.boot();
    expect(run.exit).toBe(11);
    expect(run.last).toMatch(/SELF_SIGNED|UNABLE_TO_VERIFY|self.signed|certificate/i);
    expect(vault.requests).toEqual([]);
  });

  test("roots that the image lacks are said before anything is asked, and at a later boot that lost them", async () => {
    await use(await VaultStandIn.start(tls()));
    describeMachine({ db: db() }, { ca: "/usr/lib/moult/ca.pem" });
    const run = await machine.boot();
    expect(run.exit).toBe(10);
    expect(run.last).toContain("vaults[0].ca");
    expect(vault.requests).toEqual([]);
    machine.write("/usr/lib/moult/ca.pem", tls().cert);
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    rmSync(`${machine.root}/usr/lib/moult/ca.pem`);
    const later = await machine.boot();
    expect(later.exit).toBe(10);
    expect(later.last).toContain("/usr/lib/moult/ca.pem");
  });
});
