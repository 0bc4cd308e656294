import { beforeAll, describe, expect, it, vi } from "vitest";
import type { RotationView } from "../../cli/images/rotationview.ts";
import { type Ended, moultRun, type Ready, readyOf, start } from "./program.ts";
import { writeScratch } from "./scratch.ts";

// The built command line against an emulator of its own, in order. Images are minutes old here, so ages are seconds.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const PROJECT = "acme-images";
let ready: Ready;

const moult = (...args: string[]): Promise<Ended> => moultRun(args, ready.env);

async function call(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${ready.endpoints.compute}projects/${PROJECT}/${path}`, {
    method,
    ...(body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  expect(response.status, JSON.stringify(answer)).toBe(200);
  if (answer.kind === "compute#operation" && answer.status !== "DONE")
    return call("POST", `global/operations/${answer.name}/wait`);
  return answer;
}

const stateOf = async (name: string) =>
  ((await call("GET", `global/images/${name}`)).deprecated as { state?: string } | undefined)?.state ?? "ACTIVE";

async function rotation(...args: string[]): Promise<{ code: number | null; view: RotationView; err: string }> {
  const { code, out, err } = await moult("image", "rotate", ...args, "--json");
  return { code, err, view: JSON.parse(out) as RotationView };
}

const file = (rotate: string, more = "") =>
  writeScratch("web.yaml", `family: web\nproject: ${PROJECT}\nrotate: ${rotate}\nretain: 1\n${more}`);

beforeAll(async () => {
  const program = start(["emulator", "--port", "0", "--json", "--instances", "virtual", "--project", PROJECT]);
  ready = await readyOf(program);
  await fetch(`${ready.env.STORAGE_EMULATOR_HOST}/storage/v1/b?project=${PROJECT}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: `${PROJECT}-moult-state` }),
  });
  for (const name of ["web-1", "web-2", "web-3"])
    await call("POST", "global/images", {
      name,
      family: "web",
      sourceImage: "projects/debian-cloud/global/images/family/debian-12",
    });
});

describe("moult image rotate", () => {
  it("does nothing for families without a policy, and knows none that is named", async () => {
    expect(await moult("image", "rotate")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/no family has a policy/),
    });
    const { code, err } = await moult("image", "rotate", "web");
    expect({ code, err }).toMatchObject({
      code: 4,
      err: expect.stringMatching(/family web has no policy[\s\S]*moult family apply/),
    });
  });

  it("a family file with faults is refused with the place of each, and nothing is written", async () => {
    const bad = writeScratch("bad.yaml", "family: web\nproject: acme-images\nrotate: {deprecate: soon}\nretain: 0\n");
    const { code, err } = await moult("family", "apply", bad);
    expect(code).toBe(2);
    expect(err).toMatch(/2 things are wrong[\s\S]*bad\.yaml:3:21: rotate\.deprecate[\s\S]*bad\.yaml:4:9: retain/);
    expect((await moult("image", "rotate", "web")).code).toBe(4);
  });

  it("a family file becomes the policy, and again changes nothing", async () => {
    const path = file("{deprecate: 1s, obsolete: 30d}");
    expect(await moult("family", "apply", path, "--check")).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /is valid\nfamily web of acme-images\n {2}an image that has been ACTIVE for 1s becomes DEPRECATED/,
      ),
    });
    expect((await moult("image", "rotate", "web")).code).toBe(4);
    expect(await moult("family", "apply", path)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^a new policy: family web/),
    });
    expect(JSON.parse((await moult("family", "apply", path, "--json")).out)).toMatchObject({
      family: "web",
      changed: false,
    });
  });

  it("says what it would do, what it costs, and changes nothing", async () => {
    const { code, out } = await moult("image", "rotate", "web");
    expect(code).toBe(0);
    expect(out).toMatch(/^family web of acme-images, which points to web-3$/m);
    expect(out).toMatch(/^web-3 +ACTIVE +\S+ +\$0\.\d\d +stay +the family points to it$/m);
    expect(out).toMatch(
      /^web-1 +ACTIVE +\S+ +\$0\.\d\d +become DEPRECATED +ACTIVE since .*; the next step from \d{4}-\d\d-\d\d$/m,
    );
    expect(out).toMatch(/3 images of one family; those that stay cost \$0\.\d\d a month.*taken as \$0\.05 a GiB/);
    expect(out).toMatch(/Nothing was changed\. moult image rotate --apply takes the 2 steps\./);
    expect([await stateOf("web-1"), await stateOf("web-2")]).toEqual(["ACTIVE", "ACTIVE"]);
  });

  it("leaves an image that is held, and takes it when the hold is lifted", async () => {
    expect((await moult("image", "hold", "web-1")).code).toBe(2);
    expect((await moult("image", "hold", "web-9", "--reason", "audit")).code).toBe(4);
    expect(await moult("image", "hold", "web-1", "--reason", "audit", "--for", "30d")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/web-1 is held until \d{4}-.*: audit/),
    });
    const { view } = await rotation("web", "--apply");
    expect(view.families[0]?.images.map(({ name, do: what, rule, outcome }) => [name, what, rule ?? outcome])).toEqual([
      ["web-3", "keep", "head"],
      ["web-2", "DEPRECATED", "done"],
      ["web-1", "keep", "held"],
    ]);
    expect(await stateOf("web-2")).toBe("DEPRECATED");
    expect(await stateOf("web-1")).toBe("ACTIVE");
    expect(await moult("image", "unhold", `${PROJECT}/web-1`)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/not held any more; it was by .*: audit/),
    });
    expect(await moult("image", "unhold", "web-1")).toMatchObject({
      code: 4,
      err: expect.stringMatching(/is not held/),
    });
    const { out } = await moult("image", "rotate", "web", "--apply");
    expect(out).toMatch(/^web-1 +ACTIVE .* DEPRECATED +ACTIVE since/m);
    expect(out).toMatch(/^1 of 1 step taken$/m);
    expect(await stateOf("web-1")).toBe("DEPRECATED");
  });

  it("goes down the ladder to the end, a step a run, and a run more does nothing", async () => {
    await moult("family", "apply", file("{deprecate: 1s, obsolete: 1s, delete: 1s, remove: 1s}"));
    // The dates that were announced a month ahead are kept; a person takes them back.
    const early = await rotation("web", "--apply");
    expect(early.view.families[0]?.images.map(({ name, rule }) => [name, rule])).toEqual([
      ["web-3", "head"],
      ["web-2", "young"],
      ["web-1", "young"],
    ]);
    for (const name of ["web-1", "web-2"])
      await call("POST", `global/images/${name}/deprecate`, { state: "DEPRECATED", deprecated: "2026-01-01T00:00:00" });
    for (const state of ["OBSOLETE", "DELETED"]) {
      await vi.waitFor(
        async () => {
          await rotation("web", "--apply");
          expect(await stateOf("web-1")).toBe(state);
        },
        { timeout: 20_000, interval: 300 },
      );
    }
    await vi.waitFor(
      async () => {
        await rotation("--apply");
        const { items } = (await call("GET", "global/images")) as { items: { name: string }[] };
        expect(items.map(({ name }) => name)).toEqual(["web-3"]);
      },
      { timeout: 20_000, interval: 300 },
    );
    const { code, out } = await moult("image", "rotate", "web", "--apply");
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringMatching(/0 of 0 steps taken/) });
  });

  it("a project that cannot be read is named, and keeps everything", async () => {
    await call("POST", "global/images", {
      name: "web-4",
      family: "web",
      sourceImage: "projects/debian-cloud/global/images/family/debian-12",
    });
    await call("POST", "global/images/web-3/deprecate", { state: "DEPRECATED", deprecated: "2026-01-01" });
    await moult("family", "apply", file("{obsolete: 1s}", "consumers: [acme-lab]\n"));
    const fault = await moult("emulator", "fault", "add", "compute.disks.aggregatedList", "--fail", "403");
    expect(fault.code, fault.err).toBe(0);
    const { code, view, err } = await rotation("web", "--apply");
    expect(code).toBe(0);
    expect(err).toMatch(/not read: the disks of acme-lab .*; it may need any image, so none goes past DEPRECATED/);
    expect(view.families[0]?.images.find(({ name }) => name === "web-3")).toMatchObject({ do: "keep", rule: "unread" });
    await moult("emulator", "fault", "remove", "--all");
  });

  it("a family whose images may not be changed is left, and the right that is missing is said", async () => {
    await moult("emulator", "fault", "add", "compute.images.deprecate", "--fail", "403");
    const { code, view } = await rotation("web", "--apply");
    expect(code).toBe(1);
    expect(view.families[0]?.images.find(({ name }) => name === "web-3")).toMatchObject({
      outcome: "failed",
      problem: expect.stringMatching(/deprecate/),
    });
    expect(await stateOf("web-3")).toBe("DEPRECATED");
    await moult("emulator", "fault", "remove", "--all");
  });
});
