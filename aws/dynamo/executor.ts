// Carries the operations of the revision protocol out on the two tables. Never rejects: what went wrong is the outcome.

import { StatusError } from '../../core/api/errors.ts';
import type { ObjectKey } from '../../core/api/objects.ts';
import { orderOf } from '../../core/store/image.ts';
import { indexValueOf } from '../../core/store/protocol/indexes.ts';
import type { Op, Outcome, Slot } from '../../core/store/protocol/ops.ts';
import type { Execute } from '../../core/store/protocol/run.ts';
import type { Resource, Revision } from '../../core/store/store.ts';
import { Counters } from './counters.ts';
import { partsOf } from './encode.ts';
import { CallFailed, statusOf } from './failures.ts';
import type { StoredSlot } from './items.ts';
import type { Tables } from './read.ts';
import { openSlots, readRows, readRowsAt, readStored } from './read.ts';
import { scan } from './scan.ts';
import type { Standing } from './transaction.ts';
import { write } from './transaction.ts';
import { mark, raiseFloor, take, voidRow } from './write.ts';

/** Of these many objects that were read it is kept what replacing them needs; of others it is read again. */
const mostKnown = 1_000;

/** `keptMs`: how long rows and tombstones are kept at least. */
export function dynamoExecutor(tables: Tables, keptMs: number): Execute {
  const known = new KnownObjects();
  const counters = new Counters(tables);

  async function read(resource: Resource, key: ObjectKey): Promise<Slot | undefined> {
    const stored = await readStored(tables, resource, key);
    if (!stored) return undefined;
    const [slot] = await openSlots(tables, resource, [stored]);
    known.add(resource, stored, slot!);
    return slot;
  }

  /** What stands at `revision`, if it still does; what does not will be refused anyway. */
  async function standing(resource: Resource, key: ObjectKey, revision: Revision): Promise<Standing | undefined> {
    if (!known.get(resource, key, revision)) await read(resource, key);
    return known.get(resource, key, revision);
  }

  async function perform(op: Op): Promise<unknown> {
    switch (op.do) {
      case 'take':
        return await take(tables, op);
      case 'counter':
        return await counters.one(op.resource);
      case 'counters':
        return await counters.all();
      case 'read':
        return await read(op.resource, op.key);
      case 'write': {
        const { resource, row, expected } = op;
        const before = expected === 'absent' ? undefined : await standing(resource, row.key, expected);
        return await write(tables, op, before, keptMs);
      }
      case 'void':
        return await voidRow(tables, op, keptMs);
      case 'rows':
        return await readRows(tables, op);
      case 'rowsAt':
        return await readRowsAt(tables, op.resource, op.revisions);
      case 'scan':
        return await scan(tables, op);
      case 'raiseFloor':
        return await raiseFloor(tables, op);
      case 'mark':
        return await mark(tables, op);
      case 'wait':
        throw new Error('waiting is not for the tables');
    }
  }

  return async (op) => {
    try {
      return { ended: 'done', value: await perform(op) };
    } catch (error) {
      return { ended: endOf(op, error), error: statusOf(error) };
    }
  };
}

const writing: ReadonlySet<Op['do']> = new Set(['take', 'write', 'void', 'raiseFloor', 'mark']);

function endOf(op: Op, error: unknown): Exclude<Outcome['ended'], 'done'> {
  if (!writing.has(op.do) || error instanceof StatusError) return 'failed';
  return error instanceof CallFailed && !error.uncertain ? 'failed' : 'lost';
}

class KnownObjects {
  readonly #known = new Map<string, Standing>();

  add(resource: Resource, { bytes, revision, key }: StoredSlot, { object }: Slot): void {
    const index = object && indexValueOf(resource, object);
    // What is like most is what an absent entry says, but for its revision.
    this.#known.set(nameOf(resource, key), { revision, parts: bytes ? partsOf(bytes) : 0, index });
    if (this.#known.size > mostKnown) this.#known.delete(this.#known.keys().next().value!);
  }

  get(resource: Resource, key: ObjectKey, revision: Revision): Standing | undefined {
    const standing = this.#known.get(nameOf(resource, key));
    return standing?.revision === revision ? standing : undefined;
  }
}

const nameOf = (resource: Resource, key: ObjectKey): string => `${resource} ${orderOf(key)}`;
