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

const KINDS = /\.(service|mount|timer)$/;

/**
 * Services, mounts and timers of an image, without masked ones (empty, or a link to nothing) and templates.
 * @param brought name → text of those that are there when the image has none of the name.
 */
export function readUnits(root: string, brought: Record<string, string> = {}): Map<string, Unit> {
  const units = new Map<string, Unit>();
  const seen = new Set<string>();
  const add = (name: string, text: string) => {
    const unit = parseUnit(name, [text, ...dropIns(root, name)]);
    unit.requires.push(...linked(root, name, "requires"));
    unit.wants.push(...linked(root, name, "wants"));
    units.set(name, unit);
  };
  for (const folder of FOLDERS) {
    for (const name of namesIn(beneath(root, folder))) {
      if (!KINDS.test(name) || name.includes("@.") || seen.has(name)) continue;
      seen.add(name);
      const text = textOf(join(beneath(root, folder), name));
      if (text.trim() !== "") add(name, text);
    }
  }
  for (const [name, text] of Object.entries(brought)) if (!seen.has(name)) add(name, text);
  return units;
}

/** Names in `NAME.wants` or `NAME.requires`. */
function linked(root: string, name: string, kind: "wants" | "requires"): string[] {
  return FOLDERS.flatMap((folder) => namesIn(beneath(root, `${folder}/${name}.${kind}`)));
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

const TARGETS = ["multi-user.target", "timers.target"];

/**
 * What boots: units wanted by multi-user.target (that an [Install] section says so is taken for enabled), and what they want or
 * require, if the image has it.
 */
export function enabledUnits(root: string, units: ReadonlyMap<string, Unit>): Unit[] {
  const chosen = new Set<Unit>();
  const choose = (unit: Unit | undefined) => {
    if (!unit || chosen.has(unit)) return;
    chosen.add(unit);
    for (const name of [...unit.requires, ...unit.wants]) choose(units.get(name));
  };
  for (const unit of units.values()) if (unit.wantedBy.some((target) => TARGETS.includes(target))) choose(unit);
  for (const target of TARGETS)
    for (const name of [...linked(root, target, "wants"), ...linked(root, target, "requires")]) choose(units.get(name));
  return [...chosen];
}
