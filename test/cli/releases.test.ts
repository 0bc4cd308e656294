import { createHash } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { commitDigest, commitText } from "../../cli/config/commit.ts";
import { foresee } from "../../cli/fleet/foreseen.ts";
import { planText } from "../../cli/fleet/plantext.ts";
import { fleetText } from "../../cli/fleet/render.ts";
import { readGroups, viewOf } from "../../cli/fleet/view.ts";
import { makeTerminal } from "../../cli/terminal/terminal.ts";
import { canonical } from "../../functions/core/canonical.ts";
import { Failure } from "../../functions/google/failure.ts";
import type { ConfigCommit } from "../../wire/moult.d.ts";
import { Playground } from "../scenarios/complaints/playground.ts";

let world: Playground;
afterEach(() => world.close());

const stream = { write: () => {}, isTTY: true, columns: 100 };
const { out } = makeTerminal({ stdout: stream, stderr: stream }, { NO_COLOR: "1" });

async function put(name: string, text: string): Promise<void> {
  await world.cloud.config.write(name, text, world.cloud.config.objects.get(name)?.generation ?? "0");
}

/** As `moult config push` leaves it: commit, pack, and the ref. */
async function push(message: string): Promise<string> {
  const commit: ConfigCommit = {
    author: "ada",
    manifest: { manifest: 1 },
    message,
    parent: null,
    time: "2026-11-20T12:00:00Z",
    tree: {},
  };
  const digest = commitDigest(commit);
  await put(`commits/${digest}.json`, commitText(commit));
  await put(`packs/${digest}.json`, "{}");
  const ref = { by: "ada", commit: digest, moved: "2026-11-20T12:00:00Z", previous: [] };
  const check = createHash("sha256").update(canonical(ref)).digest("hex");
  await put("refs/web/prod.json", canonical({ ...ref, check }));
  return digest.slice(0, 12);
}

/** On a first configuration and version 1 of its secret, which is what it rolls by. */
async function configured(): Promise<{ first: string; enabled: number[] }> {
  world = await Playground.open();
  const enabled = [1];
  world.cloud.secrets = { ...world.cloud.secrets, enabled: async () => enabled };
  const first = await push("The first one");
  await world.group();
  await world.takeOn({ config: { ref: "web/prod" }, secrets: { db: { secret: "web-db" } }, settle: "0s" });
  await world.image("web-2");
  await world.untilStable("web-2");
  return { first, enabled };
}

describe("moult rollout plan", () => {
  const planned = async () => {
    const record = await world.record();
    if (!record.policy) throw new Error("no fleet file");
    return foresee(world.cloud, record, record.policy);
  };

  it("names the commits with the message of the one that comes, and the numbers of secrets' versions", async () => {
    const { first, enabled } = await configured();
    const second = await push("Listen on port 8443 too\n\nAs was asked for.");
    enabled.push(2);
    expect(
      planText(await planned(), out, Date.now())
        .split("\n")
        .slice(0, 5),
    ).toEqual([
      "plan for web  web-2",
      expect.stringMatching(/^ {2}release {4}\w{12} → \w{12}$/),
      `  changes    configuration ${first} → ${second} "Listen on port 8443 too"`,
      "             secret db 1 → 2",
      "  begins     by itself, at the next look",
    ]);
  });

  it.each([
    ["may not be read", () => Promise.reject(new Failure("denied", 403, "read", "no"))],
    ["is damaged", async () => ({ text: "{}", generation: "1", created: "" })],
  ])("does without the message where the commit %s", async (_, answer) => {
    const { first } = await configured();
    const second = await push("Not to be seen");
    const read = world.cloud.config.read.bind(world.cloud.config);
    world.cloud.config.read = (name) => (name.startsWith("commits/") ? answer() : read(name));
    expect((await planned()).changes.map(({ text, message }) => [text, message])).toEqual([
      [`configuration ${first} → ${second}`, undefined],
    ]);
  });
});

it("moult status tells machines of two releases apart where their image is the same", async () => {
  const { first, enabled } = await configured();
  enabled.push(2);
  await world.untilPhase("baking");
  const record = await world.record();
  const text = fleetText(viewOf(record, await readGroups(world.cloud, record)), out, Date.now());
  const [from, to] = [record.stable?.release.digest, record.active?.to.digest].map((digest) => digest?.slice(0, 12));
  expect(text).toMatch(/rollout web-2 {2}web-2 {2}baking/);
  expect(text).toMatch(/changes {4}secret db 1 → 2\n/);
  expect(text).toContain("1 of 4 machines new");
  expect(text).toMatch(new RegExp(`web-2 ${to} +1 +healthy`));
  expect(text).toMatch(new RegExp(`web-2 ${from} +3 +healthy`));
  expect(text).toContain(`config     ${first}\n  secrets    db 1\n`);
  await world.untilEnded("succeeded");
  expect((await readGroups(world.cloud, await world.record())).flatMap(({ machines }) => machines[0]?.runs)).toEqual([
    "web-2",
  ]);
});
