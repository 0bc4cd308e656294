import { AsyncLocalStorage } from "node:async_hooks";

const scope = new AsyncLocalStorage<true>();

/** Runs a call that belongs to a retry test. */
export function withinRetryTest<T>(run: () => T): T {
  return scope.run(true, run);
}

export function inRetryTest(): boolean {
  return scope.getStore() === true;
}
