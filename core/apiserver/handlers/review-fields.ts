// A review is answered with its managed fields, as any object that was posted.
import type { KubeObject } from '../../api/objects.ts';
import { scopeOf } from '../call.ts';
import { trackManagedFields } from '../managers.ts';
import { writeOptions } from '../options.ts';
import type { HandlerContext } from '../server.ts';

/** Throws Invalid for options (fieldManager ...) that cannot be. */
export function trackReview(context: HandlerContext, review: KubeObject): void {
  if (!context.kind) return;
  const query = new URL(context.request.url).searchParams;
  trackManagedFields(scopeOf(context, context.kind, writeOptions(query, 'CreateOptions')), undefined, review);
}
