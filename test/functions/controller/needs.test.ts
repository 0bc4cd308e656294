import { beforeEach, describe, expect, it } from "vitest";
import { readRoots } from "../../../cli/config/roots.ts";
import { readNeeds } from "../../../functions/controller/needs.ts";
import { paths } from "../../../functions/controller/records.ts";
import { emptyRecord } from "../../../functions/core/record.ts";
import { makeRelease } from "../../../functions/core/release.ts";
import type { Compute } from "../../../functions/google/compute.ts";
import { Failure } from "../../../functions/google/failure.ts";
import { policyOf, sha256 } from "../core/small-cloud.ts";
import { type Fakes, fakeCloud } from "./fakes.ts";

const VERSION = "projects/acme-prod/secrets/web-db/versions/3";
const commit = (digit: string) => digit.repeat(64);
const told = (value: object | string) => ({
  items: [{ key: "moult-release", value: typeof value === "string" ? value : JSON.stringify(value) }],
});
const release = (digit: string) => told({ release: digit.repeat(64), config: { commit: commit(digit) } });

let cloud: Fakes;
let answers: Record<"allTemplates" | "group" | "instances", () => Promise<unknown>>;

beforeEach(async () => {
  answers = {
    allTemplates: async () => [
      { name: "web-run", description: "made by moult", properties: { metadata: release("b") } },
      { name: "by-hand", properties: { metadata: release("c") } },
      { name: "changed", properties: { metadata: told({ secrets: { db: VERSION } }) } },
      { name: "no-json", properties: { metadata: told("{") } },
      { name: "web-base", properties: {} },
    ],
    group: async () => ({ versions: [{ instanceTemplate: "https://x/global/instanceTemplates/web-run" }] }),
    instances: async () => [
      { name: "web-1", metadata: release("d") },
      { name: "bastion", metadata: {} },
    ],
  };
  cloud = fakeCloud(
    Object.fromEntries(
      Object.keys(answers).map((name) => [name, () => answers[name as keyof typeof answers]()]),
    ) as Partial<Compute>,
  );
  const image = { id: "1001", name: "web-1", project: "acme-prod" };
  const stable = makeRelease({ image, configCommit: commit("a"), secrets: {}, base: {} }, sha256);
  const record = {
    ...emptyRecord("web"),
    policy: policyOf(),
    stable: { release: stable, since: "2026-01-01T00:00:00.000Z", adopted: false, versions: {} },
  };
  await cloud.state.write(paths.record("web"), JSON.stringify(record), "0");
});

describe("what needs a commit or a secret's version", () => {
  it("is a release, a template of whoever made it, and a machine", async () => {
    const { needs, unread } = await readNeeds(cloud);
    expect(unread).toEqual([]);
    expect(needs.map(({ weight, by, live, configCommit }) => [weight, by, live, configCommit?.[0] ?? null])).toEqual([
      ["runs", expect.stringMatching(/^the stable release \w{12} of fleet web$/), false, "a"],
      ["runs", "template web-run of group us-central1-a/web", false, "b"],
      ["idle", "template by-hand, which no group uses", false, "c"],
      ["idle", "template changed, which no group uses", false, null],
      ["runs", "instance web-1", true, "d"],
    ]);
    expect(needs[3]?.secrets).toEqual({ db: VERSION });
  });

  it("is the same to a collection of the configuration store", async () => {
    const { needs, unread } = await readRoots([cloud]);
    expect([needs.map((need) => need.commit[0]), unread]).toEqual([["a", "b", "c", "d"], []]);
  });

  it.each([
    ["the templates", "allTemplates", "the templates of acme-prod (list: no)"],
    ["a group", "group", "group us-central1-a/web (list: no)"],
    ["the machines", "instances", "the instances of acme-prod (list: no)"],
  ] as const)("may be anything where %s cannot be read", async (_, part, text) => {
    for (const kind of ["denied", "missing"] as const) {
      answers[part] = () => Promise.reject(new Failure(kind, 403, "list", "no"));
      expect((await readNeeds(cloud)).unread).toEqual([text]);
    }
  });

  it("may be anything where a record cannot be read", async () => {
    await cloud.state.write(paths.record("api"), "{", "0");
    expect((await readNeeds(cloud)).unread).toEqual(["the record of api"]);
  });

  it("is not a group that is gone", async () => {
    answers.group = async () => undefined;
    const { needs, unread } = await readNeeds(cloud);
    expect(unread).toEqual([]);
    expect(needs.find(({ by }) => by.includes("web-run"))?.weight).toBe("idle");
  });
});
