import { readFileSync } from "node:fs";
import { credentialsOf } from "./credentials.ts";
import { readEnvironmentFile } from "./environmentfile.ts";
import type { Program } from "./group.ts";
import { type Guest, guestEnvironment } from "./guest.ts";
import { beneath, mapped } from "./root.ts";
import type { Command, Unit } from "./unitfile.ts";
import { closedFolder, findGroup, findUser } from "./users.ts";
import { expandSpecifiers, expandWords } from "./words.ts";

const NODE = new Set(["node", "nodejs", "/usr/bin/node", "/usr/bin/nodejs", "/usr/local/bin/node"]);

/** Turns one command of a unit into a program of this computer. Throws when a file the unit names is not there. */
export function unitProgram(guest: Guest, unit: Unit, command: Command): Program {
  const person = personOf(guest, unit);
  const env = { ...environment(guest, unit, person), ...credentialsOf(guest, unit, person) };
  const specified = command.words.map((word) => expandSpecifiers(word, unit.name, guest.hostname));
  const [file = "", ...rest] = command.expand ? expandWords(specified, env) : specified;
  const args = (command.named ? rest.slice(1) : rest).map((word) => mapped(guest.root, word));
  return {
    file: NODE.has(file) ? process.execPath : mapped(guest.root, file),
    args,
    ...(command.named && rest[0] !== undefined && { argv0: rest[0] }),
    cwd: folderOf(guest, unit, env),
    env,
    ...(person.uid !== undefined && { uid: person.uid }),
    ...(person.gid !== undefined && { gid: person.gid }),
  };
}

function environment(guest: Guest, unit: Unit, person: ReturnType<typeof personOf>): Record<string, string> {
  const env = { ...guestEnvironment(guest), GCE_METADATA_HOST: guest.metadata };
  if (person.name !== undefined) {
    Object.assign(env, { USER: person.name, LOGNAME: person.name, HOME: beneath(guest.root, person.home ?? "/") });
  }
  const pairs = unit.environment.map((pair) => expandSpecifiers(pair, unit.name, guest.hostname));
  for (const { path, optional } of unit.environmentFiles) pairs.push(...fileOf(guest, path, optional));
  for (const pair of pairs) {
    const cut = pair.indexOf("=");
    if (cut > 0) Object.assign(env, { [pair.slice(0, cut)]: pair.slice(cut + 1) });
  }
  return env;
}

function fileOf(guest: Guest, path: string, optional: boolean): string[] {
  let text: string;
  try {
    text = readFileSync(mapped(guest.root, path), "utf8");
  } catch {
    if (optional) return [];
    throw new Error(`its EnvironmentFile ${path} is not there`);
  }
  return readEnvironmentFile(text).map(([name, value]) => `${name}=${value}`);
}

function folderOf(guest: Guest, unit: Unit, env: Record<string, string>): string {
  const wanted = unit.workingDirectory;
  if (!wanted) return guest.root;
  if (wanted.path === "~") return env.HOME ?? guest.root;
  const folder = mapped(guest.root, wanted.path);
  if (folder !== wanted.path) return folder;
  if (wanted.optional) return guest.root;
  throw new Error(`its WorkingDirectory ${wanted.path} is not there`);
}

function personOf(guest: Guest, unit: Unit): { name?: string; home?: string; uid?: number; gid?: number } {
  const { user, group } = unit;
  if (user === undefined && group === undefined) return {};
  const what = [user && `User=${user}`, group && `Group=${group}`].filter(Boolean).join(" ");
  const ignore = (why: string) => {
    guest.say(`${unit.name}: ${what} is ignored: ${why}`);
    return {};
  };
  if (process.getuid?.() !== 0) return ignore("the emulator does not run as root");
  const person = user === undefined ? undefined : findUser(guest.root, user);
  if (user !== undefined && !person) return ignore("there is no such user");
  const gid = group === undefined ? person?.gid : findGroup(guest.root, group);
  if (gid === undefined) return ignore("there is no such group");
  if (person && person.uid !== 0) {
    const closed = closedFolder(guest.root) ?? closedFolder(process.execPath);
    if (closed !== undefined) return ignore(`others cannot enter ${closed}`);
  }
  return { gid, ...(person && { name: person.name, home: person.home, uid: person.uid }) };
}
