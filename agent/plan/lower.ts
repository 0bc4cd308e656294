import { unitNameOf } from "../disks/escape.ts";
import type { Manifest, ManifestFile, ManifestLink, ManifestUnit, Origin } from "./manifest.ts";
import { systemdName } from "./sections/units.ts";

/** A file that some other section of the manifest turns into; `at` is that section. */
export interface LoweredFile extends Omit<ManifestFile, "origin"> {
  origin: Origin | { environment: ReadonlyMap<string, string> };
  /** Kept in memory whatever it holds. */
  memory: boolean;
  /** Secrets may stand in it. */
  secrets: boolean;
}

export interface Lowered {
  files: LoweredFile[];
  links: ManifestLink[];
  /** What systemd calls the manifest's units. */
  units: string[];
  start: string[];
}

const unitFolder = "/etc/systemd/system";
const memory = "/run/moult";
const timer = "moult-verify.timer";

/**
 * Turns units, disks and drift into files and links, so that nothing that places or seals has to know of them. See
 * systemd.unit(5), systemd.exec(5), systemd.mount(5), systemd.timer(5).
 */
export function lower({ units, disks, drift, environment }: Manifest): Lowered {
  const files: LoweredFile[] = [];
  const links: ManifestLink[] = [];
  const start: string[] = [];
  const add = (at: string, path: string, origin: LoweredFile["origin"], inMemory = false) =>
    files.push({
      at,
      path,
      origin,
      format: at.startsWith("units") && !inMemory ? "ini" : "text",
      owner: undefined,
      mode: inMemory ? 0o400 : undefined,
      existing: "replace",
      optional: false,
      memory: inMemory,
      secrets: inMemory,
    });
  const text = (at: string, path: string, lines: readonly string[]) =>
    add(at, path, { content: `${lines.join("\n")}\n` });
  const link = (at: string, folder: string, name: string) =>
    links.push({ at, path: `${unitFolder}/${folder}/${name}`, to: `../${name}`, existing: "replace" });

  const names = units.map(({ name }) => systemdName(name));
  const services = names.filter((name) => name.endsWith(".service"));
  units.forEach((unit, i) => {
    const name = names[i] ?? "";
    const { at, origin, wantedBy } = unit;
    if (origin) add(at, `${name === unit.name ? unitFolder : "/etc/containers/systemd"}/${unit.name}`, origin);
    if (wantedBy) {
      link(at, `${wantedBy}.wants`, name);
      start.push(name);
    }
    const settings = name === unit.name && name.endsWith(".service") ? serviceSettings(unit, environment, add) : [];
    if (name.endsWith(".service") && (origin || settings.length > 0))
      text(at, `${unitFolder}/${name}.d/50-moult.conf`, [
        "[Unit]",
        "Requires=moult-agent.service",
        "After=moult-agent.service",
        ...(settings.length > 0 ? ["[Service]", ...settings] : []),
      ]);
  });
  for (const { at, device, mount, fs, options } of disks) {
    const name = `${unitNameOf(mount)}.mount`;
    // Not after the agent, which starts it itself before anything else.
    text(at, `${unitFolder}/${name}`, [
      "[Unit]",
      ...(services.length > 0 ? [`Before=${services.join(" ")}`] : []),
      "[Mount]",
      `What=/dev/disk/by-id/google-${device}`,
      `Where=${mount}`,
      `Type=${fs}`,
      ...(options.length > 0 ? [`Options=${options.join(",")}`] : []),
    ]);
    for (const service of services) link(at, `${service}.requires`, name);
    start.unshift(name);
  }
  if (drift) {
    const seconds = drift.everyMs / 1_000;
    // The empty one takes back all that the image's timer says.
    text("drift", `${unitFolder}/${timer}.d/50-moult.conf`, [
      "[Timer]",
      "OnUnitActiveSec=",
      `OnActiveSec=${seconds}`,
      `OnUnitActiveSec=${seconds}`,
    ]);
    link("drift", "timers.target.wants", timer);
    start.push(timer);
  }
  return { files, links, units: names, start };
}

function serviceSettings(
  { at, name, environment, credentials }: ManifestUnit,
  shared: ReadonlyMap<string, string>,
  add: (at: string, path: string, origin: LoweredFile["origin"], inMemory: boolean) => void,
): string[] {
  const settings: string[] = [];
  const variables = new Map([...shared, ...environment]);
  if (variables.size > 0) {
    const path = `${memory}/environment/${name}`;
    add(`${at}.environment`, path, { environment: variables }, true);
    // A pattern to systemd, in which a backslash is an escape.
    settings.push(`EnvironmentFile=${path.replaceAll("\\", "\\\\")}`);
  }
  for (const [id, origin] of credentials) {
    const path = `${memory}/credentials/${name}/${id}`;
    add(`${at}.credentials.${id}`, path, origin, true);
    settings.push(`LoadCredential=${id}:${path}`);
  }
  return settings;
}
