import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { gunzipSync } from "node:zlib";
import { getTestServer } from "@google-cloud/functions-framework/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readArgs } from "../../cli/args.ts";
import { COMMANDS } from "../../cli/registry.ts";
import { shown } from "../../functions/controller/status/evidence.ts";
import type { FleetView } from "../../functions/controller/status/fleet.ts";
import type { FleetsView } from "../../functions/controller/status/fleets.ts";
import type { HistoryPage } from "../../functions/controller/status/history.ts";
import { readPage } from "../../functions/controller/status/page.ts";
import { HIDDEN, jsonText, withoutCredentials } from "../../functions/controller/status/redact.ts";
import { Failure } from "../../functions/google/failure.ts";
import { bedOf, evidenceOf, renamed, STATES, type Standing, TOKEN } from "./statusbed.ts";

const standings = new Map<string, Standing>();
/** Each state is come to once; nobody changes it. */
function state(name: string): Standing {
  const known = standings.get(name) ?? STATES[name]?.();
  if (!known) throw new Error(`there is no state ${name}`);
  standings.set(name, known);
  return known;
}

async function viewOf(name: string): Promise<FleetView> {
  const bed = bedOf({ web: state(name) });
  bed.cloud.time.now = () => state(name).now;
  return bed.json<FleetView>("/fleets/web.json");
}

const tally = (view: FleetView) => {
  const counts: Record<string, number> = {};
  for (const { runs, mark } of view.groups.flatMap((group) => group.machines))
    counts[`${runs} ${mark}`] = (counts[`${runs} ${mark}`] ?? 0) + 1;
  return counts;
};

describe("what a fleet's JSON says of each state", () => {
  it.each([
    ["at rest", "up-to-date", "good", { "stable fine": 6 }, ["rollback web", "stop web"]],
    [
      "being made",
      "converging",
      "moving",
      { "stable fine": 6, "new making": 1 },
      ["rollback web", "rollout pause web"],
    ],
    ["canary baking", "baking", "moving", { "stable fine": 5, "new fine": 1 }, ["rollback web", "rollout pause web"]],
    [
      "awaiting approval",
      "awaiting-approval",
      "person",
      { "stable fine": 5, "new fine": 1 },
      ["rollout approve web --release"],
    ],
    ["rolling back", "rolling-back", "bad", { "stable fine": 6, "new failed": 1 }, ["stop web --direct"]],
    ["rolled back", "quarantined", "person", { "stable fine": 6 }, ["quarantine lift web web-1"]],
    ["paused", "paused", "person", { "stable fine": 5, "new fine": 1 }, ["rollout resume web", "rollback web"]],
    ["parked by window", "parked", "waits", { "stable fine": 5, "new fine": 1 }, ["rollout start web --urgent"]],
    [
      "waits for its window",
      "window",
      "waits",
      { "stable fine": 6 },
      ["rollout start web --release", "rollout plan web"],
    ],
    ["other secrets settle", "settling", "waits", { "stable fine": 6 }, ["rollout start web --release"]],
    ["a secret that is needed is disabled", "secret-unavailable", "bad", { "stable fine": 6 }, ["stop web"]],
    ["no way back", "up-to-date", "good", { "stable fine": 6 }, ["stop web"]],
    ["waits to be approved", "awaiting-approval", "person", { "stable fine": 6 }, ["rollout approve web --release"]],
    ["pending behind a rollout", "converging", "moving", null, ["rollout start web --release"]],
    ["held", "held", "person", { "stable fine": 6 }, ["start web"]],
    ["no fleet file", "no-policy", "person", {}, ["fleet apply fleet.yaml"]],
  ])("%s: %s, %s", async (name, word, level, machines, commands) => {
    const view = await viewOf(name);
    expect({ word: view.state.word, level: view.state.level }).toEqual({ word, level });
    expect(view.state.text.length).toBeGreaterThan(10);
    if (machines) expect(tally(view)).toEqual(machines);
    const typed = view.orders.map(({ command }) => command);
    for (const command of commands) expect(typed.some((line) => line.startsWith(`moult ${command}`))).toBe(true);
    expect(view.unread).toEqual([]);
  });

  it("does not offer to go back to a release that could not boot", async () => {
    const offers = async (name: string) =>
      (await viewOf(name)).orders.some(({ command }) => command.startsWith("moult rollback"));
    expect([await offers("at rest"), await offers("no way back")]).toEqual([true, false]);
  });

  it("every command it tells to type is one that the command line takes", async () => {
    const entries = [...COMMANDS].sort((a, b) => b.name.length - a.name.length);
    let typed = 0;
    for (const name of Object.keys(STATES)) {
      const bed = bedOf({ web: state(name) });
      bed.cloud.settings.stateBucket = "another bucket's";
      const view = await bed.json<FleetView>("/fleets/web.json");
      for (const { command } of view.orders) {
        const words = [...command.matchAll(/'((?:[^']|'\\'')*)'|(\S+)/g)].map(([, quoted, plain]) =>
          quoted === undefined ? (plain ?? "") : quoted.replaceAll("'\\''", "'"),
        );
        const line = words.slice(1).join(" ");
        const entry = entries.find((one) => line.startsWith(`${one.name} `));
        if (!entry) throw new Error(`there is no such command: ${command}`);
        const given = readArgs(await entry.load(), words.slice(1 + entry.name.split(" ").length));
        expect(given.text("project")).toBe("acme-prod");
        expect(given.text("state-bucket")).toBe("another bucket's");
        typed += 1;
      }
    }
    expect(typed).toBeGreaterThan(40);
  });

  it("the time line has the canary's bake with its end, what is ahead, and who is asked", async () => {
    const { rollout } = await viewOf("canary baking");
    const [wave] = rollout?.waves ?? [];
    expect(wave?.steps.map(({ name, state }) => `${name}: ${state}`)).toEqual([
      "canary 1: current",
      "50%: ahead",
      "100%: ahead",
      "final bake: ahead",
    ]);
    const [canary, half] = wave?.steps ?? [];
    expect(Date.parse(canary?.until ?? "") - Date.parse(canary?.since ?? "")).toBe(300_000);
    expect(canary?.gates.map(({ key }) => key)).toEqual(["reports", "health", "backend web"]);
    expect(half?.gates.map(({ key }) => key)).toContain("approval");
  });

  it("a passed step keeps when it passed, with how many machines", async () => {
    const { rollout } = await viewOf("parked by window");
    const [canary, all] = rollout?.waves[0]?.steps ?? [];
    expect(canary).toMatchObject({ name: "canary 1", state: "passed", machines: 1 });
    expect(canary?.at).toMatch(/^2026-11-20T12:0\d/);
    expect(all).toMatchObject({ name: "100%", state: "current", phase: "parked" });
  });

  it("closed windows say when they open", async () => {
    const { windows } = await viewOf("waits for its window");
    expect(windows).toMatchObject({ open: false, closes: null });
    expect(windows?.next[0]?.opens).toBe("2026-11-21T08:00:00.000Z");
  });

  it("what waits has its plan: exact machines for each step, and that it does not begin, with the reason", async () => {
    const { plan } = await viewOf("waits to be approved");
    expect(plan?.begins).toBe(false);
    expect(plan?.stops.map(({ word }) => word)).toEqual(["awaiting-approval"]);
    expect(plan?.waves[0]?.steps.map(({ machines }) => machines)).toEqual([1, 6]);
    // Taken on as found: its machines do not have the secret yet.
    const to = "projects/acme-prod/secrets/web-db/versions/3";
    expect(plan?.changes).toEqual([
      { what: "image", from: "web-1", to: "web-2", text: "image web-1 → web-2" },
      { what: "secret", name: "db-password", from: null, to, text: "secret db-password none → web-db@3" },
    ]);
    expect((await viewOf("at rest")).plan).toBeNull();
  });

  it("600 machines stand in their zones, each once, and only the sick one is sick", async () => {
    const view = await viewOf("600 machines");
    const machines = view.groups[0]?.machines ?? [];
    expect(new Set(machines.map(({ name }) => name)).size).toBe(machines.length);
    expect(new Set(machines.map(({ zone }) => zone))).toEqual(
      new Set(["us-central1-a", "us-central1-b", "us-central1-f"]),
    );
    expect(machines.filter(({ mark }) => mark === "unhealthy")).toHaveLength(1);
    expect(machines.length).toBeGreaterThanOrEqual(600);
  });

  it("a fleet that nobody has looked at since long before its look was due says so, and how to stop it all the same", async () => {
    const { now } = state("canary baking");
    const late = async (ms: number) => {
      const bed = bedOf({ web: state("canary baking") });
      bed.cloud.time.now = () => now + ms;
      return (await bed.json<FleetView>("/fleets/web.json")).state;
    };
    expect(await late(200_000)).toMatchObject({ word: "baking" });
    const { word, level, text } = await late(400_000);
    expect({ word, level }).toEqual({ word: "not-looked-at", level: "bad" });
    expect(text).toContain("moult stop web --direct");
  });

  it("a machine that took the name of a failed one is not the failed one", async () => {
    const standing = structuredClone(state("rolling back"));
    const failed = Object.keys(standing.record.active?.failed ?? {});
    for (const machine of standing.group.machines) if (failed.includes(machine.name)) machine.id = "999999";
    const view = await bedOf({ web: standing }).json<FleetView>("/fleets/web.json");
    expect(tally(view)["new failed"]).toBeUndefined();
  });
});

describe("many who look cost one look", () => {
  it.each(["/fleets/web.json", "/status.json", "/fleets/web/history.json", "/fleets/web/evidence.json"])(
    "100 requests for %s within five seconds read everything once, the next one after them once more",
    async (path) => {
      const bed = bedOf({ web: state("canary baking") });
      const reads = () =>
        bed.cloud.state.listed.length +
        [...bed.cloud.state.reads.values(), ...bed.calls.values()].reduce((sum, count) => sum + count, 0);
      await Promise.all(Array.from({ length: 50 }, () => bed.site({ method: "GET", path })));
      const first = reads();
      await bed.cloud.time.pass(4_900);
      for (let i = 0; i < 50; i++) await bed.site({ method: "GET", path });
      expect(reads()).toBe(first);
      expect(bed.cloud.state.reads.get("fleets/web/record.json")).toBe(1);
      for (const [call, count] of bed.calls) expect(`${call} ${count}`).toBe(`${call} 1`);
      await bed.cloud.time.pass(200);
      await bed.site({ method: "GET", path });
      expect(bed.cloud.state.reads.get("fleets/web/record.json")).toBe(2);
      expect(reads()).toBeLessThanOrEqual(2 * first);
    },
  );

  it("a look that fails is not repeated for each who asks", async () => {
    const bed = bedOf({ web: state("at rest") });
    let tries = 0;
    bed.cloud.state.folders = async () => {
      tries += 1;
      throw new Failure("unavailable", 503, "list folders", "backendError");
    };
    for (let i = 0; i < 20; i++) expect((await bed.site({ method: "GET", path: "/status.json" })).status).toBe(503);
    // Folders of records and of commands, in one look.
    expect(tries).toBe(2);
  });

  it("a slow look is waited for by all, however long it takes", async () => {
    const bed = bedOf({ web: state("at rest") });
    const { compute } = bed.cloud;
    bed.cloud.compute = (project) => ({
      ...compute(project),
      group: async (place) => {
        await bed.cloud.time.sleep(60_000);
        return compute(project).group(place);
      },
    });
    const first = bed.site({ method: "GET", path: "/fleets/web.json" });
    await bed.cloud.time.pass(30_000);
    const second = bed.site({ method: "GET", path: "/fleets/web.json" });
    await bed.cloud.time.pass(30_000);
    expect((await first).body).toBe((await second).body);
    expect(bed.calls.get("managedInstances") ?? 0).toBe(1);
  });

  it("fleets that are not there leave nothing behind", async () => {
    const bed = bedOf({ web: state("at rest") });
    for (let i = 0; i < 1_200; i++)
      expect((await bed.site({ method: "GET", path: `/fleets/made-up-${i}.json` })).status).toBe(404);
    expect((await bed.site({ method: "GET", path: "/fleets/web.json" })).status).toBe(200);
  });
});

describe("what goes wrong with one does not hide the others", () => {
  it("a record that is no JSON is one line among the others", async () => {
    const bed = bedOf({ web: state("at rest"), shop: renamed(state("paused"), "shop") });
    const broken = { text: "{no", generation: "1", created: "" };
    bed.cloud.state.objects.set("fleets/broken/record.json", broken);
    bed.cloud.state.objects.set("fleets/hollow/record.json", { ...broken, text: `{"schema":1,"active":{}}` });
    bed.cloud.state.objects.set("fleets/newer/record.json", { ...broken, text: `{"schema":2}` });
    const { fleets } = await bed.json<FleetsView>("/status.json");
    expect(fleets.map(({ fleet, state: { word } }) => `${fleet}: ${word}`)).toEqual([
      "broken: unreadable",
      "hollow: unreadable",
      "newer: unreadable",
      "shop: paused",
      "web: up-to-date",
    ]);
    const alone = await bed.site({ method: "GET", path: "/fleets/broken.json" });
    expect(alone.status).toBe(500);
    expect(String(alone.body)).toContain("fleets/broken/record.json");
  });

  it("a group that cannot be read is named, and what the record says is shown", async () => {
    const bed = bedOf({ web: state("canary baking") });
    bed.cloud.compute = () =>
      ({
        group: async () => {
          throw new Failure("unavailable", 503, "GET group", "backendError");
        },
      }) as never;
    const view = await bed.json<FleetView>("/fleets/web.json");
    expect(view.groups[0]?.problem).toMatch(/cannot be read now.*backendError/);
    expect(view.rollout?.phase).toBe("baking");
  });

  it("reports that cannot be read are named, and the machines are shown", async () => {
    const bed = bedOf({ web: state("canary baking") });
    bed.cloud.reports.list = async () => {
      throw new Failure("denied", 403, "list reports", "forbidden");
    };
    const view = await bed.json<FleetView>("/fleets/web.json");
    expect(view.unread).toEqual(["boot reports cannot be read now: list reports: forbidden"]);
    expect(view.groups[0]?.machines).toHaveLength(6);
  });

  it("evidence of another form is said to be that, beside the rest", async () => {
    const standing = state("rolled back");
    const evidence = [
      { rollout: "web-1", machine: "web-7", object: evidenceOf("web-7", "web-1") },
      { rollout: "web-1", machine: "web-8", object: "{not json" },
    ];
    const found = await bedOf({ web: { ...standing, evidence } }).json<{
      evidence: { machine: string; problem?: string }[];
    }>("/fleets/web/evidence.json");
    expect(found.evidence.map(({ machine, problem = "" }) => `${machine} ${problem}`.trim()).sort()).toEqual([
      "web-7",
      "web-8 what is kept of it is not JSON",
    ]);
  });
});

describe("history", () => {
  it("comes newest first in pages, names what is missing, and ends at the first entry", async () => {
    const entries = Array.from({ length: 120 }, (_, i) => ({
      number: i + 1,
      at: "2026-11-20T12:00:00.000Z",
      what: "started",
      word: "started" as const,
      text: `entry ${i + 1}`,
    }));
    const standing = structuredClone(state("at rest"));
    standing.record.entries = 120;
    standing.record.unwritten = entries.slice(119);
    const bed = bedOf({ web: { ...standing, history: entries.filter(({ number }) => number !== 7 && number < 120) } });
    const numbers: number[] = [];
    const missing: number[] = [];
    let path = "/fleets/web/history.json";
    for (let pages = 0; path && pages < 5; pages++) {
      const page = await bed.json<HistoryPage>(path);
      numbers.push(...page.entries.map(({ number }) => number));
      missing.push(...page.missing);
      path = page.next === null ? "" : `/fleets/web/history.json?before=${page.next}`;
    }
    expect(numbers).toEqual(
      entries
        .map(({ number }) => number)
        .reverse()
        .filter((number) => number !== 7),
    );
    expect(missing).toEqual([7]);
  });

  it.each(["0", "-1", "x", "1e3", "123456789"])("before=%s is refused", async (before) => {
    const { site } = bedOf({ web: state("at rest") });
    expect((await site({ method: "GET", path: `/fleets/web/history.json?before=${before}` })).status).toBe(400);
  });
});

describe("no secret value leaves", () => {
  const PATHS = ["/status.json", "/fleets/web.json", "/fleets/web/history.json", "/fleets/web/evidence.json"];
  const VALUE = "correct-horse-battery-staple";

  it("a webhook's address, tokens in reports and evidence, credentials in serial output", async () => {
    const standing = structuredClone(state("rolling back"));
    const { record } = standing;
    const gate = {
      key: "webhook checks.acme.example/web",
      kind: "webhook" as const,
      url: `https://user:${VALUE}@checks.acme.example/web?key=${VALUE}`,
      secret: { secret: "check", project: "acme-prod", version: 1 },
      inconclusive: "pause" as const,
      withinMs: 1,
    };
    record.policy?.gates.push(gate);
    record.active?.policy.gates.push(gate);
    record.reasons.push({ word: "access-denied", text: `Google said ya29.${VALUE}-${VALUE} to ${TOKEN}` });
    standing.history.push({ number: 1, at: record.lastLook ?? "", what: "x", word: "person", text: TOKEN });
    const serial = `DB_PASSWORD=${VALUE}\n"api_key": "${VALUE}"\nAuthorization: Bearer ${VALUE}\n-----BEGIN PRIVATE KEY-----\n${VALUE}\n-----END PRIVATE KEY-----\n${TOKEN}`;
    const object = { ...evidenceOf("web-7", "web-1"), serial, attributes: { state: `token: ${VALUE}` } };
    const bed = bedOf({ web: { ...standing, evidence: [{ rollout: "web-1", machine: "web-7", object }] } });
    let said = "";
    for (const path of PATHS) {
      const { status, body } = await bed.site({ method: "GET", path });
      expect(`${path} ${status}`).toBe(`${path} 200`);
      said += String(body);
    }
    expect(said).not.toContain(VALUE);
    expect(said).not.toContain(TOKEN);
    expect(said).toContain(HIDDEN);
    // Names and numbers of versions are shown.
    expect(said).toContain("projects/acme-prod/secrets/web-db/versions/3");
  });

  it("property: whatever kept evidence looks like, no credential in it is shown", () => {
    const name = fc.constantFrom("password", "DB_PASSWORD", "secret", "api-key", "access_token", "credentials");
    const sign = fc.constantFrom("=", ": ", '":"', "='");
    fc.assert(
      fc.property(name, sign, fc.string(), fc.constantFrom("serial", "why", "group"), (what, is, before, member) => {
        const stored = JSON.stringify({ [member]: `${before} ${what}${is}${VALUE} and more` });
        const text = JSON.stringify(shown("web-1", "web-7", "", stored));
        expect(text).not.toContain(VALUE);
        expect(text).toContain("and more");
      }),
    );
  });

  it.each(["the secret web-db has no enabled version", "health check failed 3 times: 503", "token bucket is empty"])(
    "an ordinary sentence stays: %s",
    (text) => expect(withoutCredentials(text)).toBe(text),
  );
});

/* The page's own script, without a browser: its views are plain values. */

interface View {
  tag: string;
  props: Record<string, unknown>;
  children: (View | string)[];
}
interface Script {
  fleetView(view: unknown, screen: unknown): unknown[];
  fleetsView(view: unknown, filter: string): unknown[];
  make(view: View): Element;
  redraw(parent: Element, before: unknown[], after: unknown[]): void;
  span(ms: number): string;
}

const { html, policy } = readPage();
const script = /<script>([\s\S]*?)<\/script>/.exec(html)?.[1] ?? "";

/** As much of a document as the page uses. */
class Element {
  tag: string;
  attributes = new Map<string, unknown>();
  childNodes: (Element | Text)[] = [];
  parent: Element | undefined;
  style = {};
  constructor(tag: string) {
    this.tag = tag;
  }
  setAttribute(name: string, value: unknown): void {
    this.attributes.set(name, value);
  }
  removeAttribute(name: string): void {
    this.attributes.delete(name);
  }
  append(...nodes: (Element | Text)[]): void {
    for (const one of nodes) this.insertBefore(one, null);
  }
  insertBefore(one: Element | Text, before: Element | Text | null): void {
    one.remove();
    one.parent = this;
    this.childNodes.splice(before ? this.childNodes.indexOf(before) : this.childNodes.length, 0, one);
  }
  remove(): void {
    if (this.parent) this.parent.childNodes = this.parent.childNodes.filter((one) => one !== this);
    this.parent = undefined;
  }
  get plain(): unknown {
    const {
      tag,
      attributes,
      childNodes,
      parent: _,
      style: __,
      ...properties
    } = this as unknown as Record<string, unknown>;
    const set = Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== "" && value !== false));
    return {
      tag,
      attributes: [...(attributes as Map<string, unknown>)].sort(),
      set,
      children: (childNodes as (Element | Text)[]).map((one) => one.plain),
    };
  }
}
class Text {
  data: string;
  parent: Element | undefined;
  constructor(data: string) {
    this.data = data;
  }
  remove = Element.prototype.remove as unknown as () => void;
  get plain(): string {
    return this.data;
  }
}

function load(): Script {
  const globals = createContext({});
  runInContext(`${script}\n;this.moult = { fleetView, fleetsView, make, redraw, span };`, globals);
  Object.assign(globals, {
    document: {
      createElement: (tag: string) => new Element(tag),
      createTextNode: (data: string) => new Text(data),
    },
  });
  return (globals as { moult: Script }).moult;
}
const page = load();
const SCREEN = { open: { evidence: true, history: true }, machine: null, focus: null, copied: null };
const plainViews = (views: unknown[]): View[] =>
  (views.flat(Number.POSITIVE_INFINITY) as (View | false | null | undefined)[]).filter((one) => Boolean(one)) as View[];

function* within(view: View | string): Generator<View | string> {
  yield view;
  if (typeof view !== "string") for (const child of view.children) yield* within(child);
}
const wordsOf = (views: View[]) =>
  views.flatMap((view) => [...within(view)].filter((one): one is string => typeof one === "string")).join("");

describe("the page", () => {
  it("is one file that asks nobody else for anything, and no larger than 64 KiB", () => {
    expect(html.length).toBeLessThanOrEqual(64 * 1024);
    expect(html.replace("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:\/\//);
    expect(html).not.toMatch(/<(link|img|iframe|object)\b(?![^>]*href="data:)/);
  });

  it("has no way to make markup of a text, nor code", () => {
    expect(script).not.toMatch(
      /innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|srcdoc|DOMParser/,
    );
    expect(html.replace(/<script>[\s\S]*<\/script>/, "")).not.toMatch(/\son[a-z]+=|\sstyle="/);
  });

  it("is sent with a policy that lets only itself run", async () => {
    const { headers, status } = await bedOf({}).site({ method: "GET", path: "/" });
    expect(status).toBe(200);
    expect(headers["content-security-policy"]).toBe(policy);
    expect(policy).toMatch(/default-src 'none'; script-src 'sha256-[\w+/]{43}='; style-src 'sha256-[\w+/]{43}='/);
    for (const rule of ["frame-ancestors 'none'", "require-trusted-types-for 'script'", "base-uri 'none'"])
      expect(policy).toContain(rule);
    expect(policy).not.toContain("unsafe");
    expect(headers["x-content-type-options"]).toBe("nosniff");
  });

  it("property: no text of people or machines becomes markup, a link, code or a style", async () => {
    const view = await viewOf("rolling back");
    const lists = await bedOf({ web: state("rolled back") }).json<FleetsView>("/status.json");
    const evidence = await bedOf({ web: state("rolled back") }).json("/fleets/web/evidence.json");
    const history = await bedOf({ web: state("rolled back") }).json("/fleets/web/history.json");
    const TEXTS = new Set(["title", "aria-label", "data-copy", "data-group", "data-name", "key", "value", "dateTime"]);
    const TAGS = new Set(
      "section h2 h3 h4 p ul ol li dl dt dd b i a div span code time button table thead tbody tr th td details summary pre input small".split(
        " ",
      ),
    );
    const hostile = fc.constantFrom(
      "<img src=x onerror=alert(1)>",
      "</script><script>alert(1)</script>",
      "javascript:alert(1)",
      `"><svg onload=alert(1)>`,
    );
    // Words that choose a colour or a sign are the control plane's own; everything else may be anybody's.
    const OWN = new Set(["word", "level", "phase", "state", "runs", "mark", "answer", "kind", "at", "since", "until"]);
    fc.assert(
      fc.property(hostile, fc.string(), (bad, more) => {
        // What stands in quotes after the word moult is taken for a command.
        const text = `${bad} "moult ${bad}" ${more}`;
        const poisoned = <T>(value: T): T =>
          JSON.parse(JSON.stringify(value), (key, member) =>
            typeof member === "string" && !OWN.has(key) && !/^\d{4}-\d\d-\d\dT/.test(member)
              ? `${member}${text}`
              : member,
          ) as T;
        const screen = {
          ...SCREEN,
          evidence: poisoned(evidence),
          history: poisoned(history),
          machine: { group: `us-central1-a/web${text}`, name: `web-1${text}` },
        };
        const views = [
          ...plainViews(page.fleetView(poisoned(view), screen)),
          ...plainViews(page.fleetsView(poisoned(lists), "")),
        ];
        let met = 0;
        for (const one of views.flatMap((root) => [...within(root)])) {
          if (typeof one === "string") {
            if (one.includes(bad)) met += 1;
            continue;
          }
          expect([one.tag, TAGS.has(one.tag)]).toEqual([one.tag, true]);
          for (const [name, value] of Object.entries(one.props)) {
            if (typeof value !== "string" || !value.includes(bad)) continue;
            if (name === "href") expect(value.startsWith("#")).toBe(true);
            else expect([name, TEXTS.has(name)]).toEqual([name, true]);
          }
        }
        expect(met).toBeGreaterThan(20);
      }),
      { numRuns: 40 },
    );
  });

  it("property: JSON carries no sign that could open a tag, and says the same", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = jsonText(value);
        expect(text).not.toMatch(/[<>&\u2028\u2029]/);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it.each(Object.keys(STATES))("draws the state %s, with a text for every tile", async (name) => {
    const view = await viewOf(name);
    const views = plainViews(page.fleetView(view, SCREEN));
    const all = views.flatMap((root) => [...within(root)]).filter((one): one is View => typeof one !== "string");
    const tiles = all.filter(({ props }) => props["data-name"] !== undefined);
    const machines = view.groups.flatMap((group) => group.machines);
    expect(tiles).toHaveLength(machines.length);
    for (const { props } of tiles)
      expect(props["aria-label"]).toMatch(
        /^web-\d+: (stable|new|another) release .*, (well|being made|booting|not healthy|failed)$/,
      );
    // One stop for the tab key in each group; the arrows go on from there.
    expect(tiles.filter(({ props }) => props.tabIndex === 0)).toHaveLength(machines.length > 0 ? 1 : 0);
    const words = wordsOf(views);
    for (const { command } of view.orders) expect(words).toContain(command);
    for (const { word } of view.reasons) expect(words).toContain(word);
    expect(words).not.toMatch(/undefined|NaN|\[object/);
  });

  it("redrawing keeps what is still there, and ends as if drawn anew", async () => {
    const names = Object.keys(STATES);
    const drawn = new Map<string, View[]>();
    for (const name of names) drawn.set(name, plainViews(page.fleetView(await viewOf(name), SCREEN)));
    const root = new Element("main");
    let before: View[] = [];
    for (const name of [...names, ...names.slice().reverse(), "canary baking", "paused"]) {
      const after = drawn.get(name) ?? [];
      const tile = find(root, "web-3");
      page.redraw(root, before, after);
      const fresh = new Element("main");
      fresh.append(...after.map((one) => page.make(one)));
      expect(root.plain).toEqual(fresh.plain);
      const now = find(root, "web-3");
      if (tile && now && name === "paused") expect(now).toBe(tile);
      before = after;
    }
  });

  it("the list is sorted by what must be seen first, and can be searched", async () => {
    const bed = bedOf({
      calm: renamed(state("at rest"), "calm"),
      sick: renamed(state("rolling back"), "sick"),
      slow: renamed(state("canary baking"), "slow"),
      idle: renamed(state("paused"), "idle"),
    });
    bed.cloud.time.now = () => state("rolling back").now;
    const lines = await bed.json<FleetsView>("/status.json");
    const shownNames = (filter: string) =>
      plainViews(page.fleetsView(lines, filter))
        .flatMap((root) => [...within(root)])
        .flatMap((one) => (typeof one !== "string" && one.props.className === "name" ? [String(one.children[0])] : []));
    expect(shownNames("")).toEqual(["sick", "idle", "slow", "calm"]);
    expect(shownNames("paus")).toEqual(["idle"]);
  });

  it.each([
    [0, "0 s"],
    [59_400, "59 s"],
    [60_000, "1 min"],
    [95_000, "1 min 35 s"],
    [3_599_000, "1 h"],
    [5_400_000, "1 h 30 min"],
    [7_199_000, "2 h"],
    [400_000_000, "5 days"],
  ])("%i ms is %s", (ms, text) => expect(page.span(ms)).toBe(text));
});

function find(root: Element, name: string): Element | undefined {
  for (const child of root.childNodes) {
    if (!(child instanceof Element)) continue;
    if (child.attributes.get("data-name") === name) return child;
    const deeper = find(child, name);
    if (deeper) return deeper;
  }
  return undefined;
}

describe("over HTTP", () => {
  it("what has not changed is not sent again, though the look is newer", async () => {
    const bed = bedOf({ web: state("at rest") });
    const first = await bed.site({ method: "GET", path: "/fleets/web.json" });
    const etag = first.headers.etag ?? "";
    await bed.cloud.time.pass(6_000);
    const again = await bed.site({ method: "GET", path: "/fleets/web.json", ifNoneMatch: etag });
    expect([again.status, again.body]).toEqual([304, ""]);
    const [machine] = state("at rest").group.machines;
    if (!machine) throw new Error("no machine");
    const { health } = machine;
    machine.health = "UNHEALTHY";
    await bed.cloud.time.pass(6_000);
    const changed = await bed.site({ method: "GET", path: "/fleets/web.json", ifNoneMatch: etag });
    if (health) machine.health = health;
    expect(changed.status).toBe(200);
  });

  it("2,000 machines are at most 60 KB on the wire", async () => {
    const standing = structuredClone(state("600 machines"));
    standing.group.targetSize = 2_000;
    standing.group.machines = Array.from({ length: 2_000 }, (_, i) => ({
      name: `web-${(i * 7919).toString(36).padStart(4, "0")}`,
      id: String(5_184_363_046_278_950_541n + BigInt(i) * 7_919_000_017n),
      status: "RUNNING",
      action: "NONE",
      template: standing.group.machines[i % 600]?.template ?? "",
      health: "HEALTHY",
      errors: [],
    }));
    const { site } = bedOf({ web: standing });
    const { body, headers } = await site({ method: "GET", path: "/fleets/web.json", acceptEncoding: "gzip, br" });
    expect(headers["content-encoding"]).toBe("gzip");
    expect(body.length).toBeLessThanOrEqual(60_000);
    const view = JSON.parse(gunzipSync(body as Buffer).toString()) as FleetView;
    expect(view.groups[0]?.machines).toHaveLength(2_000);
  });

  it.each([
    ["POST", "/", 405],
    ["DELETE", "/fleets/web.json", 405],
    ["GET", "/fleets/none.json", 404],
    ["GET", "/fleets/../record.json", 404],
    ["GET", "/fleets/web%2F..%2Fshop.json", 404],
    ["GET", "//", 200],
    ["GET", "//evil.example/status.json", 404],
    ["HEAD", "/", 200],
  ])("%s %s answers %i", async (method, path, status) => {
    expect((await bedOf({ web: state("at rest") }).site({ method, path })).status).toBe(status);
  });

  it("it never writes", async () => {
    const bed = bedOf({ web: state("canary baking") });
    const refuse = async (): Promise<never> => {
      throw new Error("the page wrote something");
    };
    for (const bucket of [bed.cloud.state, bed.cloud.reports]) Object.assign(bucket, { write: refuse, delete: refuse });
    for (const path of ["/status.json", "/fleets/web.json", "/fleets/web/history.json", "/fleets/web/evidence.json"])
      expect((await bed.site({ method: "GET", path })).status).toBe(200);
    expect(bed.cloud.rung).toEqual([]);
  });

  it("the function itself answers through the functions framework, with its own headers", async () => {
    process.env.GOOGLE_CLOUD_PROJECT ??= "acme-prod";
    await import("../../functions/status.ts");
    const server = getTestServer("status");
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const response = await fetch(`http://127.0.0.1:${port}/`);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-security-policy")).toBe(policy);
      expect(await response.text()).toBe(
        readFileSync(join(import.meta.dirname, "../../functions/controller/status/page.html"), "utf8"),
      );
      const etag = response.headers.get("etag") ?? "";
      const again = await fetch(`http://127.0.0.1:${port}/`, { headers: { "if-none-match": etag } });
      expect(again.status).toBe(304);
      expect((await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "{}" })).status).toBe(405);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
