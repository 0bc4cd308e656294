import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join, resolve } from "node:path";

/** Raised when what is saved changes shape; an older folder is then refused rather than misread. */
export const VERSION = 2;

export interface SavedState {
  version: number;
  /** Whose state it is; names of resources contain it. */
  project?: string;
  ids: number;
  services: Record<string, unknown>;
}

/**
 * State in a folder: one JSON file, replaced whole, at most this long after a change. What a crash of the emulator itself
 * can lose is that much; a clean stop loses nothing.
 */
const SAVE_DELAY_MS = 200;

export class StateFolder {
  readonly #folder: string;
  readonly #file: string;
  readonly #lock: string;
  #save: (() => Omit<SavedState, "version">) | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(folder: string) {
    this.#folder = resolve(folder);
    this.#file = join(this.#folder, "state.json");
    this.#lock = join(this.#folder, "lock");
  }

  /** Creates and locks the folder. Throws when a living emulator holds it. */
  static open(folder: string): StateFolder {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const state = new StateFolder(folder);
    state.#takeLock();
    return state;
  }

  #takeLock(): void {
    for (const last of [false, true]) {
      try {
        const fd = openSync(this.#lock, "wx", 0o600);
        writeSync(fd, String(process.pid));
        closeSync(fd);
        held.add(this.#lock);
        return;
      } catch (problem) {
        if ((problem as NodeJS.ErrnoException).code !== "EEXIST") throw problem;
        const holder = Number(readFileSync(this.#lock, "utf8"));
        // A lock with our own process id that we do not hold is of a process before us that had the same.
        if (last || (holder === process.pid ? held.has(this.#lock) : alive(holder))) {
          throw new Error(
            `${this.#folder} is in use by the emulator with process id ${holder}; stop it, or take another folder`,
          );
        }
        rmSync(this.#lock, { force: true });
      }
    }
  }

  /** What was saved, or undefined in a new folder. Throws when another version wrote it. */
  read(): SavedState | undefined {
    let text: string;
    try {
      text = readFileSync(this.#file, "utf8");
    } catch (problem) {
      if ((problem as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw problem;
    }
    const saved = JSON.parse(text) as SavedState;
    checkVersion(saved, this.#file);
    return saved;
  }

  attach(source: { save: () => Omit<SavedState, "version"> }): void {
    this.#save = source.save;
  }

  changed(): void {
    this.#timer ??= setTimeout(() => this.saveNow(), SAVE_DELAY_MS);
  }

  saveNow(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#save) return;
    const beside = `${this.#file}.new`;
    writeFileSync(beside, JSON.stringify({ version: VERSION, ...this.#save() }), { mode: 0o600 });
    const fd = openSync(beside, "r");
    fsyncSync(fd);
    closeSync(fd);
    renameSync(beside, this.#file);
  }

  release(): void {
    clearTimeout(this.#timer);
    rmSync(this.#lock, { force: true });
    held.delete(this.#lock);
  }
}

/** Throws when `saved` is not of this version. `where` is what a person knows it by. */
export function checkVersion(saved: Pick<SavedState, "version">, where: string): void {
  if (saved.version === VERSION) return;
  throw new Error(
    `${where} was written in version ${saved.version} of the format, this emulator reads ${VERSION}; use a new folder, or the moult that wrote it`,
  );
}

/** Locks that emulators of this process hold. */
const held = new Set<string>();

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (problem) {
    return (problem as NodeJS.ErrnoException).code === "EPERM";
  }
}
