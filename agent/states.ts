/**
 * Every state of a boot, and those that may follow it. docs/boot.md draws the same picture and says what each does.
 * A failure in any state but `report` goes to `report` too, as far as the instance is known.
 */
export const states = {
  recover: ["identify"],
  identify: ["verify", "forget", "plan"],
  forget: ["plan"],
  plan: ["fetch"],
  fetch: ["disks", "render"],
  disks: ["render"],
  render: ["place"],
  place: ["check"],
  check: ["settle", "hand-over"],
  verify: ["restore", "settle", "hand-over"],
  restore: ["settle", "hand-over"],
  settle: ["hand-over", "become"],
  become: [],
  "hand-over": ["ready", "report"],
  ready: ["report"],
  report: [],
} as const satisfies Record<string, readonly string[]>;

export type State = keyof typeof states;

export function mayFollow(from: State | undefined, to: State): boolean {
  if (from === undefined) return to === "recover";
  const after: readonly string[] = states[from];
  return after.includes(to) || (to === "report" && from !== "report");
}
