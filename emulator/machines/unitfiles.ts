import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beneath } from "./root.ts";
import { parseUnit, type Unit } from "./unitfile.ts";

/** First found wins, as in systemd.unit(5). */
const FOLDERS = [
  "/etc/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];

/** All service units of an image, without masked ones (empty, or a link to nothing) and templates. */
export function readUnits(root: string): Map<string, Unit> {
  const units = new Map<string, Unit>();
  const seen = new Set<string>();
  for (const folder of FOLDERS) {
    for (const name of namesIn(beneath(root, folder))) {
      if (!name.endsWith(".service") || name.includes("@.") || seen.has(name)) continue;
      seen.add(name);
      const text = textOf(join(beneath(root, folder), name));
      if (text.trim() !== "") units.set(name, parseUnit(name, [text, ...dropIns(root, name)]));
    }
  }
  return units;
}

function dropIns(root: string, name: string): string[] {
  const files = new Map<string, string>();
  for (const folder of FOLDERS) {
    const inside = beneath(root, `${folder}/${name}.d`);
    for (const file of namesIn(inside)) {
      if (file.endsWith(".conf") && !files.has(file)) files.set(file, textOf(join(inside, file)));
    }
  }
  return [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** What boots: units wanted by multi-user.target, and what they want or require, if the image has it. */
export function enabledUnits(units: ReadonlyMap<string, Unit>): Unit[] {
  const chosen = new Set<Unit>();
  const choose = (unit: Unit | undefined) => {
    if (!unit || chosen.has(unit)) return;
    chosen.add(unit);
    for (const name of [...unit.requires, ...unit.wants]) choose(units.get(name));
  };
  for (const unit of units.values()) if (unit.wantedBy.includes("multi-user.target")) choose(unit);
  return [...chosen];
}
