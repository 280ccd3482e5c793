// Work side by side, of which the first failure ends all.

type Results<T extends readonly ((signal: AbortSignal) => Promise<unknown>)[]> = {
  [K in keyof T]: Awaited<ReturnType<T[K]>>;
};

/** Each piece gets a signal that aborts when another failed or the outer one aborts. Waits for all, so that nothing goes on behind the error thrown. */
export async function together<T extends readonly ((signal: AbortSignal) => Promise<unknown>)[]>(
  signal: AbortSignal,
  ...work: T
): Promise<Results<T>> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const results = await Promise.allSettled(
    work.map(async (piece) => {
      try {
        return await piece(either);
      } catch (error) {
        failed.abort(error); // only the first counts
        throw error;
      }
    }),
  );
  either.throwIfAborted();
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as Results<T>;
}
