import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Group, startGroup } from "./group.ts";
import { type Guest, guestEnvironment } from "./guest.ts";
import { listenNotify, type NotifySocket } from "./notify.ts";
import type { Reaper } from "./reaper.ts";
import { beneath } from "./root.ts";

export const AGENT_UNIT = "moult-agent.service";
export const VERIFY_UNIT = "moult-verify.service";
/** Where there is an agent, there are the units it brings; an image may have its own of the same name. */
export const BROUGHT: Record<string, string> = {
  [VERIFY_UNIT]: "[Service]\nType=oneshot\nExecStart=/usr/lib/moult/moult-agent.cjs verify --report\n",
  "moult-verify.timer": "[Timer]\nOnActiveSec=5min\nOnUnitActiveSec=5min\n",
};

/** Why the agent does not run on this machine; undefined when it does. */
export function agentMissing(agent: string, root: string, attributes: Record<string, string>): string | undefined {
  if (agent === "") return "the emulator was started without an agent";
  if (attributes["moult-release"] !== undefined) return undefined;
  if (existsSync(beneath(root, "/usr/lib/moult/manifest.json"))) return undefined;
  return "the image has no /usr/lib/moult/manifest.json and the instance no moult-release";
}

/** Arguments of Node for a command of the agent that speaks to this cloud. */
export function agentCommand(agent: string, guest: Guest, origin: string, ...words: string[]): string[] {
  const endpoints = ["secretmanager", "storage", "pubsub"].flatMap((name) => ["--endpoint", `${name}=${origin}`]);
  return [agent, ...words, "--root", guest.root, "--metadata", guest.metadata, ...endpoints];
}

/** moult-agent.service: one run of the agent. It is `Type=notify`: what needs it starts once it says it has sealed. */
export class AgentRun {
  readonly #guest: Guest;
  readonly #reaper: Reaper;
  #group: Group | undefined;
  #notify: NotifySocket | undefined;

  constructor(guest: Guest, reaper: Reaper) {
    this.#guest = guest;
    this.#reaper = reaper;
  }

  /** Resolves once it runs; `sealed` then tells whether it said READY before it ended. */
  async start(agent: string, origin: string): Promise<{ sealed: Promise<boolean> }> {
    const guest = this.#guest;
    let ready: (sealed: boolean) => void = () => {};
    const sealed = new Promise<boolean>((resolve) => {
      ready = resolve;
    });
    this.#notify = await listenNotify(join(guest.folder, "notify"), (line) => {
      if (line === "READY=1") ready(true);
    });
    const decoder = new TextDecoder();
    this.#group = await startGroup(
      {
        file: process.execPath,
        args: agentCommand(agent, guest, origin, "boot"),
        cwd: guest.root,
        env: { ...guestEnvironment(guest), NOTIFY_SOCKET: this.#notify.path },
      },
      { write: (chunk) => guest.print(decoder.decode(chunk, { stream: true })), end: () => {} },
      { reaper: this.#reaper, clock: guest.clock },
    );
    const { exited } = this.#group;
    void exited.then(({ code, signal }) => {
      guest.say(`${AGENT_UNIT}: ended, ${signal ?? `exit code ${code}`}`);
      // READY may still be on its way through the FIFO: whoever wrote it had ended before the agent did.
      setImmediate(() => {
        ready(false);
        this.#notify?.close();
      });
    });
    return { sealed };
  }

  async stop(graceMs: number): Promise<void> {
    await this.#group?.end("SIGTERM", graceMs);
    this.#notify?.close();
  }
}
