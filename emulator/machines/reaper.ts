import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Reads `add GROUP` and `drop GROUP` until its input ends, which also happens when the emulator is killed; then kills
 * every group it still knows, and whatever else runs in an instance of this emulator ($1 is the folder they live in).
 */
const SCRIPT = `
groups=
while read -r verb group; do
  case $verb in
    add) groups="$groups $group" ;;
    drop) rest=; for g in $groups; do [ "$g" = "$group" ] || rest="$rest $g"; done; groups=$rest ;;
  esac
done
for g in $groups; do kill -s KILL -- "-$g"; done
for round in 1 2; do
  for file in $(grep -lsF "INSTANCE_ROOT=$1/" /proc/[0-9]*/environ); do
    pid=\${file#/proc/}
    kill -s KILL "\${pid%/environ}"
  done
done
`;

/** Sees to it that no program of an instance outlives the emulator, however the emulator ends. */
export class Reaper {
  readonly #folder: string;
  #child: ChildProcess | undefined;

  /** @param folder holds the instances' folders. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  add(group: number): void {
    this.#tell(`add ${group}\n`);
  }

  drop(group: number): void {
    this.#tell(`drop ${group}\n`);
  }

  async close(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child) return;
    const exited = once(child, "exit");
    child.stdin?.end();
    if (child.exitCode === null && child.signalCode === null) await exited;
  }

  #tell(line: string): void {
    if (!this.#child) {
      // Its own session, so that Ctrl-C at the terminal ends the emulator first.
      this.#child = spawn("/bin/sh", ["-c", SCRIPT, "reaper", this.#folder], {
        detached: true,
        stdio: ["pipe", "ignore", "ignore"],
        env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
      });
      this.#child.on("error", (problem) => console.error("emulator: reaper:", problem));
      this.#child.stdin?.on("error", () => {});
    }
    this.#child.stdin?.write(line);
  }
}
