import { describe, expect, it } from "vitest";
import { act } from "../../../functions/controller/act.ts";
import { parseCommand } from "../../../functions/controller/commands.ts";
import { commandCame, groupChanged, Hopeless, imageChanged, reportCame } from "../../../functions/controller/events.ts";
import type { Effect } from "../../../functions/core/effects.ts";
import { Failure } from "../../../functions/google/failure.ts";
import { policyOf } from "../core/small-cloud.ts";
import { fakeCloud } from "./fakes.ts";

const fleetFile = {
  fleet: "web",
  project: "acme-prod",
  groups: [{ zone: "us-central1-a", name: "web", base: "web-base" }],
  follows: { family: "web" },
};

describe("a command object", () => {
  it.each([
    [
      "a fleet file as it was written is applied",
      { kind: "apply", by: "ada", policy: fleetFile },
      { kind: "apply", by: "ada" },
    ],
    [
      "a fleet file with a mistake is refused with the mistake",
      { kind: "apply", policy: { ...fleetFile, mode: "fast" } },
      { kind: "invalid", text: /mode/ },
    ],
    [
      "a fleet file of another fleet is refused",
      { kind: "apply", policy: { ...fleetFile, fleet: "db" } },
      { kind: "invalid", text: /for db/ },
    ],
    ["a stop without a reason says so", { kind: "stop" }, { kind: "stop", reason: "no reason was given" }],
    ["a pause without a reason says so", { kind: "pause" }, { kind: "pause", reason: "no reason was given" }],
    ["an abort keeps its reason", { kind: "abort", reason: "p99" }, { kind: "abort", reason: "p99" }],
    ["a resume is one", { kind: "resume" }, { kind: "resume" }],
    ["an unhold is one", { kind: "unhold" }, { kind: "unhold" }],
    ["a release of the fleet is one", { kind: "release" }, { kind: "release" }],
    ["an approval may name nothing", { kind: "approve" }, { kind: "approve" }],
    [
      "an approval may name the release by 12 digits",
      { kind: "approve", release: "0123456789ab" },
      { kind: "approve", release: "0123456789ab" },
    ],
    [
      "an approval of something that is no release is refused",
      { kind: "approve", release: "web-2" },
      { kind: "invalid", text: /no release/ },
    ],
    ["a begin is not urgent unless it says so", { kind: "begin" }, { kind: "begin", urgent: false }],
    [
      "a begin may be urgent",
      { kind: "begin", urgent: true, release: "f".repeat(64) },
      { kind: "begin", urgent: true, release: "f".repeat(64) },
    ],
    [
      "a begin that is urgent in words is refused",
      { kind: "begin", urgent: "yes" },
      { kind: "invalid", text: /urgent/ },
    ],
    ["a hold may be for ever", { kind: "hold", reason: "audit" }, { kind: "hold", reason: "audit" }],
    [
      "a hold's end is written in UTC",
      { kind: "hold", reason: "audit", until: "2026-11-21T09:00:00+01:00" },
      { kind: "hold", until: "2026-11-21T08:00:00.000Z" },
    ],
    [
      "a hold until a time without a zone is refused",
      { kind: "hold", until: "2026-11-21T09:00:00" },
      { kind: "invalid", text: /no instant/ },
    ],
    [
      "a hold until yesterday is refused",
      { kind: "hold", until: "2026-11-19T09:00:00Z" },
      { kind: "invalid", text: /had passed/ },
    ],
    ["a lift of nothing is refused", { kind: "lift", key: "" }, { kind: "invalid", text: /names no quarantine/ }],
    ["an unknown kind is refused", { kind: "explode" }, { kind: "invalid", text: /unknown/ }],
    ["an array is refused", [], { kind: "invalid" }],
  ])("%s", (_, value, expected) => {
    const command = parseCommand("commands/web/1.json", JSON.stringify(value), "2026-11-20T12:00:00.000Z", "web");
    const text = "text" in expected ? { text: expect.stringMatching(expected.text as RegExp) } : {};
    expect(command).toMatchObject({ ...expected, ...text });
  });

  it("that is not JSON is refused, not thrown", () => {
    expect(parseCommand("commands/web/1.json", "{", "", "web").kind).toBe("invalid");
  });
});

const patch: Effect = {
  kind: "patch-group",
  group: "us-central1-a/web",
  fingerprint: "f",
  versions: [],
  updatePolicy: {},
  requestId: "r",
};

describe("acting", () => {
  it("whoever slept while somebody else decided does nothing", async () => {
    const cloud = fakeCloud({ patchGroup: async () => expect.unreachable("it acted") });
    const acted = await act(cloud, "web", policyOf(), [patch], async () => false);
    expect(acted).toEqual({ done: 0 });
    expect(cloud.logged.join()).toMatch(/somebody else has decided/);
  });

  it.each([
    [
      "a fingerprint that no longer matches is looked at again, not repeated",
      new Failure("conflict", 412, "PATCH", "Invalid fingerprint."),
      { done: 0 },
    ],
    [
      "what passes is left to the next look",
      new Failure("unavailable", 503, "PATCH", "try later"),
      { done: 0, busy: "PATCH: try later" },
    ],
    [
      "a refusal is told",
      new Failure("denied", 403, "PATCH", "Required permission"),
      { done: 0, refusal: "PATCH: Required permission" },
    ],
  ])("%s", async (_, failure, expected) => {
    const cloud = fakeCloud({ patchGroup: () => Promise.reject(failure) });
    expect(await act(cloud, "web", policyOf(), [patch, patch], async () => true)).toEqual(expected);
  });
});

describe("a command's object that may not be deleted", () => {
  it("does not keep what else was decided from being done", async () => {
    const patched: string[] = [];
    const cloud = fakeCloud({ patchGroup: async (_, __, id) => void patched.push(id) });
    cloud.state.delete = () => Promise.reject(new Failure("denied", 403, "DELETE", "Required permission"));
    const acted = await act(cloud, "web", policyOf(), [{ kind: "delete-command", name: "c" }, patch], async () => true);
    expect(patched).toEqual(["r"]);
    expect(acted).toEqual({ done: 1, refusal: "DELETE: Required permission" });
  });
});

describe("an event that can never succeed", () => {
  it.each([
    ["a report message without a fleet", reportCame, { attributes: {} }],
    ["a fleet's name that is a path", commandCame, { attributes: { fleet: "../../etc" } }],
    ["an image message that holds no log entry", imageChanged, { data: Buffer.from("hello").toString("base64") }],
    ["a group message that holds no audit entry", groupChanged, { data: Buffer.from("{}").toString("base64") }],
  ])("%s is for the dead letters", async (_, work, message) => {
    await expect(work(fakeCloud(), { message, subscription: "s" })).rejects.toBeInstanceOf(Hopeless);
  });
});
