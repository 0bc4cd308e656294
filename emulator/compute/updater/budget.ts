import { type GroupGoal, isAvailable, type MemberView, settled } from "./values.ts";

/** How many machines the updater may still take away in one decision. */
export class Budget {
  readonly #goal: GroupGoal;
  /** Fewest machines that must stay, and that must serve, whatever the updater does. */
  readonly #least: number;
  #staying: number;
  #available: number;
  #idle: number;

  constructor(goal: GroupGoal, staying: MemberView[]) {
    this.#goal = goal;
    this.#least = goal.targetSize - goal.unavailable;
    this.#staying = staying.length;
    this.#available = staying.filter((member) => isAvailable(goal, member)).length;
    this.#idle = staying.filter(settled).length;
  }

  /** May it be deleted? One that does not serve still counts as a machine of the group. */
  mayTake(member: MemberView): boolean {
    return this.#staying - 1 >= this.#least && this.#mayMiss(member);
  }

  take(member: MemberView): void {
    this.#staying--;
    this.pause(member);
  }

  /** May it be away for a while, keeping its name? */
  mayPause(member: MemberView): boolean {
    return this.#idle - 1 >= this.#least && this.#mayMiss(member);
  }

  pause(member: MemberView): void {
    if (settled(member)) this.#idle--;
    if (isAvailable(this.#goal, member)) this.#available--;
  }

  #mayMiss(member: MemberView): boolean {
    return !isAvailable(this.#goal, member) || this.#available - 1 >= this.#least;
  }
}
