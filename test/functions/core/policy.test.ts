import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FIELDS, readPolicy } from "../../../functions/core/fleetfile/read.ts";
import type { Policy } from "../../../functions/core/policy.ts";

const good = {
  fleet: "web",
  project: "acme-prod",
  groups: [{ zone: "us-central1-a", name: "web", base: "web-base" }],
  follows: { family: "web" },
};

function policyOf(more: Record<string, unknown>): Policy {
  const read = readPolicy({ ...good, ...more });
  if ("findings" in read) throw new Error(JSON.stringify(read.findings));
  return read.policy;
}

const hook = { webhook: "https://checks.example.com/web", key: { secret: "check" } };
const metric = { metric: "up", below: 1 };
const window = { days: "mon-fri", from: "09:00", to: "17:00", zone: "Europe/Berlin" };

describe("a fleet file", () => {
  it("gets every default it leaves out", () => {
    expect(policyOf({})).toEqual({
      fleet: "web",
      project: "acme-prod",
      groups: [{ location: "us-central1-a", regional: false, name: "web", base: "web-base", wave: 1 }],
      follows: { family: "web", project: "acme-prod" },
      config: null,
      secrets: {},
      settleMs: 60_000,
      mode: "auto",
      steps: [
        { canary: 1, bakeMs: 300_000 },
        { share: 1, bakeMs: 0 },
      ],
      finalBakeMs: 600_000,
      gates: [
        { key: "reports", kind: "reports" },
        { key: "health", kind: "health" },
      ],
      limits: { failedMachines: 1, progressMs: 1_200_000, pausedMs: null },
      replace: { above: 1, missing: 0, scarce: null },
      windows: [],
      budget: null,
      accept: { singleMachine: false },
    });
  });

  it.each<[string, Record<string, unknown>, unknown]>([
    [
      "a regional group is named by its region",
      { groups: [{ region: "us-central1", name: "web", base: "web-base", wave: 2 }] },
      { groups: [{ location: "us-central1", regional: true, name: "web", base: "web-base", wave: 2 }] },
    ],
    [
      "a secret follows its newest enabled version, by three names and by default",
      {
        secrets: {
          a: { secret: "s", follows: "latest-enabled" },
          b: { secret: "s", follows: "newest-enabled" },
          c: { secret: "s", version: "newest" },
          d: { secret: "s" },
        },
      },
      {
        secrets: Object.fromEntries(
          ["a", "b", "c", "d"].map((name) => [name, { secret: "s", project: "acme-prod", version: "newest" }]),
        ),
      },
    ],
    [
      "a secret follows an alias, in a region",
      { secrets: { a: { secret: "s", follows: "current", location: "europe-west4", project: "acme-shared" } } },
      {
        secrets: {
          a: { secret: "s", project: "acme-shared", location: "europe-west4", version: { alias: "current" } },
        },
      },
    ],
    ["settling is for no time", { settle: "0s" }, { settleMs: 0 }],
    ["settling is for ten minutes", { settle: "600s" }, { settleMs: 600_000 }],
    [
      "groups of one name in a zone and in its region are two",
      {
        groups: [...good.groups, { region: "us-central1", name: "web", base: "web-base" }],
      },
      { groups: [{ location: "us-central1-a" }, { location: "us-central1" }] },
    ],
    [
      "another fleet is followed after its soak time",
      { follows: { fleet: "web-dev", soak: "2h" } },
      { follows: { fleet: "web-dev", bucket: null, soakMs: 7_200_000 } },
    ],
    [
      "a fleet of the same name in another installation is another fleet",
      { follows: { fleet: "web", soak: "0s", bucket: "acme-dev-moult-state" } },
      { follows: { fleet: "web", bucket: "acme-dev-moult-state", soakMs: 0 } },
    ],
    ["each release may wait for a person", { mode: "approve" }, { mode: "approve" }],
    [
      "a step may wait for a person, and says nothing of it otherwise",
      { steps: [{ canary: 2, approval: true }, { share: "50%", approval: false }, { share: "100%" }] },
      {
        steps: [
          { canary: 2, bakeMs: 0, approval: true },
          { share: 0.5, bakeMs: 0 },
          { share: 1, bakeMs: 0 },
        ],
      },
    ],
    ["failures may be a share", { limits: { failedMachines: "5%" } }, { limits: { failedMachines: { share: 0.05 } } }],
    [
      "moult's own pause may end, and scarce room be made do with",
      { limits: { paused: "1d" }, replace: { above: 3, scarce: 1 } },
      { limits: { pausedMs: 86_400_000 }, replace: { above: 3, missing: 0, scarce: 1 } },
    ],
    [
      "one cap is enough for a budget",
      { budget: { name: "all", perHour: 10 } },
      { budget: { name: "all", machines: null, perHour: 10 } },
    ],
    ["a risk is taken on in writing", { accept: { singleMachine: true } }, { accept: { singleMachine: true } }],
    [
      "a window may go over midnight, and days be ranges, lists and both",
      {
        windows: [
          { days: "fri-mon", from: "22:00", to: "04:30", zone: "UTC" },
          { days: ["wed", "mon,tue", "mon"], from: "00:00", to: "00:00", zone: "Asia/Kolkata" },
        ],
      },
      {
        windows: [
          { days: [1, 5, 6, 7], from: 1320, to: 270, zone: "UTC" },
          { days: [1, 2, 3], from: 0, to: 0, zone: "Asia/Kolkata" },
        ],
      },
    ],
    [
      "a secret may be called as a property of every object is",
      { secrets: JSON.parse('{ "__proto__": { "secret": "a" }, "constructor": { "secret": "b" } }') },
      { secrets: { constructor: { secret: "b", project: "acme-prod", version: "newest" } } },
    ],
  ])("%s", (_, more, expected) => {
    expect(policyOf(more)).toMatchObject(expected as object);
  });

  it("names gates by what they ask, and fills in what an answer that is none does", () => {
    const rules = { inconclusive: "pause", withinMs: 600_000 };
    const query = "sum(rate(http_requests_total{code=~'5..'}[5m]))\n  / sum(rate(http_requests_total[5m]))";
    const { gates } = policyOf({
      gates: [
        "reports",
        "approval",
        { backend: "web" },
        { backend: "web", region: "europe-west4", inconclusive: "rollback", within: "90s" },
        { metric: query, below: 0.01 },
        { metric: query, above: -1, inconclusive: "proceed" },
        { alerts: "projects/acme-prod/alertPolicies/42" },
        { webhook: "https://checks.example.com:8443/web?token=hush", key: { secret: "check", version: 2 } },
        { webhook: "http://localhost:9000/ok", key: { secret: "check", project: "acme-shared" } },
      ],
    });
    expect(gates).toEqual([
      { key: "reports", kind: "reports" },
      { key: "approval", kind: "approval" },
      { key: "backend web", kind: "backend", backend: "web", region: null, ...rules },
      {
        key: "backend web in europe-west4",
        kind: "backend",
        backend: "web",
        region: "europe-west4",
        inconclusive: "rollback",
        withinMs: 90_000,
      },
      { key: "metric sum(rate(http_requests_total{code=~'5..'", kind: "metric", query, below: 0.01, ...rules },
      {
        key: "metric sum(rate(http_requests_total{code=~'5..' (2)",
        kind: "metric",
        query,
        above: -1,
        inconclusive: "proceed",
        withinMs: 600_000,
      },
      { key: "alerts 42", kind: "alerts", policy: "projects/acme-prod/alertPolicies/42", ...rules },
      {
        key: "webhook checks.example.com:8443/web",
        kind: "webhook",
        url: "https://checks.example.com:8443/web?token=hush",
        secret: { secret: "check", project: "acme-prod", version: 2 },
        ...rules,
      },
      {
        key: "webhook localhost:9000/ok",
        kind: "webhook",
        url: "http://localhost:9000/ok",
        secret: { secret: "check", project: "acme-shared", version: "newest" },
        ...rules,
      },
    ]);
  });

  it.each<[string, unknown, string, string, RegExp]>([
    [
      "an unknown field is named with the one that was meant",
      { follow: {} },
      "follow",
      "unknown-field",
      /Did you mean "follows"/,
    ],
    ["an unknown field deep inside", { limits: { failed: 1 } }, "limits.failed", "unknown-field", /failedMachines/],
    ["a field that every object has", { toString: 1 }, "toString", "unknown-field", /known are/],
    [
      "a group without a base",
      { groups: [{ zone: "us-central1-a", name: "web" }] },
      "groups[0].base",
      "missing-field",
      /base instance template/,
    ],
    [
      "a group without a place",
      { groups: [{ name: "web", base: "b" }] },
      "groups[0]",
      "missing-field",
      /zone of a zonal group.*or the region/,
    ],
    [
      "a group with two places",
      { groups: [{ zone: "us-central1-a", region: "us-central1", name: "web", base: "b" }] },
      "groups[0]",
      "bad-value",
      /a zone and a region/,
    ],
    [
      "a zone in place of a region",
      { groups: [{ region: "us-central1-a", name: "web", base: "b" }] },
      "groups[0].region",
      "bad-value",
      /a region such as us-central1/,
    ],
    ["the same group twice", { groups: [...good.groups, ...good.groups] }, "groups[1]", "duplicate", /second time/],
    ["two things to follow", { follows: { family: "a", fleet: "b" } }, "follows", "bad-value", /keep family/],
    [
      "a fleet that follows itself",
      { follows: { fleet: "web", soak: "1h" } },
      "follows.fleet",
      "bad-value",
      /the fleet itself/,
    ],
    [
      "a fleet to follow without a soak time",
      { follows: { fleet: "web-dev" } },
      "follows.soak",
      "missing-field",
      /stable in web-dev, e.g. 2h/,
    ],
    [
      "a soak time of a family",
      { follows: { family: "web", soak: "1h" } },
      "follows.soak",
      "bad-value",
      /belongs to follows.fleet/,
    ],
    [
      "a project of a fleet to follow",
      { follows: { fleet: "dev", soak: "1h", project: "acme-dev" } },
      "follows.project",
      "bad-value",
      /belongs to follows.family/,
    ],
    ["a mode that is nearly one", { mode: "approv" }, "mode", "bad-value", /auto, approve or observe.*"approve"/],
    ["a duration without a unit", { finalBake: "10" }, "finalBake", "bad-value", /5m/],
    [
      "a duration that no instant can be counted from",
      { finalBake: "99999999999999d" },
      "finalBake",
      "bad-value",
      /365d/,
    ],
    [
      "a deadline that has passed when it begins",
      { limits: { progress: "0s" } },
      "limits.progress",
      "bad-value",
      /longer than nothing/,
    ],
    [
      "a canary that is not first",
      { steps: [{ share: "50%" }, { canary: 1 }, { share: "100%" }] },
      "steps[1].canary",
      "bad-value",
      /first/,
    ],
    [
      "a canary of 1e300 machines",
      { steps: [{ canary: 1e300 }, { share: "100%" }] },
      "steps[0].canary",
      "bad-value",
      /at most/,
    ],
    [
      "shares that shrink",
      { steps: [{ share: "50%" }, { share: "25%" }, { share: "100%" }] },
      "steps",
      "bad-value",
      /cumulative/,
    ],
    [
      "a share of nothing",
      { steps: [{ share: "0%" }, { share: "100%" }] },
      "steps[0].share",
      "bad-value",
      /1% to 100%/,
    ],
    ["a last step that is not all", { steps: [{ canary: 1 }] }, "steps", "bad-value", /100%/],
    [
      "an approval with nothing after it",
      { steps: [{ canary: 1 }, { share: "100%", approval: true }] },
      "steps[1].approval",
      "bad-value",
      /none does/,
    ],
    ["nothing may be replaced", { replace: { above: 0, missing: 0 } }, "replace", "bad-value", /at least one/],
    [
      "scarce that gains nothing",
      { replace: { above: 1, missing: 2, scarce: 2 } },
      "replace.scarce",
      "bad-value",
      /more than missing \(2\)/,
    ],
    ["scarce of nothing", { replace: { scarce: 0 } }, "replace.scarce", "bad-value", /at least 1/],
    [
      "scarce where room is never asked for",
      { replace: { above: 0, missing: 1, scarce: 2 } },
      "replace.scarce",
      "bad-value",
      /leave it out/,
    ],
    [
      "latest is no version",
      { secrets: { a: { secret: "b", version: "latest" } } },
      "secrets.a.version",
      "bad-value",
      /newest/,
    ],
    [
      "a secret that is pinned and follows",
      { secrets: { a: { secret: "b", version: 3, follows: "latest-enabled" } } },
      "secrets.a",
      "bad-value",
      /keep version to pin a number, or follows/,
    ],
    [
      "latest is nothing to follow either: it may be disabled",
      { secrets: { a: { secret: "b", follows: "latest" } } },
      "secrets.a.follows",
      "bad-value",
      /latest-enabled, or one of the secret's own version aliases/,
    ],
    [
      "newest is a version, not what a secret follows",
      { secrets: { a: { secret: "b", follows: "newest" } } },
      "secrets.a.follows",
      "bad-value",
      /latest-enabled/,
    ],
    [
      "an alias is not a version",
      { secrets: { a: { secret: "b", version: "current" } } },
      "secrets.a.version",
      "bad-value",
      /an alias is followed with follows/,
    ],
    [
      "a secret in no region",
      { secrets: { a: { secret: "b", location: "europe" } } },
      "secrets.a.location",
      "bad-value",
      /region of a regional secret/,
    ],
    ["settling for longer than ten minutes", { settle: "11m" }, "settle", "bad-value", /at most 10m/],
    ["settling for no time that is one", { settle: 60 }, "settle", "bad-value", /duration/],
    [
      "failures of less than one",
      { limits: { failedMachines: 0 } },
      "limits.failedMachines",
      "bad-value",
      /at least 1/,
    ],
    ["failures in words", { limits: { failedMachines: "few" } }, "limits.failedMachines", "bad-value", /percentage/],
    ["gates that are no list", { gates: "reports" }, "gates", "wrong-type", /list/],
    ["a gate that is nearly one", { gates: ["report"] }, "gates[0]", "bad-value", /Did you mean "reports"/],
    ["the same gate twice", { gates: ["health", "health"] }, "gates[1]", "duplicate", /gates\[0\] asks already/],
    [
      "the same question with another answer to silence",
      { gates: [metric, { ...metric, inconclusive: "proceed", within: "1m" }] },
      "gates[1]",
      "duplicate",
      /keep one/,
    ],
    ["a gate that asks nothing", { gates: [{ within: "1m" }] }, "gates[0]", "missing-field", /asks nothing/],
    [
      "a gate's field that is nearly one",
      { gates: [{ bakend: "web" }] },
      "gates[0].bakend",
      "unknown-field",
      /"backend"/,
    ],
    [
      "a gate that asks two things",
      { gates: [{ ...metric, backend: "web" }] },
      "gates[0]",
      "bad-value",
      /make two gates/,
    ],
    ["a metric without a bound", { gates: [{ metric: "up" }] }, "gates[0]", "missing-field", /below, above, or both/],
    [
      "a metric that passes for nothing",
      { gates: [{ metric: "up", above: 2, below: 1 }] },
      "gates[0]",
      "bad-value",
      /passes for no value/,
    ],
    ["a bound that is no number", { gates: [{ metric: "up", above: "1" }] }, "gates[0].above", "bad-value", /a number/],
    [
      "an alert policy by its display name",
      { gates: [{ alerts: "errors" }] },
      "gates[0].alerts",
      "bad-value",
      /full name/,
    ],
    [
      "a webhook without a key",
      { gates: [{ webhook: hook.webhook }] },
      "gates[0].key",
      "missing-field",
      /both sides sign/,
    ],
    [
      "a webhook in the clear",
      { gates: [{ ...hook, webhook: "http://checks.example.com" }] },
      "gates[0].webhook",
      "bad-value",
      /https/,
    ],
    [
      "a webhook that only begins like this machine",
      { gates: [{ ...hook, webhook: "http://localhost.example.com" }] },
      "gates[0].webhook",
      "bad-value",
      /https/,
    ],
    [
      "a webhook with a password",
      { gates: [{ ...hook, webhook: "https://me:secret@checks.example.com" }] },
      "gates[0].webhook",
      "bad-value",
      /without user or password/,
    ],
    [
      "an answer to silence that is none",
      { gates: [{ ...hook, inconclusive: "pass" }] },
      "gates[0].inconclusive",
      "bad-value",
      /pause, rollback or proceed/,
    ],
    ["no windows at all", { windows: [] }, "windows", "bad-value", /always or never/],
    ["a day that is none", { windows: [{ ...window, days: "mon-fry" }] }, "windows[0].days", "bad-value", /mon-fri/],
    ["no day", { windows: [{ ...window, days: [] }] }, "windows[0].days", "bad-value", /mon-fri/],
    ["a clock without its zero", { windows: [{ ...window, from: "9:00" }] }, "windows[0].from", "bad-value", /"00:00"/],
    [
      "a clock as YAML 1.1 reads it",
      { windows: [{ ...window, from: 540 }] },
      "windows[0].from",
      "wrong-type",
      /in quotes/,
    ],
    [
      "a zone that is nearly one",
      { windows: [{ ...window, zone: "Europe/Berln" }] },
      "windows[0].zone",
      "bad-value",
      /"Europe\/Berlin"/,
    ],
    [
      "an offset in place of a zone",
      { windows: [{ ...window, zone: "+01:00" }] },
      "windows[0].zone",
      "bad-value",
      /IANA/,
    ],
    ["a budget that caps nothing", { budget: { name: "all" } }, "budget", "missing-field", /caps nothing/],
    ["a budget without a name", { budget: { machines: 3 } }, "budget.name", "missing-field", /share it/],
    [
      "a risk in other words",
      { accept: { singleMachine: "yes" } },
      "accept.singleMachine",
      "wrong-type",
      /true or false/,
    ],
    [
      "what later versions will know is refused, not ignored",
      { drift: "report" },
      "drift",
      "not-supported",
      /not supported yet/,
    ],
    ["draining, too", { select: "drained" }, "select", "not-supported", /not supported yet/],
  ])("refuses %s", (_, more, path, code, message) => {
    const read = readPolicy({ ...good, ...(more as object) });
    expect(read).toHaveProperty("findings");
    expect("findings" in read && read.findings).toContainEqual({ path, code, message: expect.stringMatching(message) });
  });

  it("refuses what is not a mapping", () => {
    expect(readPolicy([])).toEqual({
      findings: [{ path: "", code: "wrong-type", message: expect.stringMatching(/mapping/) }],
    });
  });

  it("says everything that is wrong at once", () => {
    const read = readPolicy({
      fleet: "Web",
      project: 3,
      groups: [],
      follows: {},
      gates: ["nothing", { webhook: "ftp://a" }],
      windows: [{}],
    });
    expect("findings" in read && read.findings.map(({ path }) => path).sort()).toEqual([
      "fleet",
      "follows.family",
      "gates[0]",
      "gates[1].key",
      "gates[1].webhook",
      "groups",
      "project",
      "windows[0].days",
      "windows[0].from",
      "windows[0].to",
      "windows[0].zone",
    ]);
  });

  it("echoes no address of a webhook, which may hold a token", () => {
    const read = readPolicy({ ...good, gates: [{ webhook: "http://a.example/?token=hush" }] });
    expect(JSON.stringify(read)).not.toContain("hush");
  });

  it("never throws, whatever the document is", () => {
    fc.assert(
      fc.property(fc.anything(), (document) => {
        const read = readPolicy(document);
        expect("policy" in read || read.findings.length > 0).toBe(true);
      }),
    );
  });

  it("survives any damage to a field of a good file", () => {
    fc.assert(
      fc.property(fc.constantFrom(...FIELDS), fc.jsonValue(), (field, value) => {
        const read = readPolicy({ ...good, [field]: value });
        expect("policy" in read || read.findings.every(({ message }) => message.length > 10)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
