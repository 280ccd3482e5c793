// GET of one object.
import { notFound } from '../../api/errors.ts';
import type { StoredObject } from '../../store/store.ts';
import type { Call } from '../call.ts';
import { respondObject } from '../respond.ts';
import { parseRevision, reachRevision } from '../revisions.ts';

export async function get(call: Call): Promise<Response> {
  const asked = parseRevision(call.query.get('resourceVersion') ?? '');
  if (asked > 0) await reachRevision(call.deps, call.kind.resource, asked);
  return respondObject(call, 200, await current(call));
}

/** Throws NotFound. */
export async function current({ deps, kind, info }: Pick<Call, 'deps' | 'kind' | 'info'>): Promise<StoredObject> {
  const key = { namespace: kind.namespaced ? info.namespace : '', name: info.name };
  const stored = await deps.store.get(kind.resource, key);
  if (!stored) throw notFound(kind, info.name);
  return stored;
}
