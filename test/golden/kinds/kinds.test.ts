// What Slipway makes of several hundred objects is what kube-apiserver made of them.
// GOLDEN=write PEER_KUBECONFIG=FILE records its answers again.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { kindFor } from '../../../core/api/kinds/index.ts';
import type { KubeObject } from '../../../core/api/objects.ts';
import { startInProcess } from '../../differential/in-process.ts';
import type { Json } from './cases.ts';
import { type Answers, collect } from './collect.ts';
import { expectedOf, normalAnswer } from './normalize.ts';
import type { Peer } from './peer.ts';

if (process.env['GOLDEN'] === 'write') {
  const { record } = await import('./record.ts');
  await record(process.env['PEER_KUBECONFIG']!);
}

const folder = new URL('./answers/', import.meta.url);
const read = <T>(file: string): T => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as T;

const api = await startInProcess();
const headers = { accept: 'application/json', 'content-type': 'application/json' };
const slipway: Peer = async (method, path, body) => {
  const response = await api.send(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return { status: response.status, date: '', warnings: response.headers.get('warning') ?? '', body: (await response.json()) as Json };
};
const ours: Answers = await collect(slipway);
await api.stop();

for (const file of readdirSync(folder).filter((name) => name !== 'tables.json')) {
  const answers = read<Record<string, Json>>(file);
  const group = file.replace('.json', '');
  for (const [name, answer] of Object.entries(answers)) {
    test(`${group}: ${name}`, () => {
      assert.deepEqual(normalAnswer(ours[group]?.[name]), expectedOf(name, normalAnswer(answer)));
    });
  }
}

interface Table {
  now: number;
  object: KubeObject;
  columns: [string, string, string, number][];
  cells: unknown[];
}

for (const [index, { now, object, columns, cells }] of read<Table[]>('tables.json').entries()) {
  test(`table of ${object.apiVersion} ${object.kind} (${index})`, () => {
    const kind = kindFor(object.apiVersion, object.kind)!;
    assert.deepEqual(
      kind.columns.map(({ name, type, format, priority }) => [name, type, format ?? '', priority]),
      columns,
    );
    const printed = kind.columns.map((column) => column.cell(object, now));
    // kube-apiserver gives ip addresses a cell more than there are columns.
    assert.deepEqual(printed, cells.slice(0, columns.length));
  });
}
