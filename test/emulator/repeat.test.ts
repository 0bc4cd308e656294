import { expect, test } from "vitest";
import type { ManualClock } from "../../emulator/frame/clock.ts";
import { startEmulator } from "../../emulator/index.ts";

/** Method, path below the origin, body; or a time to let pass, in seconds. `{name}` stands for the first member of a group. */
type Step = [method: string, path: string, body?: unknown] | number;

const P = "projects/moult-local";
const C = `/compute/v1/${P}`;
const Z = `${C}/zones/us-central1-a`;
const R = `${C}/regions/us-central1`;
const GROUP = `${Z}/instanceGroupManagers/web`;
const IMAGE = { sourceImage: "projects/debian-cloud/global/images/family/debian-12" };
const template = (name: string): Step => [
  "POST",
  `${C}/global/instanceTemplates`,
  {
    name,
    properties: {
      machineType: "e2-small",
      disks: [
        { boot: true, initializeParams: { sourceImage: `${P}/global/images/base` } },
        { deviceName: "data", initializeParams: { diskSizeGb: "20" } },
      ],
      networkInterfaces: [{ network: "global/networks/default", accessConfigs: [{ type: "ONE_TO_ONE_NAT" }] }],
    },
  },
];
const versions = (name: string) => ({ versions: [{ instanceTemplate: `${P}/global/instanceTemplates/${name}` }] });
const looks = (at: string): Step[] => [
  ["GET", at],
  ["POST", `${at}/listManagedInstances`],
];

const SCENARIO: Step[] = [
  ["PUT", `/v1/${P}/topics/audit`, {}],
  ["PUT", `/v1/${P}/subscriptions/audit`, { topic: `${P}/topics/audit` }],
  [
    "POST",
    `/v2/${P}/sinks?uniqueWriterIdentity=true`,
    { name: "audit", destination: `pubsub.googleapis.com/${P}/topics/audit`, filter: "severity>=NOTICE" },
  ],
  // Chance has a part in it, by the seed.
  ["POST", "/emulator/faults", { match: { method: "logging.export" }, do: { drop: true }, probability: 0.3 }],
  ["POST", "/emulator/faults", { match: { method: "logging.export" }, do: { duplicate: true }, probability: 0.3 }],
  ["POST", `${C}/global/images`, { name: "base", family: "web", ...IMAGE }],
  1,
  template("one"),
  template("two"),
  1,
  ["POST", `${Z}/instanceGroupManagers`, { name: "web", targetSize: 5, ...versions("one") }],
  [
    "POST",
    `${R}/instanceGroupManagers`,
    { name: "wide", targetSize: 4, distributionPolicy: { targetShape: "ANY" }, ...versions("one") },
  ],
  ["POST", `${R}/addresses`, { name: "front" }],
  ["POST", `${C}/global/addresses`, { name: "world" }],
  5,
  ...looks(GROUP),
  ...looks(`${R}/instanceGroupManagers/wide`),
  ["GET", `${Z}/instances`],
  ["POST", `${GROUP}/resize?size=7`],
  3,
  ["POST", `${GROUP}/recreateInstances`, { instances: ["zones/us-central1-a/instances/{name}"] }],
  5,
  ["PATCH", GROUP, { ...versions("two"), updatePolicy: { type: "PROACTIVE", maxSurge: { fixed: 2 } } }],
  ...[1, 1, 1, 1, 5].flatMap((seconds): Step[] => [seconds, ...looks(GROUP)]),
  ["POST", "/emulator/machines/behaviours", { instance: "*", health: "UNHEALTHY", from: 0, to: 20 }],
  [
    "PATCH",
    GROUP,
    {
      updatePolicy: { type: "OPPORTUNISTIC" },
      statefulPolicy: { preservedState: { disks: { data: {} }, externalIPs: { nic0: {} }, internalIPs: { nic0: {} } } },
    },
  ],
  2,
  ["POST", `${GROUP}/recreateInstances`, { instances: ["zones/us-central1-a/instances/{name}"] }],
  5,
  ...looks(GROUP),
  ["GET", `${C}/aggregated/addresses`],
  ["GET", `${C}/aggregated/disks`],
  ["DELETE", `${Z}/instances/{name}`],
  5,
  ...looks(GROUP),
  ["GET", `${GROUP}/listErrors`],
  ["POST", `/v1/${P}/secrets?secretId=key`, { replication: { automatic: {} } }],
  ...["b25l", "dHdv"].map((data): Step => ["POST", `/v1/${P}/secrets/key:addVersion`, { payload: { data } }]),
  ["GET", `/v1/${P}/secrets/key/versions/latest:access`],
  ["GET", `/v1/${P}/secrets/key/versions`],
  ["POST", "/storage/v1/b?project=moult-local", { name: "ledger" }],
  ...Array.from(
    { length: 10 },
    (_, i): Step => ["POST", `/upload/storage/v1/b/ledger/o?uploadType=media&name=n${i}`, { i }],
  ),
  ["GET", "/storage/v1/b/ledger/o"],
  ["DELETE", "/storage/v1/b/ledger/o/n3"],
  ["GET", "/storage/v1/b/ledger/o/n4"],
  ...Array.from(
    { length: 10 },
    (_, i): Step => [
      "POST",
      `/v1/${P}/topics/audit:publish`,
      { messages: [{ data: "aGk=", attributes: { i: String(i) } }] },
    ],
  ),
  [
    "POST",
    `/v1/${P}/locations/us-central1/jobs`,
    {
      name: `${P}/locations/us-central1/jobs/tick`,
      schedule: "* * * * *",
      pubsubTarget: { topicName: `${P}/topics/audit`, data: "dGljaw==" },
    },
  ],
  180,
  ["GET", `/v1/${P}/locations/us-central1/jobs/tick`],
  ...Array.from(
    { length: 6 },
    (): Step => ["POST", `/v1/${P}/subscriptions/audit:pull`, { maxMessages: 20, returnImmediately: true }],
  ),
  ["DELETE", GROUP],
  ["DELETE", `${R}/instanceGroupManagers/wide`],
  10,
  ["GET", `${Z}/operations`],
  ["GET", `${R}/operations`],
  ["GET", `${C}/aggregated/addresses`],
  ...["addresses", "autoscalers", "instances", "instanceGroupManagers", "instanceGroups", "instanceTemplates"].map(
    (collection): Step => ["GET", `${C}/aggregated/${collection}`],
  ),
  ...["images", "healthChecks", "operations", "addresses"].map(
    (collection): Step => ["GET", `${C}/global/${collection}`],
  ),
  ...["topics", "subscriptions", "secrets", "locations/us-central1/jobs"].map(
    (collection): Step => ["GET", `/v1/${P}/${collection}`],
  ),
  // Refusals, too.
  ["GET", GROUP],
  ["POST", `${C}/global/images`, { name: "base", ...IMAGE }],
  ["DELETE", `${C}/global/instanceTemplates/none`],
  ["POST", "/v2/entries:list", { resourceNames: [P], pageSize: 1000 }],
];

/** Runs the scenario in an emulator of its own; every answer as it came, byte for byte. */
async function run(seed: string, port: number): Promise<{ port: number; answers: string[] }> {
  const emulator = await startEmulator({ instances: "virtual", clock: "manual", seed, port });
  const answers: string[] = [];
  let name = "";
  try {
    for (const step of SCENARIO) {
      if (typeof step === "number") {
        await (emulator.clock as ManualClock).advance(step * 1000);
        continue;
      }
      const [method, path, body] = step;
      const fill = (text: string) => text.replaceAll("{name}", name);
      const response = await fetch(`${emulator.url}${fill(path)}`, {
        method,
        // A connection kept from the emulator before, on the same port, would be a dead one.
        headers: { "content-type": "application/json", connection: "close" },
        ...(body !== undefined && { body: fill(JSON.stringify(body)) }),
      });
      const text = await response.text();
      answers.push(`${method} ${fill(path)} ${response.status} ${text}`);
      if (path === `${GROUP}/listManagedInstances`) name = /"name":"(web-\w+)"/.exec(text)?.[1] ?? name;
    }
  } finally {
    await emulator.close();
  }
  return { port: Number(new URL(emulator.url).port), answers };
}

test("the same script with the same seed gives the same answers and the same audit trail, byte for byte", async () => {
  const first = await run("seven", 0);
  // Links name the port: only on the same one can all bytes be the same.
  const second = await run("seven", first.port);
  expect(first.answers.length).toBeGreaterThanOrEqual(100);
  for (const [i, answer] of first.answers.entries()) expect(second.answers[i]).toBe(answer);
  const audit = first.answers.at(-1) ?? "";
  for (const word of [
    "instances.insert",
    "CreateTopic",
    "storage.buckets.create",
    "AddSecretVersion",
    "recreateInstance",
  ])
    expect(audit).toContain(word);

  const third = await run("eight", first.port);
  const membersOf = (answers: string[]) =>
    new Set(answers.flatMap((answer) => [...answer.matchAll(/"name":"(web-\w+)"/g)].map(([, name]) => name)));
  const both = [...membersOf(first.answers)].filter((name) => membersOf(third.answers).has(name));
  expect(membersOf(first.answers).size).toBeGreaterThan(10);
  expect(both).toEqual([]);
  const ids = (answers: string[]) => new Set(answers.flatMap((answer) => answer.match(/"id":"\d{15,}"/g) ?? []));
  expect([...ids(first.answers)].filter((id) => ids(third.answers).has(id))).toEqual([]);
}, 60_000);
