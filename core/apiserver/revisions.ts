// What a resourceVersion parameter means, and waiting for a revision that is still to come.
// Follows https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
import { badRequest, expired, StatusError } from '../api/errors.ts';
import { goQuote, invalidValue } from '../api/field-errors.ts';
import type { Revision } from '../store/store.ts';
import { futureRevisionWaitMs } from './limits.ts';
import type { ApiServerDeps } from './server.ts';

/** '' and '0' give 0: any revision will do. Throws BadRequest. */
export function parseRevision(text: string): Revision {
  if (text === '') return 0;
  const value = /^\d{1,20}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) {
    const { message } = invalidValue(
      'resourceVersion',
      text,
      `strconv.ParseUint: parsing ${goQuote(text)}: invalid syntax`,
    );
    throw badRequest(`invalid resource version: resourceVersion: ${message}`);
  }
  return value;
}

export function tooLargeRevision(asked: Revision, head: Revision): StatusError {
  return new StatusError('Timeout', `Timeout: Too large resource version: ${asked}, current: ${head}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** Resolves once the resource has reached `revision`; throws Timeout (with the cause that clients retry on) if it does not. */
export async function reachRevision(deps: ApiServerDeps, resource: string, revision: Revision): Promise<void> {
  let head = await deps.store.head(resource);
  if (head >= revision) return;
  await new Promise<void>((resolve) => {
    const finish = (): void => {
      cancel();
      unsubscribe();
      resolve();
    };
    const cancel = deps.clock.after(futureRevisionWaitMs, finish);
    const unsubscribe = deps.store.onChange((changed) => {
      if (changed !== resource) return;
      deps.store.head(resource).then((now) => {
        if (now >= revision) finish();
      }, finish);
    });
  });
  head = await deps.store.head(resource);
  if (head < revision) throw tooLargeRevision(revision, head);
}

export const tooOldRevision = (asked: Revision, oldest: Revision): StatusError =>
  expired(`too old resource version: ${asked} (${oldest})`);
