import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { list } from "tar";
import { describe, expect, it } from "vitest";
import { packFolders } from "../../cli/images/pack.ts";
import { scratch, writeScratch } from "./scratch.ts";

async function pack(...folders: string[]): Promise<{ bytes: Buffer; entries: string[] }> {
  const file = join(scratch(), "packed.tar.gz");
  await packFolders(
    folders.map((name) => join(scratch(), name)),
    file,
  );
  const entries: string[] = [];
  await list({
    file,
    onReadEntry: ({ path, type, linkpath }) => entries.push(`${path} ${type}${linkpath ? ` → ${linkpath}` : ""}`),
  });
  return { bytes: readFileSync(file), entries };
}

describe("an image's archive", () => {
  it("is the same, byte for byte, whatever the order, times and owners of the files", async () => {
    for (const name of ["b", "a", "c/d"]) writeScratch(`first/${name}`, name);
    for (const name of ["c/d", "a", "b"]) writeScratch(`second/${name}`, name);
    utimesSync(join(scratch(), "second", "a"), 1, 1);
    const [first, second] = [await pack("first"), await pack("second")];
    expect(first.bytes.equals(second.bytes)).toBe(true);
    expect(first.entries).toEqual(["./a File", "./b File", "./c/ Directory", "./c/d File"]);
    writeScratch("second/a", "other");
    expect((await pack("second")).bytes.equals(first.bytes)).toBe(false);
  });

  it("keeps what may be run, and links as links", async () => {
    chmodSync(writeScratch("kinds/run.sh", "#!/bin/sh\n"), 0o755);
    writeScratch("kinds/@odd", "a name that tar would read otherwise");
    mkdirSync(join(scratch(), "kinds/empty"));
    symlinkSync("/etc/elsewhere", join(scratch(), "kinds/link"));
    const { entries } = await pack("kinds");
    expect(entries).toEqual([
      "./@odd File",
      "./empty/ Directory",
      "./link SymbolicLink → /etc/elsewhere",
      "./run.sh File",
    ]);
    const modes: (number | undefined)[] = [];
    await list({
      file: join(scratch(), "packed.tar.gz"),
      onReadEntry: ({ mode, path }) => path.endsWith("run.sh") && modes.push(mode),
    });
    expect(modes).toEqual([0o755]);
  });

  it("lays later folders over earlier ones", async () => {
    writeScratch("below/opt/app", "old");
    writeScratch("below/etc/kept", "kept");
    writeScratch("above/opt/app", "new");
    writeScratch("both/opt/app", "new");
    writeScratch("both/etc/kept", "kept");
    const [layered, flat] = [await pack("below", "above"), await pack("both")];
    expect(layered.bytes.equals(flat.bytes)).toBe(true);
    rmSync(join(scratch(), "both"), { recursive: true });
  });
});
