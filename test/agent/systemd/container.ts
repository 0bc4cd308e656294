import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { FakeCloud } from "../cloud.ts";
import { ended, testNode } from "../machine.ts";

const script = new URL("container.sh", import.meta.url).pathname;
const infra = new URL("../../../infra/", import.meta.url).pathname;

/** @returns why no systemd can be process 1 of a container here; undefined: it can. */
export function obstacle(): string | undefined {
  if (process.platform !== "linux") return "this is no Linux";
  if (process.getuid?.() !== 0) return "only root makes namespaces and mounts";
  if (!existsSync("/usr/lib/systemd/systemd")) return "there is no systemd on this machine";
  for (const program of ["script", "nsenter", "unshare", "mount"])
    if (spawnSync(program, ["--version"]).error) return `there is no ${program}`;
  const work = mkdtempSync(join(tmpdir(), "moult-probe-"));
  try {
    const mounts =
      "mkdir a b c d && mount -t overlay o -o ro,lowerdir=a:b c && mount -t cgroup2 g d && mkdir d/probe-$$ && rmdir d/probe-$$";
    const tried = spawnSync(
      "unshare",
      [
        "--mount",
        "--pid",
        "--uts",
        "--ipc",
        "--net",
        "--cgroup",
        "--fork",
        "--propagation",
        "private",
        "sh",
        "-c",
        mounts,
      ],
      { cwd: work, encoding: "utf8" },
    );
    if (tried.status !== 0) return tried.stderr.trim() || tried.error?.message || "namespaces are refused";
    return undefined;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Inside, metadata and the APIs are here; the container's loopback is its own. */
const address = "127.0.0.1:8080";
const relay = `const { connect, createServer } = require("node:net");
const server = createServer((one) => {
  const other = connect(process.argv[1]);
  for (const [from, to] of [[one, other], [other, one]]) from.on("error", () => to.destroy()).pipe(to);
});
const listen = () => server.listen(8080, "127.0.0.1");
server.on("error", () => setTimeout(listen, 20));
listen();`;

/** One machine with the real systemd: its persistent root is `image`, and it can be booted again and again. */
export class Container {
  readonly work = mkdtempSync(join(tmpdir(), "moult-systemd-"));
  readonly image = join(this.work, "image");
  readonly console = join(this.work, "console.log");
  readonly #sockets = new Set<{ destroy(): void }>();
  readonly #gate: Server;
  #gone: Promise<unknown> | undefined;
  #relay: ChildProcess | undefined;
  #pid = 0;
  #loop = "";

  constructor(cloud: FakeCloud, bundles: string) {
    for (const folder of "etc var/lib var/log var/tmp proc sys dev run tmp root usr/bin srv".split(" "))
      mkdirSync(join(this.image, folder), { recursive: true });
    for (const link of ["bin", "sbin", "lib", "lib64"])
      if (existsSync(`/usr/${link}`)) symlinkSync(`usr/${link}`, join(this.image, link));
    this.write("/usr/bin/node", "");
    for (const file of ["passwd", "group", "nsswitch.conf", "ld.so.cache"])
      if (existsSync(`/etc/${file}`)) this.write(`/etc/${file}`, readFileSync(`/etc/${file}`));
    this.write("/etc/machine-id", "");
    // Of this machine's own units, those that a container of this kind has no use for.
    for (const unit of ["console-getty.service", "systemd-logind.service", "getty.target"])
      this.link(`/etc/systemd/system/${unit}`, "/dev/null");
    this.write("/etc/systemd/journald.conf.d/test.conf", "[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n");
    this.install(bundles);
    const elsewhere = ["secretmanager", "storage", "pubsub"]
      .map((api) => `--endpoint ${api}=http://${address}`)
      .join(" ");
    for (const [unit, words] of [
      ["moult-agent", "boot"],
      ["moult-verify", "verify --report"],
    ])
      this.write(
        `/etc/systemd/system/${unit}.service.d/test.conf`,
        `[Service]\nExecStart=\nExecStart=/usr/bin/node --use-openssl-ca /usr/lib/moult/moult-agent.cjs ${words} --metadata ${address} ${elsewhere}\n`,
      );
    const port = Number(new URL(cloud.url).port);
    this.#gate = createServer((one) => {
      const other = connect(port, "127.0.0.1");
      for (const [from, to] of [
        [one, other],
        [other, one],
      ] as const) {
        this.#sockets.add(from);
        from.on("close", () => this.#sockets.delete(from));
        from.on("error", () => to.destroy()).pipe(to);
      }
    }).listen(join(this.work, "cloud.sock"));
  }

  /** As a person does it who makes an image by hand. */
  install(bundles: string): string {
    const args = ["--root", this.image, "--bundles", bundles];
    return execFileSync("sh", [`${infra}install.sh`, ...args], { encoding: "utf8" });
  }

  write(path: string, text: string | Buffer, mode = 0o644): void {
    mkdirSync(dirname(this.image + path), { recursive: true });
    writeFileSync(this.image + path, text, { mode });
  }

  link(path: string, to: string): void {
    mkdirSync(dirname(this.image + path), { recursive: true });
    symlinkSync(to, this.image + path);
  }

  /** Every byte of what a stopped machine keeps, apart from /usr. */
  persistent(): string {
    return execFileSync("tar", ["-C", this.image, "--exclude=./usr", "-c", "."], {
      encoding: "latin1",
      maxBuffer: 1 << 28,
    });
  }

  /** A blank data disk `web-data`. @returns why there can be none. */
  attachDisk(): string | undefined {
    const file = join(this.work, "disk.img");
    execFileSync("truncate", ["-s", "64M", file]);
    const { status, stdout, stderr, error } = spawnSync("losetup", ["-f", "--show", file], { encoding: "utf8" });
    if (status !== 0) return error?.message ?? stderr.trim();
    this.#loop = stdout.trim();
    writeFileSync(join(this.work, "disk"), this.#loop);
    return undefined;
  }

  /** @returns once process 1 runs; what it starts takes its time. */
  async start(): Promise<void> {
    const command = `exec sh ${script} start ${this.work} ${testNode}`;
    // It gives a terminal, which is then the machine's serial console.
    const outside = spawn("script", ["-qefac", command, this.console], { stdio: ["pipe", "ignore", "ignore"] });
    this.#gone = new Promise((resolve) => outside.once("exit", resolve));
    await until("systemd is process 1", () => {
      this.#pid = firstProcess(outside.pid ?? 0);
      if (outside.exitCode !== null) throw new Error(readOr(this.console));
      return this.#pid > 0;
    });
    const inside = ["-n", "-t", String(this.#pid), process.execPath, "-e", relay, join(this.work, "cloud.sock")];
    this.#relay = spawn("nsenter", inside, { stdio: "ignore" });
    await until("its manager answers", () => this.run("systemctl", "show", "-p", "Version").status === 0);
  }

  #inside(command: readonly string[]): [string, string[]] {
    const spaces = ["-t", String(this.#pid), "-m", "-p", "-n", "-u", "-i", "-C"];
    return ["nsenter", [...spaces, "env", "-i", "PATH=/usr/sbin:/usr/bin", "LC_ALL=C", ...command]];
  }

  /** For what is quick, and asks nothing of the cloud, which is in this very process. */
  run(...command: string[]): { status: number | null; out: string } {
    const [file, args] = this.#inside(command);
    const { status, stdout, stderr } = spawnSync(file, args, { encoding: "utf8", timeout: 20_000 });
    return { status, out: `${stdout}${stderr}`.trim() };
  }

  /** For what waits, as `systemctl start` does. */
  async finish(...command: string[]): Promise<{ exit: number | null; out: string }> {
    const [file, args] = this.#inside(command);
    const { exit, stdout, stderr } = await ended(
      spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], timeout: 20_000 }),
    );
    return { exit, out: `${stdout}${stderr}`.trim() };
  }

  /** Properties of a unit as systemd shows them. */
  show(unit: string, ...names: string[]): Record<string, string> {
    const { out } = this.run("systemctl", "show", "-p", names.join(","), unit);
    return Object.fromEntries(
      out.split("\n").map((line) => [line.split("=", 1)[0], line.slice(line.indexOf("=") + 1)]),
    );
  }

  active(unit: string): string {
    return this.run("systemctl", "is-active", unit).out;
  }

  async until(sentence: string, holds: () => boolean): Promise<void> {
    try {
      await until(sentence, holds);
    } catch (error) {
      throw new Error(
        `${error}\n${this.run("journalctl", "--no-pager", "-n", "60", "-o", "cat").out}\n${this.run("systemctl", "list-jobs").out}`,
      );
    }
  }

  /** Nothing is left to be started. */
  async booted(): Promise<string> {
    await this.until(
      "it has booted",
      () => !/starting|initializing/.test(this.run("systemctl", "is-system-running").out),
    );
    return this.run("systemctl", "is-system-running").out;
  }

  /** In order, as `poweroff` does it (SIGRTMIN+4), or the power is cut. */
  async stop(how: "in order" | "power cut" = "in order"): Promise<void> {
    if (this.#pid > 0) process.kill(this.#pid, how === "in order" ? 38 : 9);
    const late = setTimeout(() => this.#pid > 0 && process.kill(this.#pid, 9), 15_000);
    await this.#gone;
    clearTimeout(late);
    this.#relay?.kill("SIGKILL");
    this.#pid = 0;
  }

  async remove(): Promise<void> {
    await this.stop("power cut");
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#gate.close(resolve));
    if (this.#loop) spawnSync("losetup", ["-d", this.#loop]);
    // The agent makes what it sealed immutable.
    spawnSync("chattr", ["-R", "-f", "-i", this.image]);
    rmSync(this.work, { recursive: true, force: true });
  }
}

/** Process 1 of the namespace that was made below `pid`, once it is systemd; 0: not yet. */
function firstProcess(pid: number): number {
  for (const child of childrenOf(pid)) {
    const status = readOr(`/proc/${child}/status`);
    if (/^Name:\tsystemd$/m.test(status) && /^NSpid:.*\t1$/m.test(status)) return child;
    const below = firstProcess(child);
    if (below > 0) return below;
  }
  return 0;
}

function childrenOf(pid: number): number[] {
  const folder = `/proc/${pid}/task`;
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((task) =>
    readOr(`${folder}/${task}/children`).split(" ").filter(Boolean).map(Number),
  );
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

async function until(sentence: string, holds: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`Not within 20 s: ${sentence}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
