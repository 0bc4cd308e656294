import type { Edge } from "./edge/deadline.ts";
import { mayFollow, type State } from "./states.ts";

export interface Phase {
  name: State;
  /** ms since the run began. */
  at: number;
  /** ms it took. */
  ms: number;
}

/** The states a boot has been in, each timed, and each allowed to follow the one before. */
export class Timeline {
  readonly phases: Phase[] = [];
  readonly #edge: Edge;
  readonly #began: number;
  #state: State | undefined;

  constructor(edge: Edge) {
    this.#edge = edge;
    this.#began = edge.now();
  }

  async in<T>(state: State, act: () => T | Promise<T>): Promise<T> {
    if (!mayFollow(this.#state, state)) throw new Error(`${state} does not follow ${this.#state}`);
    this.#state = state;
    const started = this.#edge.now();
    try {
      return await act();
    } finally {
      const ms = round(this.#edge.now() - started);
      this.phases.push({ name: state, at: round(started - this.#began), ms });
      this.#edge.say(`${state} ${ms} ms`);
    }
  }
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
