import type { Buckets } from "./buckets.ts";
import { type Bucket, type Generation, isObject, type Json } from "./model.ts";
import type { Objects } from "./objects.ts";
import { invalid, notServed } from "./problems.ts";
import { requireReleased } from "./retention.ts";

/** Lifecycle rules of a bucket. https://cloud.google.com/storage/docs/lifecycle */

const DAY_MS = 86_400_000;

const CONDITIONS: Record<string, (one: Generation, value: unknown, now: number, newer: number) => boolean> = {
  age: (one, days, now) => now - one.createdAt >= Number(days) * DAY_MS,
  createdBefore: (one, date) => one.createdAt < Date.parse(String(date)),
  isLive: (one, live) => (one.deletedAt === undefined) === live,
  numNewerVersions: (_, count, __, newer) => newer >= Number(count),
  daysSinceNoncurrentTime: (one, days, now) =>
    one.deletedAt !== undefined && now - one.deletedAt >= Number(days) * DAY_MS,
  noncurrentTimeBefore: (one, date) => one.deletedAt !== undefined && one.deletedAt < Date.parse(String(date)),
  daysSinceCustomTime: ({ settings }, days, now) =>
    typeof settings.customTime === "string" && now - Date.parse(settings.customTime) >= Number(days) * DAY_MS,
  customTimeBefore: ({ settings }, date) =>
    typeof settings.customTime === "string" && Date.parse(settings.customTime) < Date.parse(String(date)),
  matchesStorageClass: (one, classes) => Array.isArray(classes) && classes.includes(one.storageClass),
  matchesPrefix: (one, some) => Array.isArray(some) && some.some((prefix) => one.name.startsWith(String(prefix))),
  matchesSuffix: (one, some) => Array.isArray(some) && some.some((suffix) => one.name.endsWith(String(suffix))),
};

function rulesOf(lifecycle: unknown): Json[] {
  return isObject(lifecycle) && Array.isArray(lifecycle.rule) ? lifecycle.rule.filter(isObject) : [];
}

/** Throws 400 for rules that are not rules, 501 for actions and conditions that are not served. */
export function checkLifecycle(lifecycle: unknown): void {
  for (const { action, condition } of rulesOf(lifecycle)) {
    if (!isObject(action) || !isObject(condition)) throw invalid("A lifecycle rule needs an action and a condition.");
    // There are no multipart uploads of the XML API here, so such a rule finds nothing to end.
    if (action.type === "AbortIncompleteMultipartUpload") continue;
    if (action.type !== "Delete" && action.type !== "SetStorageClass") {
      throw invalid(`Invalid lifecycle action: ${String(action.type)}`);
    }
    if (Object.keys(condition).length === 0) throw invalid("A lifecycle rule needs at least one condition.");
    const unknown = Object.keys(condition).find((name) => !CONDITIONS[name]);
    if (unknown !== undefined) throw notServed(`the lifecycle condition ${unknown}`);
  }
}

function isMet(condition: unknown, one: Generation, now: number, newer: number): boolean {
  return (
    isObject(condition) &&
    Object.entries(condition).every(([name, value]) => CONDITIONS[name]?.(one, value, now, newer) === true)
  );
}

/** Applies all rules once. The real service does so about once a day; so does its caller here. */
export function runLifecycle(buckets: Buckets, objects: Objects, now: number): void {
  for (const bucket of buckets.all()) {
    const rules = rulesOf(bucket.settings.lifecycle);
    if (rules.length === 0) continue;
    for (const generations of [...bucket.objects.values()]) {
      for (const [i, one] of generations.entries()) {
        const met = rules.filter(({ condition }) => isMet(condition, one, now, generations.length - 1 - i));
        const actions = met.map(({ action }) => (isObject(action) ? action : {}));
        // Deletion wins over a change of class.
        if (actions.some(({ type }) => type === "Delete")) deleteUnlessHeld(bucket, objects, one, now);
        else {
          const storageClass = actions.find(({ type }) => type === "SetStorageClass")?.storageClass;
          if (typeof storageClass === "string") one.storageClass = storageClass;
        }
      }
    }
  }
}

/** A live object of a versioned bucket becomes noncurrent; what a hold or a retention keeps stays for another day. */
function deleteUnlessHeld(bucket: Bucket, objects: Objects, one: Generation, now: number): void {
  try {
    requireReleased(bucket, one, now);
  } catch {
    return;
  }
  objects.delete(bucket, one.name, one.deletedAt === undefined ? undefined : one.generation, {});
}
