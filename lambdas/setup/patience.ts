// Tables that have just been made may answer late, or throttle: that must not undo a deployment.
import { isStatus } from '../../core/api/errors.ts';

export interface Patience {
  /** Until the function is ended, in milliseconds. */
  remainingMs(): number;
  wait(milliseconds: number): Promise<unknown>;
}

/** Kept for the answer to CloudFormation, and for the try itself. */
const reserveMs = 30_000;
const pauseMs = 1_000;

/** Does the work again while it throws ServiceUnavailable and there is time; it must be one that may be done again. */
export async function patiently<T>(work: () => Promise<T>, { remainingMs, wait }: Patience): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isStatus(error, 'ServiceUnavailable') || remainingMs() < reserveMs) throw error;
    }
    await wait(pauseMs);
  }
}
