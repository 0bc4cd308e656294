import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CliError, EXIT } from "../failure.ts";

/** Writes a manifest and its files/ into a folder. Refuses, before it writes anything, what would take the place of something. */
export function writeInto(folder: string, yaml: string, sources: ReadonlyMap<string, Buffer>): void {
  const manifest = join(folder, "manifest.yaml");
  const files = join(folder, "files");
  for (const path of [manifest, files])
    if (isTaken(path))
      throw new CliError(EXIT.usage, `${path} is there already, and nothing was written`, "Name another folder.");
  try {
    mkdirSync(files, { recursive: true });
    for (const [name, bytes] of sources) {
      mkdirSync(dirname(join(files, name)), { recursive: true });
      writeFileSync(join(files, name), bytes, { flag: "wx" });
    }
    // Last, so that a manifest that is there has its files.
    writeFileSync(manifest, yaml, { flag: "wx" });
  } catch (problem) {
    const code = problem instanceof Error && "code" in problem ? String(problem.code) : String(problem);
    throw new CliError(
      EXIT.usage,
      `${folder} cannot be written: ${code}`,
      "See to its rights, or name another folder.",
    );
  }
}

/** An empty folder is as good as none. */
function isTaken(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    return readdirSync(path).length > 0;
  } catch {
    return true;
  }
}
