// Every interleaving of the store's own steps on tables in memory. What was searched, and what it cannot see, is told in
// docs/decisions/0001-revisions.md. SLIPWAY_MODEL=deep searches on for an hour or so.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headReader, objectAt, pager, reader, tidier, writer } from './actors.ts';
import type { Scenario } from './explore.ts';
import { explore } from './explore.ts';
import { believesLost, bent, passesGaps, replaysNothing, takesFirst } from './flaws.ts';
import { resource } from './store-states.ts';
import type { Flaws } from './table.ts';
import { keyAt, Table } from './table.ts';

const isDeep = process.env['SLIPWAY_MODEL'] === 'deep';

const withObjects =
  (names: readonly string[], flaws: Flaws = {}) =>
  (): Table => {
    const table = new Table(flaws);
    for (const name of names) {
      const key = keyAt(name);
      const revision = table.apply({ do: 'take', resource, at: 0 }) as number;
      const base = { kind: 'change', revision, at: 0, writer: 'before', type: 'ADDED', previousRevision: 0 } as const;
      const row = { ...base, key, object: objectAt(key, 'before') };
      table.apply({ do: 'write', resource, row, expected: 'absent' });
    }
    return table;
  };
const empty = withObjects([]);
const onlyX = withObjects(['x']);

const updateThenDelete = writer('a', ['update', 'x'], ['delete', 'x']);
const deleteThenCreate = writer('b', ['delete', 'x'], ['create', 'x']);
const createThenDelete = writer('a', ['create', 'x'], ['delete', 'x']);
const createThenUpdate = writer('b', ['create', 'x'], ['update', 'x']);
const update = writer('a', ['update', 'x']);
const remove = writer('b', ['delete', 'x']);
const create = writer('b', ['create', 'x']);
const createOther = writer('b', ['create', 'y']);

interface Case extends Scenario {
  title: string;
  /** Searched only when asked for: more of the same. */
  deep?: boolean;
}

const cases: Case[] = [
  {
    title: 'two writers of one object, while anybody seals',
    table: onlyX,
    processes: [updateThenDelete, deleteThenCreate],
    sealing: true,
    faults: 1,
  },
  {
    title: 'two writers of one name, while anybody seals',
    table: empty,
    processes: [createThenDelete, createThenUpdate],
    sealing: true,
    faults: 1,
  },
  { title: 'two writers, two faults', table: onlyX, processes: [updateThenDelete, deleteThenCreate], faults: 2 },
  { title: 'two creators, two faults', table: empty, processes: [createThenDelete, createThenUpdate], faults: 2 },
  {
    title: 'a list and a watch beside writers of one object',
    table: onlyX,
    processes: [updateThenDelete, deleteThenCreate, reader('r', 1)],
  },
  {
    title: 'a list and a watch beside two writes, a fault',
    table: onlyX,
    processes: [update, remove, reader('r', 1)],
    faults: 1,
  },
  {
    title: 'a list and two pieces of a watch, reads fail too',
    table: onlyX,
    processes: [update, createOther, reader('r', 2)],
    faults: 1,
    readsFail: true,
  },
  {
    title: 'pages of a list beside writers of two objects',
    table: withObjects(['x', 'y']),
    processes: [writer('a', ['delete', 'x'], ['create', 'x']), writer('b', ['update', 'y']), pager('r', 2)],
    faults: 1,
  },
  {
    title: 'heads never go behind what was acknowledged',
    table: onlyX,
    processes: [updateThenDelete, createOther, headReader('r', 2)],
    faults: 1,
  },
  {
    title: 'two that tidy up a log of nothing or of one change',
    table: onlyX,
    processes: [update, reader('r', 1), tidier('t', 0), tidier('u', 1)],
  },
  {
    title: 'a list and a watch beside two writes, two faults',
    table: onlyX,
    processes: [update, remove, reader('r', 1)],
    faults: 2,
    deep: true,
  },
  {
    title: 'a list and a watch beside writers of one object, a fault',
    table: onlyX,
    processes: [updateThenDelete, deleteThenCreate, reader('r', 1)],
    faults: 1,
    deep: true,
  },
  {
    title: 'a list and a watch beside writers of two objects, a fault, while anybody seals',
    table: onlyX,
    processes: [
      writer('a', ['update', 'x'], ['create', 'y']),
      writer('b', ['delete', 'x'], ['create', 'x']),
      reader('r', 1),
    ],
    faults: 1,
    sealing: true,
    deep: true,
  },
  {
    title: 'two writers of one object, three faults, while anybody seals',
    table: onlyX,
    processes: [updateThenDelete, deleteThenCreate],
    sealing: true,
    faults: 3,
    deep: true,
  },
  {
    title: 'one that tidies up, a fault',
    table: onlyX,
    processes: [updateThenDelete, reader('r', 1), tidier('t', 0)],
    faults: 1,
    deep: true,
  },
];

for (const { title, deep, ...scenario } of cases) {
  const skip = deep && !isDeep ? 'SLIPWAY_MODEL=deep searches this too' : false;
  test(title, { skip }, (t) => {
    const began = performance.now();
    const { states, violation } = explore(scenario);
    t.diagnostic(`${states} states, ${((performance.now() - began) / 1000).toFixed(1)} s`);
    assert.equal(violation, undefined, violation && `${violation.what}\n${violation.trace.join('\n')}`);
  });
}

const mistakes: (Scenario & { title: string; finds: RegExp })[] = [
  {
    title: 'no tombstones',
    table: withObjects([], { noTombstones: true }),
    processes: [createThenDelete, create],
    finds: /does not fit what the log holds|the log says .*, the objects are/,
  },
  {
    title: 'a revision taken before reading',
    table: onlyX,
    processes: [bent(update, takesFirst), writer('b', ['update', 'x'])],
    finds: /does not fit what the log holds/,
  },
  {
    title: 'a write without an answer taken for done',
    table: onlyX,
    processes: [bent(update, believesLost)],
    faults: 1,
    finds: /was acknowledged and is not there/,
  },
  {
    title: 'a write that does not look whether its row was sealed',
    table: withObjects(['x'], { rowUnchecked: true }),
    processes: [update],
    sealing: true,
    finds: /row 3 has changed/,
  },
  {
    title: 'a list that is not replayed up to the versions it saw',
    table: onlyX,
    processes: [update, bent(reader('r', 0), replaysNothing)],
    finds: /a list of revision \d shows/,
  },
  {
    title: 'a reader that passes gaps',
    table: onlyX,
    processes: [update, bent(headReader('r', 1), passesGaps)],
    finds: /3 was read over/,
  },
];

for (const { title, finds, ...scenario } of mistakes) {
  test(`the model notices: ${title}`, (t) => {
    const { states, violation } = explore(scenario);
    assert.match(violation?.what ?? 'nothing', finds);
    t.diagnostic(`found after ${states} states: ${violation?.what}`);
  });
}
