import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { cloudOf, openRest } from "../../cli/cloud.ts";
import { createImage } from "../../cli/images/create.ts";
import type { Pin } from "../../cli/secrets/pins.ts";
import { until } from "../../cli/waiting.ts";
import type { Cloud } from "../../functions/controller/cloud.ts";
import { loadRecord } from "../../functions/controller/records.ts";
import type { FleetRecord } from "../../functions/core/record.ts";
import type { Rest } from "../../functions/google/rest.ts";
import type { Operation } from "../../wire/compute.d.ts";
import { type Program, type Ready, readyOf, start } from "../cli/program.ts";
import { type } from "../cli/screen.ts";

// OSTree's own example, on a fleet: an application that says its environment and port, `dev` (8000) and `uat` (80). One local
// cloud with moult's functions in it and machines that are real processes; the scenarios follow one another.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const PROJECT = "acme-config";
const ZONE = "us-central1-a";
const folder = mkdtempSync(join(tmpdir(), "moult-configuration-"));
const configuration = join(folder, "configuration");

let program: Program;
let ready: Ready;
let cloud: Cloud;
let root: Rest;
let stopped = false;

/** What each machine of a group has answered since it was watched, by its name: nothing but these. */
const answers = new Map<string, Set<string>>();

async function moult(...args: string[]): Promise<string> {
  const { code, out, err } = await type(args, { ...ready.env, MOULT_OPERATOR: "ada" });
  expect(code, `moult ${args.join(" ")}\n${out}${err}`).toBe(0);
  return out;
}

const config = (command: string, ...args: string[]) => moult("config", command, ...args, "--folder", configuration);

function write(name: string, text: string, below = configuration): void {
  const file = join(below, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const record = async (fleet: string): Promise<FleetRecord> => (await loadRecord(cloud.state, fleet)).record;

async function reach(fleet: string, what: string, there: (record: FleetRecord) => boolean): Promise<FleetRecord> {
  return until(
    what,
    async () => {
      const now = await record(fleet);
      return there(now) ? now : undefined;
    },
    { withinMs: 90_000, everyMs: 100, explain: async () => JSON.stringify((await record(fleet)).reasons) },
  );
}

const members = (group: string) =>
  cloud.compute(PROJECT).managedInstances({ location: ZONE, regional: false, name: group });

/** Name → id of the machines that stay. */
async function machines(group: string): Promise<Record<string, string>> {
  return Object.fromEntries(
    (await members(group))
      .filter(({ currentAction }) => currentAction === "NONE")
      .map(({ instance, id }) => [instance.split("/").at(-1) ?? "", id ?? ""]),
  );
}

async function addressOf(name: string): Promise<string | undefined> {
  return (await cloud.compute(PROJECT).instance(ZONE, name))?.networkInterfaces[0]?.networkIP;
}

/** Asks every machine that there is, again and again: what one machine says must never change. */
async function watch(): Promise<void> {
  while (!stopped) {
    for (const { instance, id } of await members("app").catch(() => [])) {
      const address = await addressOf(instance.split("/").at(-1) ?? "").catch(() => undefined);
      if (address === undefined) continue;
      const said = await fetch(`http://${address}:8080/`).then(
        (response) => response.text(),
        () => undefined,
      );
      if (said !== undefined) answers.set(id ?? "", new Set([...(answers.get(id ?? "") ?? []), said]));
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function say(group: string): Promise<string[]> {
  const names = Object.keys(await machines(group));
  const said = await Promise.all(
    names.map(async (name) => (await fetch(`http://${await addressOf(name)}:8080/`)).text()),
  );
  return [...new Set(said.map((text) => text.trim()))];
}

function fleetFile(fleet: string, more: string): string {
  const file = join(folder, `${fleet}.yaml`);
  writeFileSync(
    file,
    `fleet: ${fleet}
project: ${PROJECT}
groups: [{ zone: ${ZONE}, name: ${fleet}, base: app-base }]
follows: { family: app }
steps: [{ canary: 1, bake: 1s }, { share: 100% }]
finalBake: 1s
limits: { progress: 60s }
replace: { above: 2, missing: 0 }
${more}
`,
  );
  return file;
}

async function makeImage(): Promise<void> {
  const image = join(folder, "image");
  write(
    "etc/systemd/system/app.service",
    `[Unit]
Requires=moult-agent.service
After=moult-agent.service
[Service]
ExecStart=/usr/bin/node /opt/app/server.cjs /etc/app/app.json /etc/app/words
Restart=on-failure
RestartSec=1
[Install]
WantedBy=multi-user.target
`,
    image,
  );
  write(
    "opt/app/server.cjs",
    `const { readFileSync } = require("node:fs");
const config = JSON.parse(readFileSync(process.argv[2], "utf8"));
const words = readFileSync(process.argv[3], "utf8");
require("node:http").createServer((request, response) => {
  // Two files, so that a machine with one of each would be seen.
  response.end(\`env=\${config.environment} port=\${config.port}\\n\${words}\`);
}).listen(8080, config.address);
`,
    image,
  );
  // A machine that moult has told nothing has what is baked in.
  write(
    "usr/lib/moult/manifest.json",
    JSON.stringify({
      manifest: 1,
      files: [
        {
          path: "/etc/app/app.json",
          content: '{"address": "{{ network.ip }}", "environment": "baked", "port": 1}',
          format: "json",
        },
        { path: "/etc/app/words", content: "env=baked port=1\n" },
      ],
      units: ["app.service"],
      ready: { http: "http://{{ network.ip }}:8080/", within: "8s" },
    }),
    image,
  );
  await createImage(
    cloud.compute(PROJECT),
    { project: PROJECT, name: "app-v1", family: "app", from: [image], bucket: `${PROJECT}-images` },
    () => {},
  );
}

async function makeGroups(): Promise<void> {
  const compute = cloud.compute(PROJECT);
  const rest = openRest(ready.env.MOULT_COMPUTE_ENDPOINT ?? "");
  const insert = async (path: string, body: object) =>
    compute.waitFor(await rest.send<Operation>("POST", `projects/${PROJECT}/${path}`, body));
  await insert("global/instanceTemplates", {
    name: "app-base",
    properties: {
      machineType: "e2-small",
      disks: [
        {
          boot: true,
          autoDelete: true,
          initializeParams: { sourceImage: `projects/${PROJECT}/global/images/app-v1`, diskSizeGb: "10" },
        },
      ],
      networkInterfaces: [{ network: "global/networks/default" }],
      serviceAccounts: [
        {
          email: `app@${PROJECT}.iam.gserviceaccount.com`,
          scopes: ["https://www.googleapis.com/auth/cloud-platform"],
        },
      ],
    },
  });
  for (const name of ["app", "other"])
    await insert(`zones/${ZONE}/instanceGroupManagers`, {
      name,
      baseInstanceName: name,
      targetSize: 2,
      versions: [{ instanceTemplate: `projects/${PROJECT}/global/instanceTemplates/app-base` }],
    });
}

async function addVersion(value: string): Promise<void> {
  const data = Buffer.from(value).toString("base64");
  await root.send("POST", `v1/projects/${PROJECT}/secrets/app-key:addVersion`, { payload: { data } });
}

beforeAll(async () => {
  program = start([
    ...["emulator", "--functions", "--json", "--port", "0", "--grpc-port", "0"],
    ...["--project", PROJECT, "--state", join(folder, "state")],
  ]);
  ready = await readyOf(program);
  Object.assign(process.env, ready.env);
  cloud = cloudOf(ready.env);
  root = openRest(`${ready.url}/`);
  await makeImage();
  await makeGroups();
});

afterAll(async () => {
  stopped = true;
  program.child.kill("SIGTERM");
  await program.ended;
  await cloud.topics.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("the configuration of a fleet", () => {
  it("dev and uat are two commits of one folder, which differ in their values only", async () => {
    await moult("config", "init", configuration, "--project", PROJECT);
    write(
      "manifest.yaml",
      `manifest: 1
values: { environment: none, port: 0 }
files:
  - { path: /etc/app/app.json, template: app.json.tmpl, format: json }
  - { path: /etc/app/words, template: words.tmpl, format: text }
units: [app.service]
ready: { http: "http://{{ network.ip }}:8080/", within: 8s }
`,
    );
    write(
      "files/app.json.tmpl",
      '{"address": "{{ network.ip }}", "environment": {{ values.environment }}, "port": {{ values.port }}}\n',
    );
    write("files/words.tmpl", "env={{ values.environment }} port={{ values.port }}\n");
    write("values/dev.yaml", "environment: dev\nport: 8000\n");
    write("values/uat.yaml", "environment: uat\nport: 80\n");
    for (const ref of ["dev", "uat"])
      await config(
        "commit",
        "--ref",
        ref,
        "-m",
        `the ${ref} environment`,
        "--values",
        join(configuration, `values/${ref}.yaml`),
      );
    await config("push", "--all");
    expect(await config("refs")).toMatch(/dev[\s\S]*uat/);
    expect(await config("ls", "dev")).toMatch(/app\.json\.tmpl[\s\S]*words\.tmpl/);
    expect(await config("cat", "uat", "words.tmpl")).toBe("env={{ values.environment }} port={{ values.port }}\n");
    expect(await config("diff", "dev", "uat")).toMatch(/-.*dev[\s\S]*\+.*uat/);
  });

  it("a fleet taken on with a configuration keeps what it runs until a person says start", async () => {
    await moult("fleet", "apply", fleetFile("app", "config: { ref: dev }"));
    await reach("app", "the fleet to be taken on", ({ stable }) => stable !== null);
    expect(await say("app")).toEqual(["env=baked port=1\nenv=baked port=1"]);
    void watch();
    await moult("rollout", "start", "app");
    await reach("app", "the fleet to run dev", ({ active, stable }) => !active && stable?.adopted === false);
    expect(await say("app")).toEqual(["env=dev port=8000\nenv=dev port=8000"]);
  });

  it("the fleet is switched from dev to uat and back, machine by machine, each wholly the one or the other", async () => {
    for (const [ref, said] of [
      ["uat", "env=uat port=80\nenv=uat port=80"],
      ["dev", "env=dev port=8000\nenv=dev port=8000"],
    ] as const) {
      const before = await record("app");
      await moult("fleet", "apply", fleetFile("app", `config: { ref: ${ref} }`));
      await reach(
        "app",
        `the fleet to run ${ref}`,
        ({ active, stable }) => !active && stable?.release.configCommit !== before.stable?.release.configCommit,
      );
      expect(await say("app")).toEqual([said]);
    }
    expect((await record("app")).previous.length).toBeGreaterThan(0);
    for (const said of answers.values()) expect(said.size).toBe(1);
    expect(new Set([...answers.values()].flatMap((said) => [...said])).size).toBe(3);
  });

  it("a ref that is moved is a rollout, and moving it back is one too", async () => {
    const { rollouts, stable } = await record("app");
    write("values/dev.yaml", "environment: dev\nport: 8001\n");
    await config("commit", "--ref", "dev", "-m", "another port", "--values", join(configuration, "values/dev.yaml"));
    await config("push", "dev");
    await reach("app", "port 8001", ({ active, rollouts: now }) => !active && now === rollouts + 1);
    expect(await say("app")).toEqual(["env=dev port=8001\nenv=dev port=8001"]);
    await config("rollback", "dev", "--reason", "the other port was right");
    const { stable: now } = await reach(
      "app",
      "port 8000 again",
      ({ active, rollouts: made }) => !active && made === rollouts + 2,
    );
    expect(now?.release.digest).toBe(stable?.release.digest);
    expect(await say("app")).toEqual(["env=dev port=8000\nenv=dev port=8000"]);
  });

  it("a configuration that does not boot stops at one machine; the ref can be moved back, and nothing rolls", async () => {
    const { rollouts, stable } = await record("app");
    write("files/app.json.tmpl", '{"address": "127.0.0.1", "environment": "lost", "port": 1}\n');
    await config(
      "commit",
      "--ref",
      "dev",
      "-m",
      "listens where nobody hears it",
      "--values",
      join(configuration, "values/dev.yaml"),
    );
    await config("push", "dev");
    const { last, quarantine } = await reach(
      "app",
      "the bad configuration to be put back",
      ({ active, rollouts: made }) => !active && made === rollouts + 1,
    );
    expect(last).toMatchObject({ ending: "rolled-back" });
    expect(quarantine.at(-1)?.inputs).toEqual({ configCommit: expect.stringMatching(/^[0-9a-f]{64}$/) });
    await config("rollback", "dev");
    const after = await reach("app", "the fleet at rest", ({ reasons }) =>
      reasons.some(({ word }) => word === "up-to-date"),
    );
    expect(after.rollouts).toBe(rollouts + 1);
    expect(after.stable?.release.digest).toBe(stable?.release.digest);
  });

  it("rotating a secret replaces the machines that use it and no others", async () => {
    const topics = [{ name: `projects/${PROJECT}/topics/moult-secrets` }];
    await root.send(
      "POST",
      `v1/projects/${PROJECT}/secrets`,
      { replication: { automatic: {} }, topics },
      { secretId: "app-key" },
    );
    await addVersion("first-value-of-the-key");
    await moult("fleet", "apply", fleetFile("other", ""));
    await reach("other", "the other fleet to be taken on", ({ stable }) => stable !== null);
    const secrets = "secrets: { key: { secret: app-key, follows: latest-enabled } }\nsettle: 1s";
    await moult("fleet", "apply", fleetFile("app", `config: { ref: dev }\n${secrets}`));
    await reach("app", "the first version", ({ active, stable }) => !active && versionOf(stable) === 1);
    const before = { app: await machines("app"), other: await machines("other") };
    await addVersion("second-value-of-the-key");
    await reach("app", "the second version", ({ active, stable }) => !active && versionOf(stable) === 2);
    expect(Object.values(await machines("app")).filter((id) => Object.values(before.app).includes(id))).toEqual([]);
    expect(await machines("other")).toEqual(before.other);
    expect((await record("other")).rollouts).toBe(0);
  });

  it("secret pins says that no machine needs the old version; destroyed, it is missed by nobody", async () => {
    const { pins } = JSON.parse(await moult("secret", "pins", "app-key", "--json")) as { pins: Pin[] };
    expect(pins.map(({ version, verdict, instances }) => [version, verdict, instances.length])).toEqual([
      [2, "needed", 2],
      [1, "spare", 0],
    ]);
    await root.send("POST", `v1/projects/${PROJECT}/secrets/app-key/versions/1:destroy`, {});
    const [name = ""] = Object.keys(await machines("app"));
    const before = await machines("app");
    const rest = openRest(ready.env.MOULT_COMPUTE_ENDPOINT ?? "");
    const group = `projects/${PROJECT}/zones/${ZONE}/instanceGroupManagers/app`;
    await rest.send("POST", `${group}/recreateInstances`, { instances: [`zones/${ZONE}/instances/${name}`] });
    await until(
      "the machine made again to answer",
      async () => {
        const now = await machines("app");
        return now[name] !== undefined && now[name] !== before[name] && (await say("app").catch(() => [])).length === 1
          ? true
          : undefined;
      },
      { withinMs: 60_000, everyMs: 200 },
    );
    expect(await moult("secret", "pins")).toMatch(/app-key\s+2\s+ENABLED/);
  });

  it("a version that machines need and that is disabled is an alarm, in why and in pins, before anything fails", async () => {
    await root.send("POST", `v1/projects/${PROJECT}/secrets/app-key/versions/2:disable`, {});
    const alarmed = ({ reasons }: FleetRecord) => reasons.find(({ word }) => word === "secret-unavailable")?.text;
    const said = await reach("app", "the alarm", (now) => alarmed(now) !== undefined);
    expect(alarmed(said)).toMatch(/version 2 .*app-key.*disabled/);
    expect(await moult("why", "app")).toMatch(/gcloud secrets versions enable 2/);
    const { code, out } = await type(["secret", "pins", "app-key"], ready.env);
    expect(code).toBe(1);
    expect(out).toMatch(/DISABLED.*ALARM/);
    expect((await record("app")).active).toBeNull();
    await root.send("POST", `v1/projects/${PROJECT}/secrets/app-key/versions/2:enable`, {});
    await reach("app", "the alarm to end", (now) => alarmed(now) === undefined);
  });
});

function versionOf(stable: FleetRecord["stable"]): number {
  return Number(stable?.release.secrets.key?.split("/").at(-1));
}
