// States of the tables, each with a number, and what must hold of them.
import type { ChangeRow, Op, Outcome, Row, Slot } from '../../core/store/protocol/ops.ts';
import type { Revision } from '../../core/store/store.ts';
import type { ModelEvent } from './events.ts';
import type { Part, Table } from './table.ts';

export const resource = 'pods';

export interface Model {
  /** The tables at the beginning. */
  table(): Table;
}

interface StoreState {
  id: number;
  table: Table;
  part: Part;
  /** Operations without an answer that may still take effect. */
  pending: readonly number[];
  applied: Map<number, Applied>;
  laterOf: Map<number, number>;
  spontaneous?: readonly number[];
  wrong: string | undefined;
}

export interface Applied {
  store: number;
  outcome: Outcome;
  outcomeId: number;
}

export class StoreStates {
  readonly first: number;
  readonly #states: StoreState[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #ops: Op[] = [];
  readonly #opIds = new Map<string, number>();
  readonly #outcomes: string[] = [];
  readonly #outcomeIds = new Map<string, number>();

  constructor(model: Model) {
    this.first = this.#intern(model.table(), []);
  }

  opId(op: Op): number {
    const id = numbered(this.#opIds, JSON.stringify(op));
    this.#ops[id] = op;
    return id;
  }

  apply(store: number, opId: number): Applied {
    const state = this.#states[store]!;
    let applied = state.applied.get(opId);
    if (!applied) {
      const table = state.table.clone();
      const value = table.apply(this.#ops[opId]!);
      const text = JSON.stringify(value) ?? '';
      const outcomeId = numbered(this.#outcomeIds, text);
      this.#outcomes[outcomeId] = text;
      applied = { store: this.#intern(table, state.pending), outcome: { ended: 'done', value }, outcomeId };
      state.applied.set(opId, applied);
    }
    return applied;
  }

  /** The operation is on its way: it may take effect at any time from now on. */
  later(store: number, opId: number): number {
    const state = this.#states[store]!;
    let later = state.laterOf.get(opId);
    if (later === undefined) {
      later = this.#intern(
        state.table,
        [...state.pending, opId].sort((a, b) => a - b),
      );
      state.laterOf.set(opId, later);
    }
    return later;
  }

  /** What can happen without any process: what was on its way arrives, somebody seals. */
  spontaneous(store: number, sealing: boolean): readonly number[] {
    const state = this.#states[store]!;
    state.spontaneous ??= [...this.#arrivals(state), ...(sealing ? this.#seals(state) : [])];
    return state.spontaneous;
  }

  *#arrivals({ pending, table }: StoreState): Generator<number> {
    for (const [at, opId] of pending.entries()) {
      if (at > 0 && pending[at - 1] === opId) continue;
      const after = table.clone();
      after.apply(this.#ops[opId]!);
      yield this.#intern(after, [...pending.slice(0, at), ...pending.slice(at + 1)]);
    }
  }

  *#seals({ id, part }: StoreState): Generator<number> {
    for (let revision = 2; revision <= part.counter.taken; revision++) {
      if (part.rows.has(revision)) continue;
      yield this.apply(id, this.opId({ do: 'void', resource, revision, at: 0 })).store;
    }
  }

  operation(opId: number): string {
    const op = this.#ops[opId]!;
    if (op.do === 'write') return `write ${op.row.revision} ${op.row.type} ${op.row.key.name} (${op.expected})`;
    return JSON.stringify({ ...op, resource: undefined, at: undefined });
  }

  outcome(outcomeId: number): string {
    return this.#outcomes[outcomeId]!.slice(0, 160);
  }

  difference(from: number, to: number): string {
    const [before, after] = [this.#states[from]!.part, this.#states[to]!.part];
    const rows = [...after.rows.values()].filter((row) => before.rows.get(row.revision) !== row);
    return `by itself: ${JSON.stringify(rows)} ${JSON.stringify(after.counter)}`;
  }

  /** What the tables may not look like, and may not become. */
  transition(from: number, to: number): string | undefined {
    if (from === to) return undefined;
    const [before, after] = [this.#states[from]!, this.#states[to]!];
    for (const [revision, row] of before.part.rows) {
      const now = after.part.rows.get(revision);
      if (now !== row && JSON.stringify(now) !== JSON.stringify(row)) return `row ${revision} has changed`;
    }
    return after.wrong;
  }

  /** Whether what a process was told is so. `known`: the newest revision acknowledged when its list or head began. */
  check(store: number, event: ModelEvent, known: Revision): string | undefined {
    const { part } = this.#states[store]!;
    switch (event.what) {
      case 'broken':
        return event.error;
      case 'acknowledged': {
        const row = part.rows.get(event.revision);
        return row?.kind === 'change' && row.writer === event.writer
          ? undefined
          : `revision ${event.revision} was acknowledged and is not there`;
      }
      case 'refused':
        return event.writers.map((writer) => this.#mayAppear(this.#states[store]!, writer)).find((what) => what);
      case 'head':
        return settledUpTo(part, event.revision) ?? behind(event.revision, known);
      case 'listed': {
        const problem =
          settledUpTo(part, event.revision) ?? (event.isNewest ? behind(event.revision, known) : undefined);
        if (problem) return problem;
        const shown = event.items.map(({ object, revision }) => `${object.metadata.name}@${revision}`);
        const stood = [...replay(part, event.revision).values()].map(({ key, revision }) => `${key.name}@${revision}`);
        return String(shown) === String(stood.sort())
          ? undefined
          : `a list of revision ${event.revision} shows ${shown}, not ${stood}`;
      }
      case 'read on':
        return settledUpTo(part, event.upTo) ?? sameChanges(part, event);
      default:
        return undefined;
    }
  }

  /** Who was refused is not in the log, and nothing on its way can bring him there. */
  #mayAppear({ part, pending }: StoreState, writer: string): string | undefined {
    const isIn = [...part.rows.values()].some((row) => row.kind === 'change' && row.writer === writer);
    if (isIn) return `${writer} was refused and is in the log`;
    for (const op of pending.map((id) => this.#ops[id]!)) {
      if (op.do !== 'write' || op.row.writer !== writer || part.rows.has(op.row.revision)) continue;
      return `${writer} was refused, but its write is still on its way`;
    }
    return undefined;
  }

  #intern(table: Table, pending: readonly number[]): number {
    const part = table.part(resource);
    const key = JSON.stringify([
      part.counter,
      [...part.rows].sort(([a], [b]) => a - b),
      [...part.slots].sort(),
      pending,
    ]);
    const id = numbered(this.#byKey, key);
    if (id < this.#states.length) return id;
    const wrong = objectsAndLog(part);
    this.#states.push({ id, table, part, pending, applied: new Map(), laterOf: new Map(), wrong });
    return id;
  }
}

function numbered(ids: Map<string, number>, key: string): number {
  let id = ids.get(key);
  if (id === undefined) ids.set(key, (id = ids.size));
  return id;
}

const rowsInOrder = ({ rows }: Part): Row[] => [...rows.values()].sort((a, b) => a.revision - b.revision);

function replay(part: Part, upTo: Revision): Map<string, ChangeRow> {
  const state = new Map<string, ChangeRow>();
  for (const row of rowsInOrder(part)) {
    if (row.revision > upTo || row.kind === 'void') continue;
    if (row.type === 'DELETED') state.delete(row.key.name);
    else state.set(row.key.name, row);
  }
  return state;
}

/** The log replayed gives the objects, and each change fits the state before it. */
function objectsAndLog(part: Part): string | undefined {
  const state = new Map<string, ChangeRow>();
  for (const row of rowsInOrder(part)) {
    if (row.kind === 'void') continue;
    const { name } = row.key;
    if ((state.get(name)?.revision ?? 0) !== row.previousRevision) {
      return `${row.type} ${name} at ${row.revision} does not fit what the log holds before it`;
    }
    if (row.type === 'DELETED') state.delete(name);
    else state.set(name, row);
  }
  const logged = [...state.values()].map(({ key, revision }) => `${key.name}@${revision}`).sort();
  const live = [...part.slots.values()].filter((slot: Slot) => slot.object);
  const stands = live.map(({ key, revision }) => `${key.name}@${revision}`).sort();
  return String(logged) === String(stands) ? undefined : `the log says ${logged}, the objects are ${stands}`;
}

/** Every row up to a revision is there: what was read up to it cannot become different. */
function settledUpTo(part: Part, upTo: Revision): string | undefined {
  for (let revision = 2; revision <= upTo; revision++) {
    if (!part.rows.has(revision)) return `${revision} was read over, and nothing is there yet`;
  }
  return undefined;
}

const behind = (revision: Revision, known: Revision): string | undefined =>
  revision < known ? `${known} was acknowledged before, and ${revision} is shown` : undefined;

function sameChanges(
  part: Part,
  { since, upTo, changes }: Extract<ModelEvent, { what: 'read on' }>,
): string | undefined {
  const told = changes.map(({ revision, object, previous }) => [revision, object['value'], previous?.['value']]);
  const logged: unknown[] = [];
  for (const row of rowsInOrder(part)) {
    if (row.kind === 'void' || row.revision <= since || row.revision > upTo) continue;
    const before = part.rows.get(row.previousRevision);
    logged.push([row.revision, row.object['value'], before?.kind === 'change' ? before.object['value'] : undefined]);
  }
  const [a, b] = [JSON.stringify(told), JSON.stringify(logged)];
  return a === b ? undefined : `changes ${since}..${upTo} are told as ${a}, and are ${b}`;
}
