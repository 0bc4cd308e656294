import { describe, expect, it } from "vitest";
import { instant } from "../../../functions/core/instants.ts";
import { plan } from "../../../functions/core/plan.ts";
import type { UnusableVersion } from "../../../functions/core/record.ts";
import { imageOf, places, policyOf, SmallCloud, sha256 } from "./small-cloud.ts";

const name = (number: number) => `projects/acme-prod/secrets/web-key/versions/${number}`;
const version = (number: number) => ({ key: name(number) });
const words = (cloud: SmallCloud) => cloud.record.reasons.map(({ word }) => word);
const said = (cloud: SmallCloud) => cloud.record.reasons.map(({ text }) => text).join("\n");
const disabled = (number: number): UnusableVersion => ({ name: name(number), state: "DISABLED" });
const destroyed = (number: number): UnusableVersion => ({ name: name(number), state: "DESTROYED" });

/** A fleet at rest on version `to` of its secret, after versions from 1 on were rolled out one after the other. */
function rolledTo(to: number, more: Record<string, unknown> = {}): SmallCloud {
  const cloud = new SmallCloud(6);
  cloud.secrets = version(100);
  cloud.command({ kind: "apply", policy: policyOf({ settle: "0s", ...more }) });
  cloud.step();
  for (let number = 1; number <= to; number++) {
    cloud.secrets = version(number);
    if (more.mode === "approve") {
      cloud.step();
      cloud.command({ kind: "approve" });
    }
    cloud.until(() => cloud.record.stable?.release.secrets.key === name(number));
  }
  // What the fleet was when it was taken on is not among the releases that are gone back to here.
  cloud.record.previous = cloud.record.previous.filter(({ adopted }) => !adopted);
  cloud.step();
  expect(words(cloud)).toEqual(["up-to-date"]);
  return cloud;
}

describe("a fleet that was taken on as it is", () => {
  function takenOn(): SmallCloud {
    const cloud = new SmallCloud(6);
    cloud.secrets = version(1);
    cloud.command({ kind: "apply", policy: policyOf({ settle: "0s" }) });
    cloud.step();
    cloud.unusable = [disabled(1)];
    return cloud;
  }

  it("has machines that ask for none of its versions: no alarm", () => {
    const cloud = takenOn();
    cloud.step();
    expect(words(cloud)).toEqual(["adopted"]);
  });

  it("is put back to them when its first rollout fails", () => {
    const cloud = takenOn();
    cloud.secrets = version(2);
    cloud.behaviours.set("web-1", { report: "failed" });
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
  });
});

describe("a version that the stable release needs", () => {
  it.each<[string, UnusableVersion, RegExp]>([
    [
      "disabled",
      disabled(1),
      /version 1 of secret web-key in acme-prod is disabled, and release .* \(web-1\) needs it.*"gcloud secrets versions enable 1 --secret web-key --project acme-prod"/s,
    ],
    [
      "to be destroyed",
      { ...disabled(1), destroyAt: "2026-11-21T12:00:00.000Z" },
      /is disabled, and is destroyed at 2026-11-21T12:00:00\.000Z/,
    ],
    ["destroyed", destroyed(1), /is destroyed.*cannot be brought back: add a version/s],
    ["gone", { name: name(1), state: "GONE" }, /does not exist any more.*cannot be brought back/s],
  ])("that is %s is an alarm, in one look, beside what else is said", (_, found, text) => {
    const cloud = rolledTo(1);
    cloud.unusable = [found];
    cloud.step();
    expect(words(cloud)).toEqual(["up-to-date", "secret-unavailable"]);
    expect(said(cloud)).toMatch(text);
    cloud.step();
    const written = cloud.decisions.flatMap(({ record }) => record.unwritten).map(({ what }) => what);
    expect(written.filter((what) => what === "secret-unavailable")).toHaveLength(1);
    cloud.unusable = [];
    cloud.step();
    expect(words(cloud)).toEqual(["up-to-date"]);
  });

  it("that may not be looked at is no alarm: the fleet says which right is missing", () => {
    const cloud = rolledTo(1);
    cloud.unusable = [{ name: name(1), state: "UNREADABLE" }];
    cloud.step();
    expect(words(cloud)).toEqual(["up-to-date", "access-denied"]);
    expect(said(cloud)).toMatch(/secretmanager\.versions\.get/);
  });

  it("has one sentence for all those that may not be looked at: one right is missing", () => {
    const cloud = new SmallCloud(3);
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key-${i}`, `${name(1)}${i}`]));
    cloud.secrets = { "key-0": name(100) };
    cloud.command({ kind: "apply", policy: policyOf({ settle: "0s" }) });
    cloud.step();
    cloud.secrets = many;
    cloud.until(() => Object.keys(cloud.record.stable?.release.secrets ?? {}).length === 300);
    cloud.unusable = Object.values(many).map((one) => ({ name: one, state: "UNREADABLE" }));
    cloud.step();
    expect(words(cloud)).toEqual(["up-to-date", "access-denied"]);
    expect(said(cloud)).toMatch(
      /version 1\d+ of secret web-key in acme-prod and 299 other versions may not be looked at/,
    );
    expect(cloud.record.reasons[1]?.evidence).toHaveLength(300);
  });

  it("is written down again when it gets worse, and not when it stays as it is", () => {
    const cloud = rolledTo(1);
    for (const found of [{ ...disabled(1), destroyAt: "2026-11-21T12:00:00.000Z" }, disabled(1), destroyed(1)]) {
      cloud.unusable = [found];
      cloud.step();
      cloud.step();
    }
    const written = cloud.decisions.flatMap(({ record }) => record.unwritten).map(({ what, text }) => [what, text]);
    expect(written.filter(([what]) => what === "secret-unavailable").map(([, text]) => text)).toEqual([
      expect.stringContaining("is disabled"),
      expect.stringContaining("is destroyed, and"),
    ]);
  });

  it("and that should be destroyed by now makes no look of a rollout come sooner", () => {
    const cloud = rolledTo(1);
    cloud.unusable = [{ ...disabled(1), destroyAt: instant(cloud.now - 1) }];
    cloud.head = imageOf("web-2", "1002");
    cloud.until(() => cloud.record.active?.phase === "baking");
    expect(words(cloud)).toContain("secret-unavailable");
    const { lastLook, nextLook } = cloud.record;
    expect(Date.parse(nextLook ?? "") - Date.parse(lastLook ?? "")).toBeGreaterThanOrEqual(4_000);
  });

  it("is said at every look of a rollout, also of looks that do not read the inputs", () => {
    const cloud = rolledTo(1);
    cloud.secrets = version(2);
    cloud.unusable = [disabled(1)];
    cloud.until(() => cloud.record.active?.phase === "converging");
    let looks = 0;
    for (; cloud.record.active; looks++) {
      expect(words(cloud)).toContain("secret-unavailable");
      cloud.step();
    }
    expect(looks).toBeGreaterThan(5);
    cloud.step();
    expect(words(cloud)).toEqual(["up-to-date", "no-way-back"]);
  });

  it("of a regional secret is enabled where it lies", () => {
    const cloud = new SmallCloud(3);
    const regional = "projects/acme-prod/locations/europe-west4/secrets/web-key/versions/4";
    cloud.command({ kind: "apply", policy: policyOf({ settle: "0s" }) });
    cloud.step();
    cloud.secrets = { key: regional };
    cloud.until(() => cloud.record.stable?.release.secrets.key === regional);
    cloud.unusable = [{ name: regional, state: "DISABLED" }];
    cloud.step();
    expect(said(cloud)).toMatch(/enable 4 --secret web-key --project acme-prod --location europe-west4/);
  });
});

describe("a version that only an older release needs", () => {
  it("is no alarm, and no secret either: there is no way back", () => {
    const cloud = rolledTo(2);
    cloud.unusable = [destroyed(1)];
    cloud.step();
    expect(words(cloud)).toEqual(["up-to-date", "no-way-back"]);
    expect(said(cloud)).toMatch(/version 1 of secret web-key in acme-prod is destroyed/);
  });

  it("and that nothing needs any more is not spoken of", () => {
    const cloud = rolledTo(2);
    cloud.unusable = [destroyed(1), destroyed(7)];
    cloud.step();
    expect(cloud.record.unusable).toEqual([destroyed(1)]);
  });
});

describe("a person's rollback", () => {
  it("to a release whose version is disabled is refused with what enables it, and done once it is", () => {
    const cloud = rolledTo(2);
    cloud.unusable = [disabled(1)];
    cloud.command({ kind: "rollback" });
    cloud.step();
    expect(cloud.record.active).toBeNull();
    expect(cloud.record.hold).toBeNull();
    const refused = cloud.decisions
      .flatMap(({ record }) => record.reasons)
      .findLast(({ word }) => word === "command-refused");
    expect(refused?.text).toMatch(/would not boot\. Enable it with "gcloud secrets versions enable 1 /);
    cloud.unusable = [];
    cloud.command({ kind: "rollback" });
    cloud.until(() => cloud.record.stable?.release.secrets.key === name(1));
  });

  it("passes over a release whose version is destroyed: said, and the same command goes to the one before", () => {
    const cloud = rolledTo(3);
    cloud.unusable = [destroyed(2)];
    cloud.command({ kind: "rollback" });
    cloud.step();
    expect(cloud.record.active).toBeNull();
    cloud.command({ kind: "rollback" });
    cloud.until(() => cloud.record.stable?.release.secrets.key === name(1));
  });

  it("with nowhere left to go says so", () => {
    const cloud = rolledTo(2);
    cloud.unusable = [destroyed(1)];
    cloud.command({ kind: "rollback" });
    cloud.look();
    expect(said(cloud)).toMatch(/There is no older release either/);
  });
});

describe("a plan", () => {
  it("says that there is no way back to a release whose version is disabled, and what that means", () => {
    const cloud = rolledTo(1, { mode: "approve" });
    cloud.head = imageOf("web-2", "1002");
    cloud.unusable = [disabled(1)];
    cloud.step();
    const foreseen = plan(cloud.record, cloud.observe(), { now: instant(cloud.now), sha256, places });
    expect(foreseen?.undo).toMatchObject({
      possible: false,
      text: expect.stringMatching(/web-1 would not boot: version 1 .* is disabled; a rollout that fails is paused/),
    });
  });
});

describe("a rollout that fails while the release it comes from cannot boot", () => {
  function failing(more: Record<string, unknown> = {}): SmallCloud {
    const cloud = rolledTo(1, more);
    cloud.unusable = [disabled(1)];
    cloud.secrets = version(2);
    cloud.behaviours.set("web-1", { report: "failed" });
    cloud.until(() => cloud.record.active?.phase === "paused");
    return cloud;
  }

  it("is paused and not put back: no machine of the old release is made", () => {
    const cloud = failing();
    const before = cloud.count((template) => template === "web-base");
    expect(words(cloud)).toContain("no-way-back");
    const kept = cloud.decisions.flatMap(({ effects }) => effects.filter(({ kind }) => kind === "keep-evidence"));
    expect(kept).toHaveLength(1);
    expect(said(cloud)).toMatch(/1 machine failed.*not put back by itself.*would not boot: version 1 .* is disabled/s);
    for (let i = 0; i < 20; i++) cloud.step();
    expect(cloud.record.active?.phase).toBe("paused");
    expect(cloud.count((template) => template === "web-base")).toBe(before);
  });

  it("does not put it back when the pause has lasted long enough either", () => {
    const cloud = failing({ limits: { progress: "5m", paused: "1m" } });
    for (let i = 0; i < 60; i++) cloud.step();
    expect(cloud.record.active?.phase).toBe("paused");
  });

  it.each([["rollback"], ["abort"]])("obeys a person's %s all the same", (kind) => {
    const cloud = failing();
    cloud.command({ kind, reason: "we know" });
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
  });

  it("ends when everything runs the old release, though its machines are healed for ever, and what mends it begins", () => {
    const cloud = failing();
    const update = cloud.update.bind(cloud);
    const before = new Set(cloud.group.machines.map(({ name }) => name));
    // The group makes them again and again, as they never become healthy.
    cloud.update = () => {
      update();
      for (const machine of cloud.group.machines)
        if (!before.has(machine.name)) Object.assign(machine, { action: "VERIFYING", health: "UNHEALTHY" });
    };
    cloud.command({ kind: "abort", reason: "we know" });
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
    expect(cloud.group.machines.some(({ action }) => action === "VERIFYING")).toBe(true);
    cloud.update = update;
    cloud.head = imageOf("web-2", "1002");
    cloud.secrets = version(3);
    cloud.until(() => cloud.record.stable?.release.image.name === "web-2");
  });

  it("begins nothing else when a person says that it is urgent: says once more why, and once only in the history", () => {
    const cloud = failing();
    cloud.head = imageOf("web-2", "1002");
    cloud.until(() => cloud.record.pending !== null);
    cloud.command({ kind: "begin", urgent: true });
    for (let i = 0; i < 20; i++) cloud.step(61_000);
    expect(cloud.record.active?.phase).toBe("paused");
    expect(said(cloud)).toMatch(/web-2, release \w+ is urgent: .* not put back by itself/);
    const written = cloud.decisions.flatMap(({ record }) => record.unwritten);
    expect(written.filter(({ text }) => text.includes("is urgent"))).toHaveLength(1);
  });

  it("goes back once the version is enabled and a person says so", () => {
    const cloud = failing();
    cloud.unusable = [];
    cloud.command({ kind: "rollback" });
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
  });

  it("is put back by itself where it was enabled again before it failed", () => {
    const cloud = rolledTo(1);
    cloud.unusable = [disabled(1)];
    cloud.secrets = version(2);
    cloud.step();
    cloud.unusable = [];
    cloud.now += 61_000;
    cloud.behaviours.set("web-1", { report: "failed" });
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
  });
});

describe("inputs that are taken back", () => {
  const [a, b] = ["a".repeat(64), "b".repeat(64)];

  function onCommit(commit: string): SmallCloud {
    const cloud = new SmallCloud(6);
    cloud.commit = commit;
    cloud.command({ kind: "apply", policy: policyOf({ config: { ref: "web/prod" } }) });
    cloud.step();
    return cloud;
  }
  function move(cloud: SmallCloud, commit: string): void {
    cloud.commit = commit;
    cloud.until(() => cloud.record.stable?.release.configCommit === commit);
  }

  it("are a rollout through the same gates: there, back, and there again", () => {
    const cloud = onCommit(a);
    for (const commit of [b, a, b, a]) {
      const before = cloud.record.rollouts;
      cloud.decisions.length = 0;
      move(cloud, commit);
      const passed = cloud.decisions.flatMap(({ moves }) => moves.map(([, to]) => to));
      expect(cloud.record.rollouts).toBe(before + 1);
      expect(passed).toEqual(expect.arrayContaining(["baking", "gating", "succeeded"]));
    }
    const kept = cloud.record.previous.map(({ release }) => release.digest);
    expect(new Set([...kept, cloud.record.stable?.release.digest]).size).toBe(kept.length + 1);
  });

  it("while they are rolled out put that back, and blame nobody", () => {
    const cloud = onCommit(a);
    cloud.commit = b;
    cloud.until(() => cloud.record.active?.phase === "baking");
    cloud.commit = a;
    cloud.now += 61_000;
    cloud.until(() => cloud.record.last !== null);
    expect(cloud.record.last).toMatchObject({ ending: "rolled-back", why: { word: "superseded" } });
    cloud.step();
    expect(cloud.record.quarantine).toEqual([]);
    expect(words(cloud)).toEqual(["adopted"]);
    move(cloud, b);
  });

  it("after they failed leave the fleet as it is; moved there again, they are still quarantined", () => {
    const cloud = onCommit(a);
    cloud.commit = b;
    cloud.behaviours.set("web-1", { report: "failed" });
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
    cloud.behaviours.clear();
    cloud.commit = a;
    cloud.step();
    expect(words(cloud)).toEqual(["adopted"]);
    cloud.commit = b;
    cloud.step();
    expect(words(cloud)).toEqual(["quarantined"]);
    cloud.head = imageOf("web-2", "1002");
    cloud.step();
    expect(words(cloud)).toEqual(["quarantined"]);
    cloud.commit = a;
    cloud.until(() => cloud.record.stable?.release.image.name === "web-2");
  });

  it("may be what failed: a commit that was stable before is quarantined too when its rollout fails", () => {
    const cloud = onCommit(a);
    move(cloud, b);
    cloud.commit = a;
    cloud.behaviours.set("web-1", { report: "failed" });
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
    cloud.step();
    expect(words(cloud)).toEqual(["quarantined"]);
    expect(cloud.record.stable?.release.configCommit).toBe(b);
  });
});
