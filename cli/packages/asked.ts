import { stat } from "node:fs/promises";
import { usage } from "../args.ts";
import { version } from "../installation.ts";
import { collect } from "./collect.ts";
import { openRoot } from "./root.ts";
import { type Contents, contentsOf, readContents } from "./stored.ts";

type Env = Record<string, string | undefined>;

/** When something is built: SOURCE_DATE_EPOCH (seconds since 1970) where it is set, so that a build can be repeated. RFC 3339. */
export function buildTime(env: Env): string {
  const epoch = env.SOURCE_DATE_EPOCH;
  if (!epoch) return `${new Date().toISOString().slice(0, 19)}Z`;
  if (!/^\d{1,11}$/.test(epoch)) throw usage(`SOURCE_DATE_EPOCH must be seconds since 1970, not "${epoch}"`);
  return `${new Date(Number(epoch) * 1000).toISOString().slice(0, 19)}Z`;
}

/** The packages of folders, with what was left out told in sentences. Undefined when there is no package database. */
export async function collectAsked(
  folders: readonly string[],
  env: Env,
  tell: (sentence: string) => void,
  rpm?: string,
): Promise<Contents | undefined> {
  for (const folder of folders)
    if (!(await stat(folder).catch(() => undefined))?.isDirectory()) throw usage(`${folder} is not a folder`);
  const found = await collect(openRoot(folders), folders.at(-1) ?? "", rpm);
  if (!found) return undefined;
  for (const omitted of found.omitted) tell(`left out of the package list: ${omitted}`);
  return contentsOf(found.list, { time: buildTime(env), moult: version() });
}

/** What `image create --packages` asks for: a folder's list, or the one of the image's own folders. */
export async function contentsAsked(
  packages: string | undefined,
  from: readonly string[],
  env: Env,
  tell: (sentence: string) => void,
): Promise<Contents | undefined> {
  if (packages === undefined) return undefined;
  if (packages !== "auto") return readContents(packages);
  if (from.some((path) => /\.(tar\.gz|tgz)$/.test(path))) {
    tell(
      "no package list: an archive is not looked into; collect it at bake with moult image packages --root / --out DIR",
    );
    return undefined;
  }
  const found = await collectAsked(from, env, tell);
  if (!found) tell(`no package list: ${from.join(", ")} has no package database (dpkg's, apk's or rpm's)`);
  return found;
}
