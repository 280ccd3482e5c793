// Makes the objects of tables.yaml and writes down the tables that kube-apiserver prints of them.
import { readFileSync, writeFileSync } from 'node:fs';
import { load } from 'js-yaml';
import type { Json } from './cases.ts';
import type { Peer } from './peer.ts';

const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';

interface Table {
  columnDefinitions: { name: string; type: string; format: string; priority: number }[];
  rows: { cells: unknown[] }[];
}

export async function recordTables(
  peer: Peer,
  pathOf: (object: Json, name?: string) => string,
  remove: (object: Json) => Promise<void>,
): Promise<void> {
  const source = readFileSync(new URL('./tables.yaml', import.meta.url), 'utf8');
  const lines: string[] = [];
  for (const object of load(source) as Json[]) {
    const name = String((object['metadata'] as Json)['name']);
    const path = pathOf(object, name);
    await remove(object);
    const created = await peer('POST', pathOf(object), object);
    if (created.status !== 201) {
      console.error(object, created.body);
      continue;
    }
    if (object['status']) {
      const updated = await peer('PUT', `${path}/status`, { ...created.body, status: object['status'] });
      if (updated.status !== 200) console.error(object, updated.body);
    }
    // Held by its finalizer, so that it is seen as being deleted.
    if ((object['metadata'] as Json)['finalizers']) await peer('DELETE', path);
    const { body } = await peer('GET', path);
    const { managedFields: _, ...metadata } = body['metadata'] as Json;
    const { body: table, date } = await peer('GET', path, undefined, accept);
    const { columnDefinitions, rows } = table as unknown as Table;
    const columns = columnDefinitions.map(({ name: n, type, format, priority }) => [n, type, format, priority]);
    const entry = { now: Date.parse(date), object: { ...body, metadata }, columns, cells: rows[0]!.cells };
    lines.push(JSON.stringify(entry));
    await remove(object);
  }
  writeFileSync(new URL('./answers/tables.json', import.meta.url), `[\n${lines.join(',\n')}\n]\n`);
}
