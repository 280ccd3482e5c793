// Plays the cases against an API server and collects what it answers.
import { kindFor } from '../../../core/api/kinds/index.ts';
import { allCases, type Case, type Json, withChanges } from './cases.ts';
import type { Answer, Peer } from './peer.ts';

const namespace = 'kinds';

/** By file of cases, by name of the case. */
export type Answers = Record<string, Record<string, Json>>;

export function pathOf(object: Json, name = ''): string {
  const kind = kindFor(String(object['apiVersion']), String(object['kind']))!;
  const prefix = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`;
  const within = kind.namespaced ? `/namespaces/${namespace}` : '';
  return `${prefix}${within}/${kind.plural}${name ? `/${encodeURIComponent(name)}` : ''}`;
}

const nameOf = (object: Json): string => String((object['metadata'] as Json)['name'] ?? '');

/** What differs from run to run is taken out or made symbolic. */
function symbolic(object: Json): Json {
  const meta = object['metadata'] as Json;
  const { managedFields: _, uid: _uid, resourceVersion: _revision, creationTimestamp: created, ...rest } = meta;
  const text = JSON.stringify({ ...object, metadata: rest });
  const fixed = text.replaceAll(String(_uid), 'UID').replaceAll(String(created), 'NOW');
  return JSON.parse(fixed) as Json;
}

/** Also of objects that wait for a controller which is not there. */
export async function remove(peer: Peer, object: Json): Promise<void> {
  const path = pathOf(object, nameOf(object));
  await peer('DELETE', path, { gracePeriodSeconds: 0 });
  const { status, body } = await peer('GET', path);
  if (status !== 200) return;
  const { finalizers: _, ...metadata } = body['metadata'] as Json;
  if (body['kind'] === 'Namespace') await peer('PUT', `${path}/finalize`, { ...body, spec: { finalizers: [] } });
  else await peer('PUT', path, { ...body, metadata });
}

async function send(peer: Peer, item: Case, existing: Json | undefined) {
  const base = existing ?? item.base;
  const object = withChanges(base, item.changes);
  const query = '?dryRun=All&fieldValidation=Ignore';
  if (item.operation === 'create') return peer('POST', pathOf(object) + query, object);
  const subresource = item.operation === 'status' ? '/status' : '';
  return peer('PUT', pathOf(base, nameOf(base)) + subresource + query, object);
}

function answerOf({ status, body, warnings }: Answer): Json {
  if (status < 300) return { status, ...(warnings ? { warnings } : {}), object: symbolic(body) };
  const causes = ((body['details'] as Json | undefined)?.['causes'] ?? []) as Json[];
  const lines = causes.map(({ reason, field, message }) => `${reason} ${field}: ${message}`).sort();
  return { status, reason: body['reason'], ...(lines.length > 0 ? { causes: lines } : { message: body['message'] }) };
}

export async function collect(peer: Peer): Promise<Answers> {
  await peer('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  await peer('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'default' } });
  const answers: Answers = {};
  const made = new Map<string, Json>();
  for (const item of allCases()) {
    const id = `${item.file} ${item.group}`;
    if (item.operation !== 'create' && !made.has(id)) {
      await remove(peer, item.base);
      const created = await peer('POST', pathOf(item.base), item.base);
      if (created.status !== 201) throw new Error(`${item.name}: ${JSON.stringify(created.body)}`);
      made.set(id, created.body);
    }
    const answer = await send(peer, item, item.operation === 'create' ? undefined : made.get(id));
    (answers[item.file] ??= {})[item.name] = answerOf(answer);
  }
  for (const object of made.values()) await remove(peer, object);
  return answers;
}
