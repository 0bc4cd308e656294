import type { ManualClock } from "../../../emulator/frame/clock.ts";
import type { Fault } from "../../../emulator/frame/faults/faults.ts";
import { type Emulator, type EmulatorOptions, startEmulator } from "../../../emulator/index.ts";

export type Json = Record<string, unknown>;

/** An emulator with virtual machines, its faults at hand. */
export interface Place {
  emulator: Emulator;
  url: string;
  fault(rule: Json): Promise<Fault>;
  faults(): Promise<Fault[]>;
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Sends and expects success; the answer's JSON. */
  ask<T = Json>(method: string, path: string, body?: unknown): Promise<T>;
  advance(seconds: number): Promise<void>;
}

export async function openPlace(options: EmulatorOptions = {}): Promise<Place> {
  const emulator = await startEmulator({ instances: "virtual", clock: "manual", ...options });
  const { url } = emulator;
  const send: Place["send"] = (method, path, body, headers = {}) =>
    fetch(`${url}${path}`, {
      method,
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  const ask = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await send(method, path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text || "{}") as T;
  };
  return {
    emulator,
    url,
    send,
    ask,
    fault: (rule) => ask<Fault>("POST", "/emulator/faults", rule),
    faults: async () => (await ask<{ faults: Fault[] }>("GET", "/emulator/faults")).faults,
    advance: (seconds) => (emulator.clock as ManualClock).advance(seconds * 1000),
  };
}
