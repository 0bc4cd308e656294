import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { readLines } from "./lines.ts";
import { residentBytes } from "./resident.ts";

export interface Launch {
  /** The framework's command. */
  framework: string;
  preload: string;
  /** The unpacked source; the framework looks for the function here. */
  folder: string;
  socket: string;
  environment: Record<string, string>;
  mounts: [string, string][];
  memoryBytes: number;
  /** A line that the function wrote. */
  wrote(stream: "stdout" | "stderr", line: string): void;
  /** Something that the platform says of the container. */
  said(severity: string, text: string): void;
}

/** What the real container is told to listen at. */
export const PORT = "8080";

/** https://cloud.google.com/run/docs/configuring/healthchecks: the default startup probe gives up after four minutes. */
const START_MS = 240_000;
/** Between SIGTERM and SIGKILL. https://cloud.google.com/run/docs/container-contract#instance-shutdown */
const STOP_MS = 10_000;
const LOOK_MS = 500;

/**
 * One process of a function. It lives in the computer's time and not in the cloud's: a driven clock that stands still, or
 * leaps an hour, says nothing about how long Node takes to start.
 */
export class Instance {
  inFlight = 0;
  /** Resolves when it answers its port, rejects when it ends or time runs out before. */
  readonly ready: Promise<void>;
  readonly exited: Promise<void>;
  readonly socket: string;
  isReady = false;
  isGone = false;
  readonly #child: ChildProcess;
  #stopping = false;

  constructor(launch: Launch) {
    this.socket = launch.socket;
    const child = spawn(process.execPath, ["--require", launch.preload, launch.framework], {
      cwd: launch.folder,
      env: {
        ...launch.environment,
        PORT,
        MOULT_FUNCTION: JSON.stringify({ socket: launch.socket, port: PORT, mounts: launch.mounts }),
      },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#child = child;
    readLines(child.stdout as NonNullable<typeof child.stdout>, (line) => launch.wrote("stdout", line));
    readLines(child.stderr as NonNullable<typeof child.stderr>, (line) => launch.wrote("stderr", line));
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: string | null) => {
        this.isGone = true;
        clearInterval(look);
        rmSync(launch.socket, { force: true });
        if (!this.#stopping) {
          if (signal) launch.said("ERROR", `Uncaught signal: ${signal}, pid=${child.pid ?? 0}.`);
          else launch.said("WARNING", `Container called exit(${code ?? 0}).`);
        }
        resolve();
      };
      // `close` comes after the last line was read.
      child.once("close", end);
      child.once("error", (problem) => {
        launch.wrote("stderr", problem.message);
        end(1, null);
      });
    });
    this.ready = new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        reject(new Error("it did not listen in time"));
        void this.stop();
      }, START_MS);
      child.once("message", () => {
        clearTimeout(limit);
        this.isReady = !this.isGone;
        resolve();
      });
      void this.exited.then(() => {
        clearTimeout(limit);
        reject(new Error("it ended before it listened"));
      });
    });
    // Who waits for it is told; nobody has to.
    this.ready.catch(() => {});
    const look = setInterval(() => this.#watchMemory(launch), LOOK_MS);
    look.unref();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** A connection of its own for one request. Rejects when nobody answers any more. */
  connect(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.socket);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(socket);
      });
    });
  }

  #watchMemory({ memoryBytes, said }: Launch): void {
    const used = residentBytes(this.#child.pid);
    if (used === undefined || used <= memoryBytes || this.isGone) return;
    const mebibytes = (bytes: number) => Math.floor(bytes / 2 ** 20);
    said(
      "ERROR",
      `Memory limit of ${mebibytes(memoryBytes)} MiB exceeded with ${mebibytes(used)} MiB used. Consider increasing the memory limit, see https://cloud.google.com/functions/docs/configuring/memory`,
    );
    this.#child.kill("SIGKILL");
  }

  /** SIGTERM, and SIGKILL when that is not enough. */
  async stop(graceMs = STOP_MS): Promise<void> {
    this.#stopping = true;
    if (this.isGone) return;
    this.#child.kill("SIGTERM");
    const kill = setTimeout(() => this.#child.kill("SIGKILL"), graceMs);
    await this.exited;
    clearTimeout(kill);
  }
}
