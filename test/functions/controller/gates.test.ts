import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readGates } from "../../../functions/controller/gates.ts";
import type { SeenGroup } from "../../../functions/controller/groups.ts";
import { type Question, SIGNATURE_HEADER, signatureOf } from "../../../functions/controller/webhook.ts";
import { instant } from "../../../functions/core/instants.ts";
import type { GateAnswer, MachineView } from "../../../functions/core/observation.ts";
import type { Gate, Policy } from "../../../functions/core/policy.ts";
import type { Rollout } from "../../../functions/core/rolloutrecord.ts";
import type { Compute } from "../../../functions/google/compute.ts";
import { Failure } from "../../../functions/google/failure.ts";
import type { Monitoring } from "../../../functions/google/monitoring.ts";
import { policyOf } from "../core/small-cloud.ts";
import { fakeCloud } from "./fakes.ts";

const key = Buffer.from("the key of the webhook, which nobody may see");
const rules = { inconclusive: "pause" as const, withinMs: 600_000 };
const place = { location: "us-central1-a", regional: false, name: "web", base: "web-base", wave: 1 };
const url = (name: string) =>
  `https://compute.googleapis.com/compute/v1/projects/p/zones/us-central1-a/instances/${name}`;

function machine(name: string, template = "web-new"): MachineView {
  return { name, id: `id-${name}`, status: "RUNNING", action: "NONE", template, errors: [] };
}

const group = (machines: MachineView[]): SeenGroup => ({
  ref: place,
  view: {
    fingerprint: "f",
    targetSize: machines.length,
    versions: [],
    updatePolicy: {},
    stateful: false,
    zones: 1,
    checked: true,
    machines,
    errors: [],
  },
  zones: new Map(machines.map(({ name }) => [name, "us-central1-a"])),
});

interface Setting {
  gate: Gate;
  phase?: Rollout["phase"];
  verdicts?: Rollout["gates"];
  machines?: MachineView[];
  compute?: Partial<Compute>;
  monitoring?: Partial<Monitoring>;
  value?: () => Promise<Uint8Array>;
}

async function asked({
  gate,
  phase = "gating",
  verdicts = {},
  machines = [machine("web-1"), machine("web-0", "web-old")],
  ...more
}: Setting) {
  const cloud = fakeCloud(more.compute);
  cloud.monitoring = { ...cloud.monitoring, ...more.monitoring };
  cloud.secrets = {
    ...cloud.secrets,
    enabled: async () => [3],
    value: more.value ?? (async () => key),
  };
  const policy: Policy = { ...policyOf(), gates: [gate] };
  const rollout = {
    id: "web-7",
    policy,
    kind: "forward",
    to: { digest: "d".repeat(64), image: { id: "1002", name: "web-2", project: "acme-prod" } },
    wave: 0,
    step: 0,
    phase,
    forwardFix: null,
    gates: verdicts,
    groups: { "us-central1-a/web": { from: {}, to: [], template: "web-new" } },
  } as unknown as Rollout;
  const answers = await readGates(cloud, cloud.compute("p"), rollout, [group(machines)]);
  return { answer: answers[gate.key], cloud };
}

const backend = { key: "lb", kind: "backend", backend: "web", region: null, ...rules } satisfies Gate;
const health = (...states: [string, string][]) => ({
  backendHealth: async () => ({
    healthStatus: states.map(([name, healthState]) => ({ instance: url(name), healthState })),
  }),
});

describe("a backend gate", () => {
  const long = { lb: { answer: "wait", text: "", since: instant(Date.UTC(2026, 10, 20, 11)), at: "" } } as const;
  it.each<[string, Omit<Setting, "gate">, GateAnswer["answer"], RegExp]>([
    [
      "passes when every new machine is HEALTHY, whatever the old ones are",
      { compute: health(["web-1", "HEALTHY"], ["web-0", "UNHEALTHY"]) },
      "pass",
      /all 1 new machines/,
    ],
    ["waits for one that is not yet", { compute: health(["web-1", "UNHEALTHY"]) }, "wait", /0 of 1 .*web-1 UNHEALTHY/],
    [
      "waits for one that is healthy on one port only",
      { compute: health(["web-1", "HEALTHY"], ["web-1", "UNHEALTHY"]) },
      "wait",
      /web-1 UNHEALTHY/,
    ],
    [
      "waits for one that the load balancer does not know",
      { compute: health(["web-0", "HEALTHY"]) },
      "wait",
      /web-1 is not known there/,
    ],
    [
      "fails when one is unhealthy after all the time it had",
      { compute: health(["web-1", "UNHEALTHY"]), verdicts: long },
      "fail",
      /web-1 UNHEALTHY/,
    ],
    [
      "does not blame the release when it is only unknown after that time",
      { compute: health(), verdicts: long },
      "wait",
      /not known/,
    ],
    ["proves nothing without a new machine", { compute: health(), machines: [] }, "wait", /no new machine/],
    [
      "says nothing when there is no such backend service",
      { compute: { backendHealth: async () => undefined } },
      "inconclusive",
      /backend service web does not exist; create it/,
    ],
    [
      "waits while Google is away",
      { compute: { backendHealth: () => Promise.reject(new Failure("unavailable", 503, "POST", "try later")) } },
      "wait",
      /could not be asked: POST: try later/,
    ],
    [
      "says which right is missing",
      {
        compute: {
          backendHealth: () => Promise.reject(new Failure("denied", 403, "POST", "compute.backendServices.get")),
        },
      },
      "inconclusive",
      /compute.backendServices.get.*Grant/,
    ],
  ])("%s", async (_, setting, expected, text) => {
    const { answer } = await asked({ gate: backend, ...setting });
    expect(answer).toEqual({ answer: expected, text: expect.stringMatching(text) });
  });

  it.each<[string, Partial<Setting>]>([
    ["before the step is at its gates", { phase: "baking" }],
    ["once it has answered", { verdicts: { lb: { answer: "inconclusive", text: "", since: "", at: "" } } }],
  ])("is not asked %s", async (_, setting) => {
    const backendHealth = () => expect.unreachable("it was asked");
    const { answer } = await asked({ gate: backend, compute: { backendHealth }, ...setting });
    expect(answer).toBeUndefined();
  });
});

describe("a metric gate", () => {
  const gate = (limits: object): Gate => ({
    key: "errors",
    kind: "metric",
    query: "rate(errors[5m])",
    ...limits,
    ...rules,
  });
  it.each<[string, object, Awaited<ReturnType<Monitoring["query"]>>, GateAnswer["answer"], RegExp]>([
    ["passes below its limit", { below: 0.01 }, { values: [0.002] }, "pass", /0.002, below 0.01/],
    ["fails at its limit", { below: 0.01 }, { values: [0.01] }, "fail", /must be below 0.01/],
    ["fails when it is not above what it must be", { above: 10 }, { values: [3] }, "fail", /must be above 10/],
    ["passes between two limits", { above: 1, below: 10 }, { values: [3] }, "pass", /below 10 and above 1/],
    [
      "fails above two limits, infinite or not",
      { above: 1, below: 10 },
      { values: [Number.POSITIVE_INFINITY] },
      "fail",
      /Infinity/,
    ],
    ["says nothing when nothing is found", { below: 1 }, { values: [] }, "inconclusive", /no value/],
    ["says nothing when several are found", { below: 1 }, { values: [0, 0] }, "inconclusive", /2 values/],
    ["says nothing for NaN", { below: 1 }, { values: [Number.NaN] }, "inconclusive", /NaN/],
    ["says nothing for a range", { below: 1 }, { other: "matrix" }, "inconclusive", /matrix/],
  ])("%s", async (_, limits, found, expected, text) => {
    const { answer } = await asked({ gate: gate(limits), monitoring: { query: async () => found } });
    expect(answer).toEqual({ answer: expected, text: expect.stringMatching(text) });
  });
});

describe("an alerts gate", () => {
  const gate: Gate = { key: "alerts", kind: "alerts", policy: "projects/acme-prod/alertPolicies/17", ...rules };
  const policy = { name: gate.policy, displayName: "Error budget", enabled: true };
  const open = { name: "projects/acme-prod/alerts/0.1", state: "OPEN" as const, openTime: "2026-11-20T11:59:00Z" };
  it.each<[string, Partial<Monitoring>, GateAnswer["answer"], RegExp]>([
    [
      "passes while none is open",
      { alertPolicy: async () => policy, openAlerts: async () => [] },
      "pass",
      /no alert of policy Error budget/,
    ],
    [
      "fails while one is open, and says since when",
      { alertPolicy: async () => policy, openAlerts: async () => [open] },
      "fail",
      /0.1 since 2026-11-20T11:59:00Z/,
    ],
    [
      "says nothing when there is no such policy",
      { alertPolicy: async () => undefined },
      "inconclusive",
      /does not exist/,
    ],
    [
      "says nothing when the policy is switched off",
      { alertPolicy: async () => ({ ...policy, enabled: false }) },
      "inconclusive",
      /switched off/,
    ],
  ])("%s", async (_, monitoring, expected, text) => {
    const { answer } = await asked({ gate, monitoring });
    expect(answer).toEqual({ answer: expected, text: expect.stringMatching(text) });
  });
});

describe("a webhook gate", () => {
  let server: Server;
  let at: string;
  let received: { body: string; signature: string; question: Question } | undefined;
  let reply: (question: Question) => { status?: number; body: string; signature?: string | null; location?: string };

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString("utf8");
      received = { body, signature: String(request.headers[SIGNATURE_HEADER]), question: JSON.parse(body) as Question };
      const { status = 200, body: said, signature = signatureOf(key, said), location } = reply(received.question);
      response.writeHead(status, {
        ...(signature !== null && { [SIGNATURE_HEADER]: signature }),
        ...(location && { location }),
      });
      response.end(said);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    at = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-path?token=t0ken`;
  });
  afterAll(() => server.close());
  beforeEach(() => {
    received = undefined;
  });

  const gate = (where = at): Gate => ({
    key: "tests",
    kind: "webhook",
    url: where,
    secret: { project: "acme-prod", secret: "hook-key", version: "newest" },
    ...rules,
  });
  const saying =
    (answer: string, more: object = {}) =>
    ({ nonce }: Question) => ({ body: JSON.stringify({ answer, nonce, ...more }) });

  it("is asked about the rollout, signed over the exact bytes", async () => {
    reply = saying("pass", { text: "all smoke tests passed" });
    const { answer } = await asked({ gate: gate() });
    expect(answer).toEqual({
      answer: "pass",
      text: expect.stringMatching(/^the webhook at 127\.0\.0\.1:\d+ says pass: all smoke tests passed$/),
    });
    expect(received?.signature).toBe(signatureOf(key, received?.body ?? ""));
    expect(received?.question).toEqual({
      fleet: "web",
      rollout: "web-7",
      wave: 1,
      step: "canary 1",
      release: "d".repeat(64),
      image: "web-2",
      machines: ["web-1"],
      nonce: expect.stringMatching(/^[0-9a-f-]{36}$/),
      at: "2026-11-20T12:00:00.000Z",
    });
  });

  it("is asked with a new nonce each time", async () => {
    reply = saying("wait");
    await asked({ gate: gate() });
    const first = received?.question.nonce;
    await asked({ gate: gate() });
    expect(received?.question.nonce).not.toBe(first);
  });

  it.each<[string, (question: Question) => ReturnType<typeof reply>, GateAnswer["answer"], RegExp]>([
    ["may say fail", saying("fail", { text: "p99 is 3s" }), "fail", /says fail: p99 is 3s/],
    ["may say wait", saying("wait"), "wait", /says wait$/],
    [
      "is not believed without a signature",
      (q) => ({ ...saying("pass")(q), signature: null }),
      "inconclusive",
      /without x-moult-signature/,
    ],
    [
      "is not believed with another key's",
      (q) => ({ ...saying("pass")(q), signature: signatureOf(Buffer.from("other"), saying("pass")(q).body) }),
      "inconclusive",
      /with a wrong/,
    ],
    [
      "is not believed with a signature over something else",
      (q) => ({ ...saying("pass")(q), signature: signatureOf(key, "{}") }),
      "inconclusive",
      /with a wrong/,
    ],
    [
      "is not believed with the answer to another question",
      () => ({ body: JSON.stringify({ answer: "pass", nonce: "old" }) }),
      "inconclusive",
      /another nonce/,
    ],
    ["is not believed when it says nothing that is known", saying("maybe"), "inconclusive", /did not answer pass/],
    ["is not believed when it is no JSON", () => ({ body: "pass" }), "inconclusive", /not JSON/],
    [
      "is not followed elsewhere",
      (q) => ({ ...saying("pass")(q), status: 302, location: at }),
      "inconclusive",
      /302; redirects/,
    ],
    [
      "is asked again when its server is broken",
      () => ({ status: 503, body: "busy" }),
      "wait",
      /503; it is asked again/,
    ],
    ["is refused when it is not found", () => ({ status: 404, body: "" }), "inconclusive", /answered 404$/],
    ["is not read for ever", () => ({ body: "x".repeat(70_000) }), "inconclusive", /more than 65536 bytes/],
    [
      "cannot move a person's cursor",
      saying("fail", { text: "\u001b[2Jgone\n\n  away" }),
      "fail",
      /says fail: \[2Jgone away$/,
    ],
  ])("%s", async (_, answers, expected, text) => {
    reply = answers;
    const { answer, cloud } = await asked({ gate: gate() });
    expect(answer).toEqual({ answer: expected, text: expect.stringMatching(text) });
    const said = JSON.stringify([answer, cloud.logged]);
    for (const hidden of [key.toString(), "t0ken", "secret-path"]) expect(said).not.toContain(hidden);
  });

  it("is asked again when nobody answers", async () => {
    const { answer } = await asked({ gate: gate("http://127.0.0.1:1/") });
    expect(answer).toMatchObject({ answer: "wait", text: expect.stringMatching(/did not answer/) });
  });

  it("is not asked without its key", async () => {
    reply = saying("pass");
    const value = () => Promise.reject(new Failure("denied", 403, "read the value", "secretmanager.versions.access"));
    const { answer } = await asked({ gate: gate(), value });
    expect(answer).toMatchObject({
      answer: "inconclusive",
      text: expect.stringMatching(/secretmanager.versions.access/),
    });
    expect(received).toBeUndefined();
  });
});
