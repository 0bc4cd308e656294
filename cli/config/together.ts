/** Requests to the bucket at a time. */
export const TOGETHER = 24;

/**
 * Does the work for each, at most `TOGETHER` at a time, and returns what came of it in the same order. After a failure none is begun any
 * more; what was begun is waited for, so that nothing is still writing when the failure is told.
 */
export async function eachTogether<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  let failure: { problem: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (const [i, item] of queue) {
      if (failure) return;
      try {
        results[i] = await work(item);
      } catch (problem) {
        failure ??= { problem };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(TOGETHER, items.length) }, worker));
  if (failure) throw failure.problem;
  return results;
}
