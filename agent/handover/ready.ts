import { deadlineIn, type Edge } from "../edge/deadline.ts";
import { openOrigin } from "../edge/http.ts";
import { loadNet } from "../edge/load.ts";
import { Passing, Refused } from "../edge/retry.ts";
import type { SealedReady } from "../seal/seal.ts";
import { runQuietly } from "./notify.ts";

const tryMs = 2_000;
const firstPauseMs = 50;
const longestPauseMs = 1_000;

/** What is asked, for people. */
export function describeReady(ready: SealedReady): string {
  const [first = ""] = ready.words;
  return ready.kind === "command" ? `command ${first}` : ready.kind === "tcp" ? `tcp ${first}` : first;
}

/** Asks until the answer is yes or `withinMs` has passed. @returns whether it became ready. */
export async function becomesReady(ready: SealedReady, root: string, edge: Edge): Promise<boolean> {
  const deadline = deadlineIn(edge, ready.withinMs);
  const ask = question(ready, root);
  for (let pause = firstPauseMs; ; pause = Math.min(longestPauseMs, pause * 1.5)) {
    if (await ask(Math.max(1, Math.min(tryMs, deadline.left())))) return true;
    if (deadline.left() === 0) return false;
    await edge.sleep(Math.min(pause, deadline.left()));
  }
}

/** http: any 2xx, no redirects. tcp: a connection. command: exit 0, the program taken from the root. */
function question(ready: SealedReady, root: string): (timeoutMs: number) => Promise<boolean> {
  const [first = "", ...rest] = ready.words;
  if (ready.kind === "command") return (timeoutMs) => runQuietly(root + first, rest, timeoutMs);
  if (ready.kind === "tcp") return (timeoutMs) => connects(first, timeoutMs);
  const url = new URL(first);
  return async (timeoutMs) => {
    // A connection of its own each time: one kept open would not notice that the application was started again.
    const origin = openOrigin(url.origin);
    try {
      const answer = await origin.ask({ path: url.pathname + url.search, timeoutMs, headers: { Connection: "close" } });
      return answer.status >= 200 && answer.status < 300;
    } catch (error) {
      if (error instanceof Passing || error instanceof Refused) return false;
      throw error;
    } finally {
      origin.close();
    }
  };
}

function connects(address: string, timeoutMs: number): Promise<boolean> {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  return new Promise((resolve) => {
    const socket = loadNet().connect({ host, port: Number(address.slice(colon + 1)), timeout: timeoutMs });
    const done = (ok: boolean) => {
      socket.destroy();
      resolve(ok);
    };
    socket.on("connect", () => done(true));
    socket.on("timeout", () => done(false));
    socket.on("error", () => done(false));
  });
}
