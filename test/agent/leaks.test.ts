import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { account, type FakeCloud, putPack, startCloud } from "./cloud.ts";
import { Machine, type Run, runAgent } from "./machine.ts";
import { signIdentities } from "./vault/identity.ts";
import { VaultStandIn } from "./vault/stand-in.ts";

/** What is fetched; each is odd in its own way, and none has a form that anything else could have. */
const payloads = {
  quotes: Buffer.from(`p4ss"w\\ord-'$(id)-<&>-%2F-é…-\u{1f511}\nsecond line of the secret\t{{ values.color }}`),
  bytes: Buffer.from("00ff8041c3289f92969600fe7f1b5b33316d0d0a", "hex"),
  word: Buffer.from("hunter2-Zq9vRk4tW8"),
};
const inVault = 'v4ult "pw"\\n}-TTx81Lq';
/** Of attributes, values and templates: in files, but never in what is said. */
const quiet = ["quiet-attribute-8Kd2", "quiet-value-q7Lm", "quiet-template-Vn3x"] as const;
const [quietAttribute, quietValue, quietTemplate] = quiet;
const version = (name: string) => `projects/acme/secrets/${name}/versions/3`;

/** Every form that a program might write bytes in. */
function forms(bytes: Buffer): string[] {
  const text = bytes.toString();
  const inner = (value: string) => JSON.stringify(value).slice(1, -1);
  const ascii = inner(text).replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  // Wherever in a longer base64 it stands: without the letters that its neighbours have a part in.
  const within = [0, 1, 2].map((offset) => {
    const long = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    return long.slice(offset === 0 ? 0 : 4, Math.floor((bytes.length + offset) / 3) * 4);
  });
  const utf8 = Buffer.from(text).equals(bytes);
  const written = utf8 ? [text, inner(text), inner(inner(text)), ascii, encodeURIComponent(text), escape(text)] : [];
  const lines = text.split("\n").filter((line) => utf8 && line.length > 8);
  const hex = bytes.toString("hex");
  const base64 = within.flatMap((part) => [part, part.replaceAll("+", "-").replaceAll("/", "_")]);
  const list = [...bytes].join(",");
  return [...new Set([bytes.toString("latin1"), ...written, ...lines, hex, hex.toUpperCase(), ...base64, list])];
}

let cloud: FakeCloud;
let vault: VaultStandIn;
/** Answers first; identity tokens come after it. */
let meddle: FakeCloud["interfere"];
let machine: Machine;
const folder = mkdtempSync(join(tmpdir(), "moult-leaks-"));
const log = join(folder, "writes");
/** Notes what is written where, also what is gone again at once, and what other programs are started with. */
writeFileSync(
  join(folder, "before.cjs"),
  `const fs = require("node:fs"), cp = require("node:child_process");
const { appendFileSync, readlinkSync, writeSync, writeFileSync } = fs;
const note = (what, data) => appendFileSync.call(fs, ${JSON.stringify(log)}, JSON.stringify([what, Buffer.from(data).toString("latin1")]) + "\\n");
let noting = false;
for (const [name, real] of Object.entries({ writeSync, writeFileSync }))
  fs[name] = function (to, data, ...rest) {
    if (noting) return real.call(fs, to, data, ...rest);
    noting = true;
    try { note(typeof to === "number" ? readlinkSync("/proc/self/fd/" + to) : String(to), data); } finally { noting = false; }
    return real.call(fs, to, data, ...rest);
  };
for (const name of ["spawn", "spawnSync", "execFileSync"]) {
  const real = cp[name];
  cp[name] = function (file, args, ...rest) {
    noting = true;
    try { note("program", JSON.stringify([file, args])); } finally { noting = false; }
    return real.call(cp, file, args, ...rest);
  };
}`,
);

beforeEach(async () => {
  cloud = await startCloud();
  vault = await VaultStandIn.start();
  const { kid, key } = signIdentities(cloud);
  vault.googleKeys.set(kid, key);
  const identities = cloud.interfere;
  meddle = () => false;
  cloud.interfere = (...asked) => meddle(...asked) || identities(...asked);
  vault.root.role("gcp", "web", { policies: ["web"], seconds: 1_800, serviceAccounts: [account] });
  vault.root.policies.set("web", ["kv/data/web/*"]);
  vault.root.put("kv", "web/db", { password: inVault });
  for (const [name, bytes] of Object.entries(payloads)) cloud.secrets.set(version(name), bytes);
  cloud.instance.attributes.password = quietAttribute;
  cloud.instance.attributes["moult-release"] = JSON.stringify(release());
  fresh();
});
afterEach(async () => {
  await vault.close();
  await cloud.close();
  machine.remove();
});
afterAll(() => rmSync(folder, { recursive: true }));

function fresh(): void {
  writeFileSync(log, "");
  machine?.remove();
  machine = new Machine(cloud);
  mkdirSync(`${machine.root}/tmp`);
  machine.env = { TMPDIR: `${machine.root}/tmp`, NODE_OPTIONS: `--require ${folder}/before.cjs` };
  machine.bake(manifest());
}

const release = (more: Record<string, unknown> = {}) => ({
  release: "a".repeat(64),
  fleet: "web",
  image: { name: "web-1", id: "1" },
  secrets: {},
  reports: { bucket: "acme-reports", topic: "projects/acme/topics/moult-reports" },
  ...more,
});

const manifest = (more: Record<string, unknown> = {}, files: unknown[] = []) => ({
  manifest: 1,
  vaults: [{ address: vault.address, role: "web" }],
  secrets: {
    ...Object.fromEntries(Object.keys(payloads).map((name) => [name, version(name)])),
    vault: `${vault.reference}/kv/web/db?version=1#password`,
  },
  values: { color: quietValue },
  attributes: { password: { type: "text" } },
  environment: { PASSWORD: "{{ secrets.word }}", COLOR: "{{ values.color }}" },
  files: [
    { path: "/etc/web/bytes.key", secret: "bytes" },
    {
      path: "/etc/web/all.json",
      content: '{"a": {{ secrets.quotes }}, "b": "x{{ secrets.vault }}", "c": {{ secrets.word }}}',
    },
    { path: "/etc/web/bytes.txt", content: "{{ secrets.bytes | base64 }}" },
    { path: "/etc/web/plain", content: `${quietTemplate} {{ values.color }} {{ attributes.password }}` },
    ...files,
  ],
  units: [
    { name: "web.service", content: "[Service]\nExecStart=/bin/true\n", credentials: { key: { secret: "word" } } },
  ],
  ...more,
});

/** Every text that holds something, by where it stands. */
function everything(runs: readonly Run[], disk: boolean): [where: string, text: string][] {
  const said = runs.flatMap(({ stdout, stderr }, i): [string, string][] => [
    [`stdout ${i}`, stdout],
    [`stderr ${i}`, stderr],
  ]);
  const kept = (map: Map<string, string | Buffer>) =>
    [...map].map(([at, text]): [string, string] => [at, String(text)]);
  const reports = [...kept(cloud.guestAttributes), ...kept(cloud.objects).filter(([name]) => !/\/packs\//.test(name))];
  const asked = cloud.requests.map(({ path }): [string, string] => ["a request's path", path]);
  const records = ["/var/lib/moult/boots.json", "/run/moult-boots.json"].flatMap((path): [string, string][] =>
    existsSync(machine.root + path) ? [[path, machine.read(path)]] : [],
  );
  const all = [
    ...said,
    ...reports,
    ...asked,
    ...records,
    ["messages", JSON.stringify(cloud.published)] as [string, string],
  ];
  if (!disk) return all;
  const walk = (at: string): [string, string][] =>
    readdirSync(machine.root + at).flatMap((name) => {
      const path = `${at}/${name}`;
      const stat = lstatSync(machine.root + path);
      const own: [string, string] = ["a name", path];
      // The image may say what it likes, and this is memory.
      if (path === "/run/moult" || path === "/usr/lib/moult") return [];
      if (stat.isDirectory()) return [own, ...walk(path)];
      if (stat.isSymbolicLink()) return [own, [`link ${path}`, readlinkSync(machine.root + path)]];
      return [own, [path, readFileSync(machine.root + path, "latin1")], [`${path} as UTF-8`, machine.read(path)]];
    });
  const writes = readFileSync(log, "utf8")
    .trimEnd()
    .split("\n")
    .flatMap((line): [string, string][] => {
      const [to = "", data = ""]: string[] = line === "" ? [] : JSON.parse(line);
      const memory = to.startsWith(`${machine.root}/run/moult/`);
      return memory
        ? []
        : [
            [`written to ${to}`, data],
            [`written to ${to} as UTF-8`, Buffer.from(data, "latin1").toString()],
          ];
    });
  return [...all, ...walk(""), ...writes];
}

/** @param more further texts that count as secret here. */
function expectNoLeak(runs: readonly Run[], more: readonly string[] = []): void {
  const secret = [
    ...Object.values(payloads),
    ...[inVault, cloud.token, "hvs.", ...more].map((text) => Buffer.from(text)),
  ];
  const places = everything(runs, true);
  for (const bytes of secret)
    for (const form of forms(bytes))
      for (const [where, text] of places)
        if (form.length > 3 && text.includes(form)) throw new Error(`${where} has a secret as ${form.slice(0, 40)}`);
  for (const [where, text] of everything(runs, false))
    for (const value of quiet)
      for (const form of forms(Buffer.from(value))) expect(text.includes(form), where).toBe(false);
}

/** An answer with every secret in it, in its body and where a header allows it. */
function gossip(response: ServerResponse, status: number, body: Record<string, unknown> = {}): true {
  const told = Object.values(payloads).map((bytes) => bytes.toString());
  const words = {
    "Retry-After": "hunter2-Zq9vRk4tW8",
    "X-Goog-Reason": "hunter2-Zq9vRk4tW8",
    "Metadata-Flavor": "Google",
  };
  response.writeHead(status, words);
  response.end(JSON.stringify({ ...body, error: { code: status, message: told.join(" "), ...Object(body.error) } }));
  return true;
}
const secretsAnswer = (status: number, body?: Record<string, unknown>) => () => {
  meddle = (_request, response, path) => path.endsWith(":access") && gossip(response, status, body);
};
const changed = (change: (answer: { name: string; payload: Record<string, unknown> }) => unknown) => () => {
  meddle = (_request, response, path) => {
    const name = /^\/v1\/(.*):access$/.exec(path)?.[1] ?? "";
    const data = cloud.secrets.get(name)?.toString("base64");
    if (data === undefined) return false;
    const answer = change({ name, payload: { data } });
    response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
    return true;
  };
};
const vaultAnswers = (path: RegExp, status: number, body: string) => () => {
  vault.interfere = (request, response) => {
    if (!path.test(request.url ?? "")) return false;
    response.writeHead(status).end(body);
    return true;
  };
};
const first = async () => {
  expect(await machine.boot()).toMatchObject({ exit: 0 });
};
const bakes =
  (more: Record<string, unknown>, files: unknown[] = []) =>
  () =>
    machine.bake(manifest(more, files));
const word = payloads.word.toString();
const short = ["--deadline", "1"];

const ways: [way: string, exit: number, arrange: () => unknown, flags?: string[]][] = [
  ["nothing is wrong", 0, () => {}],
  ["one document is printed", 0, () => {}, ["--json"]],
  ["it becomes a command", 0, () => {}, ["--exec", "--", "true"]],
  [
    "it is the second boot, which makes secrets again",
    0,
    async () => {
      await first();
      machine.loseMemory();
    },
  ],
  [
    "the disk is a copy",
    0,
    async () => {
      await first();
      cloud.instance.id = "7774572792595385001";
    },
  ],
  [
    "reports are refused",
    0,
    () => {
      meddle = (_request, response, path) => /upload|guest-attributes/.test(path) && gossip(response, 403);
    },
  ],
  [
    "the application is never ready, and talks",
    0,
    bakes({
      units: [],
      ready: { command: ["/bin/gossip", "x"], within: "500ms" },
    }),
  ],
  [
    "a secret has more lines than its place",
    10,
    bakes({}, [{ path: "/etc/a", content: "x={{ secrets.quotes }}\n", format: "ini" }]),
  ],
  ["a secret is no text", 10, bakes({}, [{ path: "/etc/a.json", content: '{"a": {{ secrets.bytes }}}' }])],
  [
    "a name is not known",
    10,
    bakes({}, [{ path: "/etc/a", content: `${quietTemplate} {{ nobody }} ${quietTemplate}` }]),
  ],
  [
    "a template is cut off",
    10,
    bakes({}, [{ path: "/etc/a", content: `${quietTemplate} {{ secrets.word | ${quietTemplate}` }]),
  ],
  ["a value stands where a version belongs", 10, bakes({ secrets: { word } })],
  ["a value stands where an owner belongs", 10, bakes({}, [{ path: "/etc/a", content: "x", owner: quietValue }])],
  ["a value stands where a path belongs", 10, bakes({}, [{ path: quietValue, content: "x" }])],
  ["the manifest is cut off", 10, () => machine.bake(JSON.stringify(manifest()).slice(0, -20))],
  [
    "the release is cut off",
    10,
    () => {
      cloud.instance.attributes["moult-release"] = `{"release": "${quietAttribute}`;
    },
  ],
  [
    "the release has values where others belong",
    10,
    () => {
      cloud.instance.attributes["moult-release"] = JSON.stringify(
        release({
          fleet: quietAttribute,
          secrets: { word },
          image: word,
          reports: { bucket: `/${word}`, topic: word },
        }),
      );
    },
  ],
  [
    "the pack is not what its digest says",
    10,
    () => {
      const commit = putPack(cloud, "acme-config", manifest(), {});
      cloud.objects.set(
        `acme-config/packs/${commit}.json`,
        Buffer.from(`{"blobs":{},"commit":"${quietValue}","signatures":"${word}"}`),
      );
      cloud.instance.attributes["moult-release"] = JSON.stringify(
        release({ config: { bucket: "acme-config", commit } }),
      );
    },
  ],
  ["a secret is forbidden, and the answer talks", 11, secretsAnswer(403)],
  ["a secret does not exist, and the answer talks", 11, secretsAnswer(404)],
  ["a secret is disabled, and the answer talks", 11, secretsAnswer(400, { error: { status: "FAILED_PRECONDITION" } })],
  ["an answer has an odd status, and talks", 11, secretsAnswer(418)],
  ["a token is refused, and the answer talks", 11, secretsAnswer(401)],
  ["a checksum is wrong", 11, changed((answer) => ({ ...answer, payload: { ...answer.payload, dataCrc32c: "1" } }))],
  ["an answer is a failure for ever, and talks", 12, secretsAnswer(503), short],
  ["an answer is cut off", 11, changed((answer) => JSON.stringify(answer).slice(0, -3))],
  ["an answer is about another secret", 11, changed((answer) => ({ ...answer, name: word }))],
  ["an answer is of another shape", 11, changed((answer) => ({ ...answer, payload: { data: [word] } }))],
  [
    "the metadata are cut off",
    12,
    () => {
      meddle = (_request, response, path) => {
        if (!path.includes("recursive")) return false;
        response
          .writeHead(200, { "Metadata-Flavor": "Google" })
          .end(`{"instance": {"attributes": {"password": "${quietAttribute}`);
        return true;
      };
    },
    short,
  ],
  [
    "the token's answer is odd, and talks",
    12,
    () => {
      meddle = (_request, response, path) =>
        path.endsWith("/token") && gossip(response, 200, { access_token: `${word}\n` });
    },
    short,
  ],
  ["Vault refuses the login, and talks", 11, vaultAnswers(/login$/, 400, JSON.stringify({ errors: [inVault, word] }))],
  [
    "Vault refuses the secret, and talks",
    11,
    vaultAnswers(/kv/, 403, JSON.stringify({ errors: [inVault, "permission denied"] })),
  ],
  [
    "Vault has no such field",
    11,
    vaultAnswers(/kv/, 200, JSON.stringify({ data: { data: { other: inVault }, metadata: { version: 1 } } })),
  ],
  ["Vault answers with no JSON", 11, vaultAnswers(/kv/, 200, inVault)],
  ["Vault is out of order, and talks", 12, vaultAnswers(/kv/, 500, inVault), short],
  ["a destination is a folder", 13, () => mkdirSync(`${machine.root}/etc/web/all.json`, { recursive: true })],
  ["a parent is a file", 13, () => machine.write("/etc/web", word.slice(0, 3))],
  ["the command is missing", 13, () => {}, ["--exec", "--", "/nonexistent/command"]],
  [
    "a sealed file is changed",
    14,
    async () => {
      await first();
      machine.write("/etc/web/plain", "other");
    },
  ],
  [
    "the seal is cut off",
    14,
    async () => {
      await first();
      machine.write("/var/lib/moult/seal.json", machine.read("/var/lib/moult/seal.json").slice(0, -9));
    },
  ],
  ["the journal is cut off", 14, () => machine.write("/var/lib/moult/journal.json", '{"journal":1,"state":"renam')],
  [
    "the metadata server is gone at the second boot",
    12,
    async () => {
      await first();
      meddle = (_request, response, path) => path.startsWith("/computeMetadata") && gossip(response, 503);
    },
    short,
  ],
];

test.each(ways)(
  "no secret is in anything that is written, and no value in anything that is said, when %s",
  async (_way, exit, arrange, flags = []) => {
    machine.write(
      "/bin/gossip",
      `#!/bin/sh\necho '${word}' | tee /dev/stderr; exit 1\n`.replace(word, "g0ssip-$1"),
      0o755,
    );
    await arrange();
    const run = await machine.boot(...flags);
    expect(run.exit, run.stdout + run.stderr).toBe(exit);
    expectNoLeak([run]);
  },
);

test("nor in what any command for people prints, of a machine that is ready and of one that failed", async () => {
  for (const arrange of [() => {}, secretsAnswer(403)]) {
    fresh();
    await arrange();
    const boot = await machine.boot();
    const at = ["--root", machine.root];
    const manifestPath = `${machine.root}/usr/lib/moult/manifest.json`;
    const where = [
      "--metadata",
      cloud.address,
      ...["secretmanager", "storage"].flatMap((api) => ["--endpoint", `${api}=${cloud.url}`]),
    ];
    const runs = await Promise.all(
      [
        ["status", ...at],
        ["status", ...at, "--json"],
        ["verify", ...at],
        ["verify", ...at, "--json"],
        ["analyze", ...at],
        ["analyze", ...at, "--json"],
        ["check", manifestPath],
        ["check", manifestPath, "--json"],
        ["lint", ...at],
        ["lint", ...at, "--json"],
        ["render", ...at, ...where, "--json"],
        ["clean", ...at, "--dry-run"],
      ].map((words) => runAgent(...words)),
    );
    for (const run of runs) expect(run.exit, run.stdout + run.stderr).not.toBe(70);
    // What lint and check read of the image is the image's own, where values may stand.
    expectNoLeak([boot, ...runs]);
  }
});

test("a trace is found in every form, wherever it is", async () => {
  for (const bytes of [...Object.values(payloads), Buffer.from(inVault)])
    for (const form of forms(bytes)) {
      const run = { exit: 0, stdout: "", stderr: "", lines: [], last: "" };
      expect(() => expectNoLeak([{ ...run, stderr: `some ${form} here` }]), form).toThrow("stderr 0 has a secret");
      cloud.guestAttributes.set("moult/report", form);
      expect(() => expectNoLeak([run]), form).toThrow("moult/report has a secret");
      cloud.guestAttributes.clear();
    }
  const { word: plain } = payloads;
  machine.write("/var/log/x", Buffer.concat([Buffer.from([255, 0]), plain]));
  expect(() => expectNoLeak([])).toThrow("/var/log/x has a secret");
  rmSync(`${machine.root}/var`, { recursive: true });
  machine.write(`/srv/${plain}`, "");
  expect(() => expectNoLeak([])).toThrow("a name has a secret");
  rmSync(`${machine.root}/srv`, { recursive: true });
  await machine.boot();
  expect(readFileSync(log, "utf8")).toContain(`${machine.root}/run/moult/`);
  expect(readFileSync(log, "utf8")).toContain("/var/lib/moult/");
});
