import { randomBytes } from "node:crypto";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findLeaks, spellings } from "../../cli/demo/leaks.ts";
import { scratch, writeScratch } from "./scratch.ts";

const secret = randomBytes(24).toString("hex");
const value = Buffer.from(secret);
const inside = (text: string) => Buffer.from(`{"a":"${text}"}`);

describe("the search for a secret's value", () => {
  const rows: [string, Buffer, boolean][] = [
    ["the value itself", inside(secret), true],
    ["its base64", inside(value.toString("base64")), true],
    ["a longer text in base64", inside(Buffer.from(`password=${secret};`).toString("base64")), true],
    ["the same, made for URLs", inside(Buffer.from(`?password=${secret};`).toString("base64url")), true],
    ["its hex", inside(value.toString("hex")), true],
    ["half of it", inside(secret.slice(0, 24)), false],
    ["its length", inside(String(secret.length)), false],
  ];
  for (const [sentence, content, found] of rows) {
    it(`${found ? "finds" : "does not mistake"} ${sentence}`, async () => {
      const file = writeScratch(`${sentence}/deep/file`, content);
      const leaks = await findLeaks(join(scratch(), sentence), value);
      expect(leaks).toEqual(found ? [join("deep", "file")] : []);
      expect(file).toContain("deep");
    });
  }

  it("leaves out what stands for a tmpfs, and only that", async () => {
    const disk = ["instances", "web-1", "root"];
    writeScratch(join("tmpfs", ...disk, "run", "moult", "greeting"), secret);
    writeScratch(join("tmpfs", ...disk, "var", "run", "greeting"), secret);
    symlinkSync("/nowhere", join(scratch(), "tmpfs", "link"));
    expect(await findLeaks(join(scratch(), "tmpfs"), value)).toEqual([join(...disk, "var", "run", "greeting")]);
  });

  it("finds any value in base64, whatever stands around it", () => {
    const bytes = (minLength: number) => fc.uint8Array({ minLength, maxLength: 40 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(bytes(0), bytes(8), bytes(0), (before, held, after) => {
        const text = Buffer.concat([before, held, after]);
        const found = (where: Buffer) => spellings(held).some((needle) => where.includes(needle));
        expect(found(Buffer.from(text.toString("base64")))).toBe(true);
        expect(found(Buffer.from(text.toString("base64url")))).toBe(true);
      }),
    );
  });
});
