// Tables that have just been made may answer late, or throttle, and a right that has just been given is not known everywhere yet: that must
// not undo a deployment. https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
import { isStatus } from '../../core/api/errors.ts';

export interface Patience {
  /** Until the function is ended, in milliseconds. */
  remainingMs(): number;
  wait(milliseconds: number): Promise<unknown>;
}

/** Kept for the answer to CloudFormation, and for the try itself. */
const reserveMs = 30_000;
const pauseMs = 1_000;

/** As SSM, KMS and Lambda say it. */
const isRefused = (error: unknown): boolean => (error as Error).name === 'AccessDeniedException';

/**
 * Does the work again while it throws ServiceUnavailable, or AWS' AccessDeniedException, and there is time; it must be one that may be
 * done again.
 */
export async function patiently<T>(work: () => Promise<T>, { remainingMs, wait }: Patience): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const passes = isStatus(error, 'ServiceUnavailable') || isRefused(error);
      if (!passes || remainingMs() < reserveMs) throw error;
    }
    await wait(pauseMs);
  }
}
