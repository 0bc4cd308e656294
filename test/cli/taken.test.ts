import { describe, expect, it } from "vitest";
import { taken } from "../../cli/fleet/order.ts";
import { paths } from "../../functions/controller/records.ts";
import { emptyRecord, type HistoryEntry } from "../../functions/core/record.ts";
import { fakeCloud } from "../functions/controller/fakes.ts";

const MINE = "commands/web/2026-11-20T12:00:00.000Z-00000001.json";
const OTHER = "commands/web/2026-11-20T12:00:00.001Z-00000002.json";

const entry = (number: number, what: string, command?: string): HistoryEntry => ({
  number,
  at: "2026-11-20T12:00:01.000Z",
  what,
  word: "person",
  text: `${what} ${number}`,
  ...(command && { command }),
});

/** What a command of ours hears when the functions have written these entries since. */
async function heard(...entries: HistoryEntry[]): Promise<string[]> {
  const cloud = fakeCloud();
  const record = { ...emptyRecord("web"), entries: 4 + entries.length, unwritten: entries.slice(1) };
  await cloud.state.write(paths.record("web"), JSON.stringify(record), "0");
  for (const written of entries.slice(0, 1))
    await cloud.state.write(paths.history("web", written.number), JSON.stringify(written), "0");
  return (await taken(cloud, { fleet: "web", object: MINE, entries: 4 })).map(({ text }) => text);
}

describe("what becomes of a command, where two people speak at once", () => {
  it("the other's refusal is not ours", async () => {
    expect(await heard(entry(5, "command-refused", OTHER), entry(6, "held", MINE))).toEqual(["held 6"]);
  });

  it("ours is, and is the exit's text", async () => {
    await expect(heard(entry(5, "held", OTHER), entry(6, "command-refused", MINE))).rejects.toThrow(
      "command-refused 6",
    );
  });

  it("an entry that names no command may be ours: functions of an older version did not write whose it was", async () => {
    await expect(heard(entry(5, "command-refused"))).rejects.toThrow("command-refused 5");
  });
});
