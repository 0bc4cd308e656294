import type { Fault } from "../../emulator/frame/faults/faults.ts";
import type { Flag, Given } from "../args.ts";
import { CliError, EXIT } from "../failure.ts";

export const DOOR_FLAGS = {
  url: { value: "URL", help: "where the emulator listens (default: its export lines, then http://127.0.0.1:8600)" },
} satisfies Record<string, Flag>;

export type { Fault };

/** The own door of a running emulator, `/emulator/…`. */
export class Door {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base.replace(/\/+$/, "");
  }

  /** Throws a CliError for no answer and for every refusal. */
  async call(method: string, path: string, body?: unknown): Promise<Response> {
    const isBytes = body instanceof Uint8Array;
    const response = await fetch(`${this.#base}/emulator${path}`, {
      method,
      ...(body !== undefined && {
        headers: { "content-type": isBytes ? "application/gzip" : "application/json" },
        body: isBytes ? new Uint8Array(body) : JSON.stringify(body),
      }),
    }).catch((problem: Error) => {
      const why = problem.cause instanceof Error ? problem.cause.message : problem.message;
      throw new CliError(
        EXIT.refused,
        `no emulator answers at ${this.#base}: ${why}`,
        "Start one with moult emulator, or name it with --url.",
      );
    });
    if (response.ok) return response;
    throw await refusal(response, this.#base);
  }
}

const CODES: Record<number, number> = { 400: EXIT.usage, 404: EXIT.absent };

async function refusal(response: Response, base: string): Promise<CliError> {
  const text = await response.text();
  const said = /^\s*\{/.test(text) ? (JSON.parse(text) as { error?: { message?: string } }).error?.message : undefined;
  if (said === undefined)
    return new CliError(EXIT.refused, `${base} is not a moult emulator: it answers ${response.status}`);
  return new CliError(CODES[response.status] ?? EXIT.failed, said);
}

export function openDoor(given: Given, env: Record<string, string | undefined>): Door {
  return new Door(given.text("url") ?? env.STORAGE_EMULATOR_HOST ?? "http://127.0.0.1:8600");
}
