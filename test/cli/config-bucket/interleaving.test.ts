import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planGc, removeGarbage, storeTime } from "../../../cli/config/gc.ts";
import type { Objects } from "../../../cli/config/objects.ts";
import { push } from "../../../cli/config/push.ts";
import { Repository } from "../../../cli/config/repository.ts";
import { planRollback, rollBack } from "../../../cli/config/rollback.ts";
import { Upload } from "../../../cli/config/upload.ts";
import { CliError } from "../../../cli/failure.ts";
import { Failure } from "../../../functions/google/failure.ts";
import { Bucket, commit, folder, HOUR } from "./world.ts";

const REFS = ["dev", "prod"] as const;
const PEOPLE = [0, 1] as const;

type Action =
  | { do: "push"; who: 0 | 1; ref: string; content: number; force: boolean; takes: boolean }
  | { do: "rollback"; ref: string }
  | { do: "gc"; keep: number; days: number }
  /** The control plane makes a release of where the ref stands, and keeps it. */
  | { do: "release"; ref: string }
  | { do: "hours"; hours: number };

interface Fault {
  /** At this call to the bucket. */
  call: number;
  kind: "dies before" | "dies after" | "fails before" | "fails after" | "repeats";
}

interface Step {
  action: Action;
  fault: Fault | null;
}

const ref = fc.constantFrom(...REFS);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      who: fc.constantFrom(...PEOPLE),
      ref,
      content: fc.nat(15),
      force: fc.boolean(),
      takes: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("rollback" as const), ref }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("gc" as const), keep: fc.integer({ min: 1, max: 3 }), days: fc.nat(2) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("release" as const), ref }) },
);
const fault: fc.Arbitrary<Fault | null> = fc.option(
  fc.record({
    call: fc.nat(14),
    kind: fc.constantFrom("dies before", "dies after", "fails before", "fails after", "repeats"),
  }),
  { freq: 3 },
);
const step: fc.Arbitrary<Step> = fc.record({ action, fault });
const rounds = fc.array(
  fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 4 }),
    hours: fc.constantFrom(0, 1, 23, 25, 49),
    within: fc.boolean(),
  }),
  { minLength: 1, maxLength: 6 },
);

class Dead extends Error {}

/** What one process sees of the bucket: each call leaves and comes back when the scheduler says, and one of them may fail. */
function seenBy(bucket: Bucket, scheduler: fc.Scheduler, fault: Fault | null): Objects {
  let calls = 0;
  let dead = false;
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    const number = calls++;
    const kind = fault?.call === number ? fault.kind : undefined;
    await scheduler.schedule(Promise.resolve());
    if (dead) throw new Dead();
    if (kind === "dies before") dead = true;
    if (dead) throw new Dead();
    const lost = () => new Failure("unavailable", 0, "a call", "no answer");
    if (kind === "fails before") throw lost();
    const answer = await work();
    if (kind === "dies after") dead = true;
    if (dead) throw new Dead();
    if (kind === "fails after") throw lost();
    // As Google's client does when the first answer was lost: of a write it learns that somebody wrote.
    return kind === "repeats" ? work() : answer;
  };
  return {
    place: bucket.place,
    read: (name) => call(() => bucket.read(name)),
    write: (name, bytes, generation) => call(() => bucket.write(name, bytes, generation)),
    list: (prefix) => call(() => bucket.list(prefix)),
    delete: (name, generation) => call(() => bucket.delete(name, generation)),
  };
}

/** Few contents, so that what one push leaves behind is what the next one needs. */
function filesOf(content: number): Record<string, string> {
  return Object.fromEntries(
    [0, 1, 2, 3].filter((bit) => content & (1 << bit)).map((bit) => [`f${bit}`, `text ${bit}`]),
  );
}

class World {
  readonly bucket = new Bucket();
  readonly people: Repository[];
  readonly releases = new Set<string>();
  /** Commits whose push said that the ref was moved, by ref. */
  readonly said = new Map<string, Set<string>>(REFS.map((name) => [name, new Set()]));

  constructor() {
    this.people = PEOPLE.map((who) => folder(this.bucket, `folder ${who}`));
    this.bucket.changed = (name) => this.check(name);
  }

  /** At every moment: whatever refs, their former places and releases name is there, whole. */
  check(after: string): void {
    for (const name of REFS) {
      const there = this.bucket.ref(name);
      if (!there) continue;
      this.bucket.requireWhole(there.commit, `after a change of ${after}, ref ${name}`);
      for (const place of there.previous)
        this.bucket.requireWhole(place.commit, `after a change of ${after}, where ${name} stood`);
    }
    for (const digest of this.releases) this.bucket.requireWhole(digest, `after a change of ${after}, a release`);
  }

  async act(action: Action, objects: Objects): Promise<void> {
    const now = () => this.bucket.now;
    const wishes = { force: action.do === "push" && action.force, by: "somebody", now };
    if (action.do === "push") {
      const person = this.people[action.who];
      if (!person) return;
      const place = action.takes ? this.bucket.ref(action.ref) : undefined;
      const source = new Repository(person.local, async () => objects);
      const made = place?.commit ?? (await commit(person, action.ref, filesOf(action.content), `${this.bucket.now}`));
      const upload = new Upload(source, objects, now, () => {});
      const { outcome } = await push(source, objects, upload, action.ref, made, wishes);
      if (outcome === "moved") this.said.get(action.ref)?.add(made);
    } else if (action.do === "rollback") {
      const source = folder(objects);
      const plan = await planRollback(source, objects, action.ref, undefined);
      const upload = new Upload(source, objects, now, () => {});
      await rollBack(source, objects, upload, plan, { by: "somebody", moved: new Date(now()).toISOString() });
    } else if (action.do === "gc") {
      const rules = { keep: action.keep, olderMs: action.days * 24 * HOUR, now: await storeTime(objects, "somebody") };
      const needs = () => [...this.releases].map((digest) => ({ commit: digest, by: "a release" }));
      const plan = await planGc(objects, async () => ({ needs: needs(), unread: [] }), rules);
      // Nothing was wrong with the bucket: only an answer that did not come can keep it from being read.
      expect(plan.unread.filter((what) => !what.includes("no answer"))).toEqual([]);
      expect(plan.lost).toEqual([]);
      await removeGarbage(objects, plan.remove, () => {});
    } else if (action.do === "release") {
      const stored = await objects.read(`refs/${action.ref}.json`);
      const digest: unknown = stored && JSON.parse(stored.bytes.toString()).commit;
      // Decided now, written down a while later.
      await objects.list("nothing/");
      if (typeof digest === "string") this.releases.add(digest);
    } else this.bucket.now += action.hours * HOUR;
  }
}

/** What a person may be told; everything else is a bug. */
function isAnswer(problem: unknown): boolean {
  return (
    problem instanceof Dead || problem instanceof Failure || (problem instanceof CliError && problem.exitCode !== 70)
  );
}

describe("pushes, rollbacks and collections at once, some of which die", () => {
  it("leave everything that is named whole at every moment, and lose nothing that was said to be pushed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), rounds, async (scheduler, plan) => {
        const world = new World();
        for (const { steps, hours, within } of plan) {
          const passing: Step[] = within ? [{ action: { do: "hours", hours: 7 }, fault: null }] : [];
          const running = [...steps, ...passing].map(async ({ action, fault }) => {
            const objects = seenBy(world.bucket, scheduler, fault);
            try {
              if (action.do === "hours") await scheduler.schedule(Promise.resolve());
              await world.act(action, objects);
            } catch (problem) {
              if (!isAnswer(problem)) throw problem;
            }
          });
          await scheduler.waitFor(Promise.all(running));
          world.check("nothing");
          for (const name of REFS) {
            const there = world.bucket.ref(name);
            const known = new Set(there ? [there.commit, ...there.previous.map((place) => place.commit)] : []);
            for (const digest of world.said.get(name) ?? []) expect(known).toContain(digest);
          }
          world.bucket.now += hours * HOUR;
        }
      }),
      { numRuns: Number(process.env.MOULT_RUNS ?? 400) },
    );
  });
});
