// Compaction of the store, now and then.
import type { Ports } from '../../core/ports.ts';

const intervalMs = 60_000;

/** Returns a function that stops it, and resolves once the compaction under way has ended. */
export function startCompaction(compact: () => Promise<void>, { clock, log }: Ports): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let cancel: () => void;
  const schedule = (): void => {
    cancel = clock.after(intervalMs, () => {
      running = compact()
        .catch((error: unknown) => log('warn', 'compaction-failed', { error: String(error) }))
        .finally(schedule);
    });
  };
  schedule();
  return async () => {
    cancel();
    await running;
    cancel();
  };
}
