import { describe, expect, it } from "vitest";
import { SeenSecrets } from "../../../functions/controller/secrets.ts";
import type { SecretRef } from "../../../functions/core/policy.ts";
import { Failure } from "../../../functions/google/failure.ts";
import type { Secrets, SecretVersionView } from "../../../functions/google/secrets.ts";
import { fakeCloud } from "./fakes.ts";

const SECRET = "projects/acme-prod/secrets/web-db";
const GONE = new Failure("missing", 404, "read", "not found");

/** One secret whose versions are numbered from 1, and what was asked of it. */
function vault(versions: (Omit<SecretVersionView, "number"> | string)[], aliases: Record<string, number> = {}) {
  const asked: string[] = [];
  const views = versions.map((one, i) => ({ ...(typeof one === "string" ? { state: one } : one), number: i + 1 }));
  const secrets: Secrets = {
    ...fakeCloud().secrets,
    enabled: async (secret) => {
      asked.push(`list ${secret}`);
      if (secret !== SECRET) throw GONE;
      return views.filter(({ state }) => state === "ENABLED").map(({ number }) => number);
    },
    aliased: async (_, alias) => aliases[alias],
    version: async (name) => {
      asked.push(name);
      const found = views.find(({ number }) => name === `${SECRET}/versions/${number}`);
      if (!found) throw GONE;
      return found;
    },
  };
  return { seen: new SeenSecrets(secrets), asked, secrets };
}

const ref = (version: SecretRef["version"], more: Partial<SecretRef> = {}): SecretRef => ({
  secret: "web-db",
  project: "acme-prod",
  version,
  ...more,
});

describe("the version a release names", () => {
  it.each<[string, Parameters<typeof vault>, SecretRef, unknown]>([
    ["is the newest that is enabled", [["ENABLED", "ENABLED"]], ref("newest"), `${SECRET}/versions/2`],
    [
      "passes over a newer one that is not",
      [["ENABLED", "ENABLED", "DISABLED"]],
      ref("newest"),
      `${SECRET}/versions/2`,
    ],
    [
      "is none where none is enabled",
      [["DISABLED"]],
      ref("newest"),
      /an enabled version of secret web-db in acme-prod/,
    ],
    ["is the one that is pinned", [["ENABLED", "ENABLED"]], ref(1), `${SECRET}/versions/1`],
    [
      "is not one that is disabled, though it is pinned",
      [["DISABLED", "ENABLED"]],
      ref(1),
      /version 1 of .* is DISABLED/,
    ],
    ["is not one that is not there", [["ENABLED"]], ref(7), /version 7 of .* does not exist/],
    [
      "is what the alias points to, older or not",
      [["ENABLED", "ENABLED"], { blue: 1 }],
      ref({ alias: "blue" }),
      `${SECRET}/versions/1`,
    ],
    [
      "is not the newest where the alias points to a disabled one",
      [["DISABLED", "ENABLED"], { blue: 1 }],
      ref({ alias: "blue" }),
      /version 1 of .* is DISABLED; alias blue points to it/,
    ],
    [
      "is not the newest where the alias points to a destroyed one",
      [["DESTROYED", "ENABLED"], { blue: 1 }],
      ref({ alias: "blue" }),
      /is DESTROYED; alias blue/,
    ],
    [
      "is none for an alias that is not there",
      [["ENABLED"]],
      ref({ alias: "green" }),
      /alias green of secret web-db in acme-prod does not exist/,
    ],
  ])("%s", async (_, world, wanted, expected) => {
    const found = await vault(...world).seen.resolve(wanted);
    if (expected instanceof RegExp)
      expect(found).toEqual({ problem: "missing", text: expect.stringMatching(expected) });
    else expect(found).toBe(expected);
  });

  it("of a regional secret carries its region", async () => {
    const { seen, asked } = vault(["ENABLED"]);
    const found = await seen.resolve(ref("newest", { location: "europe-west4" }));
    expect(asked).toEqual(["list projects/acme-prod/locations/europe-west4/secrets/web-db"]);
    expect(found).toMatchObject({ text: expect.stringMatching(/secret web-db in acme-prod, europe-west4/) });
  });
});

describe("versions that releases need", () => {
  const names = [1, 2, 3].map((number) => `${SECRET}/versions/${number}`);

  it("cost one list where all are enabled, also when the newest is asked for as well", async () => {
    const { seen, asked } = vault(["ENABLED", "ENABLED", "ENABLED"]);
    const [found] = await Promise.all([seen.unusable(names), seen.resolve(ref("newest"))]);
    expect(found).toEqual([]);
    expect(asked).toEqual([`list ${SECRET}`]);
  });

  it.each<[string, Parameters<typeof vault>[0], object[]]>([
    ["disabled", ["ENABLED", "DISABLED", "ENABLED"], [{ name: names[1], state: "DISABLED" }]],
    ["destroyed", ["DESTROYED", "ENABLED", "ENABLED"], [{ name: names[0], state: "DESTROYED" }]],
    [
      "to be destroyed, with the instant",
      ["ENABLED", "ENABLED", { state: "DISABLED", destroyAt: "2026-11-21T12:00:00.000Z" }],
      [{ name: names[2], state: "DISABLED", destroyAt: "2026-11-21T12:00:00.000Z" }],
    ],
    ["not there", ["ENABLED", "ENABLED"], [{ name: names[2], state: "GONE" }]],
  ])("are told when one is %s", async (_, versions, expected) => {
    expect(await vault(versions).seen.unusable(names)).toEqual(expected);
  });

  it("are gone with their secret", async () => {
    const name = "projects/acme-prod/secrets/other/versions/1";
    expect(await vault([]).seen.unusable([name])).toEqual([{ name, state: "GONE" }]);
  });

  it("are not known where nobody may look, and asked for again when Secret Manager is only away", async () => {
    const { seen, secrets } = vault(["ENABLED"]);
    secrets.enabled = () => Promise.reject(new Failure("denied", 403, "list", "denied"));
    expect(await new SeenSecrets(secrets).unusable(names.slice(0, 1))).toEqual([]);
    secrets.version = () => Promise.reject(new Failure("denied", 403, "get", "denied"));
    expect(await seen.unusable(names.slice(0, 1))).toEqual([{ name: names[0], state: "UNREADABLE" }]);
    secrets.enabled = () => Promise.reject(new Failure("unavailable", 503, "list", "try later"));
    await expect(new SeenSecrets(secrets).unusable(names)).rejects.toMatchObject({ kind: "unavailable" });
  });

  it("are what was enabled when the list was read, or is by now", async () => {
    const { seen, secrets } = vault(["ENABLED"]);
    secrets.enabled = async () => [];
    expect(await seen.unusable(names.slice(0, 1))).toEqual([]);
  });
});
