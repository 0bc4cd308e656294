/** Time and chance as the agent sees them; tests bring their own. */
export interface Edge {
  /** Monotonic, ms. Never the wall clock: new machines' clocks are off by seconds. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  sleep(ms: number): Promise<void>;
  /** One line of progress. */
  say(line: string): void;
}

export interface Deadline {
  /** ms until it passes; never below 0. */
  left(): number;
}

export function deadlineIn(edge: Pick<Edge, "now">, ms: number): Deadline {
  const end = edge.now() + ms;
  return { left: () => Math.max(0, end - edge.now()) };
}

export function earlier(a: Deadline, b: Deadline): Deadline {
  return { left: () => Math.min(a.left(), b.left()) };
}

/** ms since the process began. Not `performance.now()`, whose first call costs 2 ms. */
export const monotonic = (): number => process.uptime() * 1_000;
