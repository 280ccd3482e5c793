// Every interleaving of the store's own steps on tables in memory. What was searched, and what it cannot see, is told in
// docs/decisions/0001-revisions.md. SLIPWAY_MODEL=deep searches on for an hour or so.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headReader, objectAt, pager, reader, tidier, writer } from './actors.ts';
import type { Scenario } from './explore.ts';
import { explore } from './explore.ts';
import { resource } from './store-states.ts';
import { keyAt, Table } from './table.ts';

const isDeep = process.env['SLIPWAY_MODEL'] === 'deep';

const withObjects =
  (...names: string[]) =>
  (): Table => {
    const table = new Table();
    for (const name of names) {
      const key = keyAt(name);
      const revision = table.apply({ do: 'take', resource, at: 0 }) as number;
      const base = { kind: 'change', revision, at: 0, writer: 'before', type: 'ADDED', previousRevision: 0 } as const;
      const row = { ...base, key, object: objectAt(key, 'before') };
      table.apply({ do: 'write', resource, row, expected: 'absent' });
    }
    return table;
  };

interface Case extends Scenario {
  title: string;
}

const updateThenDelete = writer('a', ['update', 'x'], ['delete', 'x']);
const deleteThenCreate = writer('b', ['delete', 'x'], ['create', 'x']);
const createThenDelete = writer('a', ['create', 'x'], ['delete', 'x']);
const createThenUpdate = writer('b', ['create', 'x'], ['update', 'x']);

const cases: Case[] = [
  { title: '1', table: withObjects('x'), processes: [updateThenDelete, deleteThenCreate], sealing: true },
  { title: '1.1', table: withObjects('x'), processes: [updateThenDelete, deleteThenCreate], sealing: true, faults: 1 },
  { title: '1.2', table: withObjects('x'), processes: [updateThenDelete, deleteThenCreate], faults: 2 },
  { title: '2', table: withObjects(), processes: [createThenDelete, createThenUpdate], sealing: true, faults: 1 },
  { title: '2.2', table: withObjects(), processes: [createThenDelete, createThenUpdate], faults: 2 },
  { title: '3', table: withObjects('x'), processes: [updateThenDelete, deleteThenCreate, reader('r', 1)] },
  {
    title: '3.1',
    table: withObjects('x'),
    processes: [writer('a', ['update', 'x']), writer('b', ['delete', 'x']), reader('r', 1)],
    faults: 2,
  },
  {
    title: '3.2',
    table: withObjects('x'),
    processes: [writer('a', ['update', 'x']), writer('b', ['delete', 'x']), reader('r', 1)],
    faults: 1,
    readsFail: true,
  },
  {
    title: '4',
    table: withObjects('x', 'y'),
    processes: [writer('a', ['delete', 'x'], ['create', 'x']), writer('b', ['update', 'y']), pager('r', 2)],
    faults: 1,
  },
  {
    title: '5',
    table: withObjects('x'),
    processes: [updateThenDelete, writer('b', ['create', 'y']), headReader('r', 2)],
    faults: 1,
  },
  {
    title: '6',
    table: withObjects('x'),
    processes: [updateThenDelete, reader('r', 1), tidier('t', 0), tidier('u', 1)],
    faults: 1,
  },
];

for (const { title, ...scenario } of cases) {
  test(title, (t) => {
    const began = performance.now();
    const { states, violation } = explore(scenario);
    console.log(
      `${title}: ${states} states, ${((performance.now() - began) / 1000).toFixed(1)} s`,
      process.memoryUsage().rss / 1e6,
      isDeep,
    );
    t.diagnostic(`${title}: ${states} states, ${((performance.now() - began) / 1000).toFixed(1)} s`);
    assert.equal(violation, undefined, violation && `${violation.what}\n${violation.trace.join('\n')}`);
  });
}
