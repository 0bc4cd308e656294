import { get } from "node:http";
import { sleep } from "../waiting.ts";
import { CAST } from "./cast.ts";
import type { Member } from "./watch.ts";

const IN_FLIGHT = 4;
const TIMEOUT_MS = 2_000;
/** Between a client's answer and its next request: a steady load, not a test of how much two cores can bear. */
const THINK_MS = 15;
const KEPT_FAILURES = 20;

/** Clients that ask the fleet for pages, never twice for the same one, and count. */
export class Traffic {
  readonly #serving: () => Member[];
  readonly #secretLength: number;
  readonly #clients: Promise<unknown>;
  #running = true;
  #turn = 0;
  served = 0;
  failed = 0;
  /** The first few, as sentences. */
  readonly failures: string[] = [];

  constructor(serving: () => Member[], secretLength: number) {
    this.#serving = serving;
    this.#secretLength = secretLength;
    this.#clients = Promise.all(Array.from({ length: IN_FLIGHT }, () => this.#client()));
  }

  get requests(): number {
    return this.served + this.failed;
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#clients;
  }

  async #client(): Promise<void> {
    while (this.#running) {
      const members = this.#serving();
      const member = members[this.#turn++ % Math.max(1, members.length)];
      const problem = member ? await ask(member, this.#secretLength) : "no machine is healthy";
      if (problem === undefined) this.served += 1;
      else {
        this.failed += 1;
        if (this.failures.length < KEPT_FAILURES) this.failures.push(`${member?.name ?? "nobody"}: ${problem}`);
      }
      await sleep(THINK_MS);
    }
  }
}

/** One request; undefined when its answer is complete and is that machine's own. */
function ask({ name, ip }: Member, secretLength: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get({ host: ip, port: CAST.port, path: "/", agent: false, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", (problem) => resolve(problem.message));
      response.on("end", () =>
        resolve(judge(response.statusCode ?? 0, Buffer.concat(chunks).toString(), name, secretLength)),
      );
    });
    request.on("timeout", () => request.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)));
    request.on("error", (problem) => resolve(problem.message));
  });
}

function judge(status: number, body: string, name: string, secretLength: number): string | undefined {
  if (status !== 200) return `status ${status}`;
  try {
    const page = JSON.parse(body) as { name?: unknown; secretLength?: unknown };
    if (page.name !== name) return "it calls itself by another name";
    if (page.secretLength !== secretLength) return "it has another secret";
    return undefined;
  } catch {
    return "its answer is cut off";
  }
}
