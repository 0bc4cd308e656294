import { describe, expect, it } from "vitest";
import { pinsOf, splitVersion, type Use } from "../../../cli/secrets/pins.ts";
import { pinsText } from "../../../cli/secrets/text.ts";

const SECRET = "projects/acme/secrets/web-db";
const use = (weight: Use["weight"], by: string, more: Partial<Use> = {}): Use => ({
  secret: SECRET,
  version: 3,
  weight,
  by,
  live: false,
  ...more,
});
const machine = use("runs", "instance web-1", { live: true });
const stable = use("runs", "the stable release aa of fleet web");
const previous = use("rollback", "the previous release bb of fleet web");

describe("what is said of a version", () => {
  const rows: [string, Use[], { state: string; destroyAt?: string } | undefined, string[], string, RegExp][] = [
    ["enabled, and a machine runs with it", [machine], { state: "ENABLED" }, [], "needed", /web-1$/],
    ["disabled, and a machine needs it", [machine], { state: "DISABLED" }, [], "alarm", /ALARM.*web-1.*Enable it/],
    ["destroyed, and the stable release needs it", [stable], { state: "DESTROYED" }, [], "alarm", /ALARM.*stable/],
    [
      "never there, and the stable release needs it",
      [stable],
      undefined,
      [],
      "alarm",
      /MISSING.*ALARM.*roll to another/,
    ],
    [
      "enabled, and to be destroyed while it is needed",
      [stable],
      { state: "ENABLED", destroyAt: "2026-11-21T00:00:00Z" },
      [],
      "alarm",
      /ENABLED, destroyed in 24 h.*ALARM/,
    ],
    ["only a rollback would need it", [previous], { state: "ENABLED" }, [], "spare", /no machine; destroying it ends/],
    ["destroyed, and only a rollback would need it", [previous], { state: "DESTROYED" }, [], "spare", /it has ended/],
    ["nothing needs it", [], { state: "ENABLED" }, [], "free", /nothing: it can be destroyed/],
    [
      "nothing needs it, as far as could be read",
      [],
      { state: "ENABLED" },
      ["the record of db"],
      "unknown",
      /not known/,
    ],
    ["needed, whatever could not be read", [machine], { state: "ENABLED" }, ["the record of db"], "needed", /web-1$/],
    ["destroyed, and nothing needs it", [], { state: "DESTROYED" }, [], "gone", /nothing$/],
    [
      "a rollout may begin with it",
      [use("next", "the fleet file of web")],
      { state: "ENABLED" },
      [],
      "spare",
      /the fleet file of web$/,
    ],
  ];
  it.each(rows)("%s", (_, uses, found, unread, verdict, text) => {
    const versions = found ? [{ number: 3, ...found }] : [];
    const pins = pinsOf(uses, [{ secret: SECRET, versions }], unread);
    expect(pins.map((pin) => pin.verdict)).toEqual([verdict]);
    expect(pinsText(pins, (_name, value) => value, Date.parse("2026-11-20T00:00:00Z")).split("\n")[1]).toMatch(text);
  });

  it("a secret that could not be read is needed where machines need it, and not known where not", () => {
    const pins = pinsOf([machine, { ...previous, version: 2 }], [{ secret: SECRET, versions: undefined }], [SECRET]);
    expect(pins.map(({ version, state, verdict }) => [version, state, verdict])).toEqual([
      [3, "UNREAD", "needed"],
      [2, "UNREAD", "unknown"],
    ]);
  });

  it("versions are newest first; machines are named once; what needs it, the most important first", () => {
    const versions = [2, 10, 3].map((number) => ({ number, state: "ENABLED" }));
    const [newest, ...older] = pinsOf(
      [
        { ...previous, version: 10 },
        { ...machine, version: 10 },
        { ...machine, version: 10 },
        { ...stable, version: 10 },
      ],
      [{ secret: SECRET, versions }],
      [],
    );
    expect(older.map(({ version }) => version)).toEqual([3, 2]);
    expect(newest?.instances).toEqual(["web-1"]);
    expect(newest?.needs.map(({ weight }) => weight)).toEqual(["runs", "rollback"]);
  });
});

it.each([
  ["projects/p/secrets/s/versions/12", { secret: "projects/p/secrets/s", version: 12 }],
  ["projects/p/locations/l/secrets/s/versions/1", { secret: "projects/p/locations/l/secrets/s", version: 1 }],
  ["projects/p/secrets/s/versions/latest", undefined],
  ["projects/p/secrets/s/versions/0", undefined],
  ["vault://127.0.0.1/kv/web?version=4#key", undefined],
])("%s is %o", (name, split) => {
  expect(splitVersion(name)).toEqual(split);
});
