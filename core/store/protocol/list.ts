// Lists that show exactly one revision, although the objects are read one page after another while others write.

import type { KubeObject } from '../../api/objects.ts';
import { checkListed } from '../change-log.ts';
import { keyFromOrder, orderOf } from '../image.ts';
import type { ListOptions, ListPage, Revision, StoredObject } from '../store.ts';
import { RevisionAhead } from '../store.ts';
import { statesBefore } from './changes.ts';
import { standing } from './commit.ts';
import type { Context } from './context.ts';
import { ask, readCounter } from './context.ts';
import { hasIndexValue } from './indexes.ts';
import { checkStillThere, readRows, settle } from './log.ts';
import type { ChangeRow, Counter, IndexValue, Slot, Steps } from './ops.ts';

export interface ProtocolListOptions extends ListOptions {
  /** Only objects with this value in an index. */
  index?: IndexValue;
}

/** Throws RevisionExpired when a page or an exact revision can no longer be shown, RevisionAhead when it cannot yet. */
export function* listSteps(context: Context, options: ProtocolListOptions = {}): Steps<ListPage> {
  const counter = yield* readCounter(context);
  const asked = options.continueFrom?.revision ?? options.exact;
  if (asked !== undefined && asked > counter.taken) throw new RevisionAhead(counter.taken);
  if (asked !== undefined) checkListed(asked, counter.floor, counter.taken);
  yield* settle(context, counter, asked ?? counter.taken);
  if (asked === undefined && !options.limit) return yield* newest(context, counter, options);
  return yield* asItWas(context, counter, options, asked ?? context.state.prefix);
}

/** Whether the options select an object. */
const isSelected = (
  { resource }: Context,
  { namespace, index }: ProtocolListOptions,
  order: string,
  object: KubeObject,
): boolean => (!namespace || order.startsWith(`${namespace}/`)) && (!index || hasIndexValue(resource, object, index));

/** The objects, then the log from before they were read, up to the newest version that was seen among them. */
function* newest(context: Context, counter: Counter, options: ProtocolListOptions): Steps<ListPage> {
  let upTo = context.state.prefix;
  const { slots, newestSeen } = yield* scanAll(context, options);
  const items = new Map<string, StoredObject>();
  for (const { order, stored } of slots) if (stored) items.set(order, stored);
  const revision = Math.max(upTo, newestSeen);
  let added = false;
  while (upTo < revision) {
    for (const row of yield* readRows(context, counter, { after: upTo, upTo: revision })) {
      upTo = row.revision;
      if (row.kind === 'void') continue;
      const order = orderOf(row.key);
      if (row.type === 'DELETED' || !isSelected(context, options, order, row.object)) items.delete(order);
      else {
        added ||= !items.has(order);
        items.set(order, { object: row.object, revision: row.revision });
      }
    }
  }
  const all = added ? inOrder(items).map(([, stored]) => stored) : [...items.values()];
  return { items: all, revision };
}

const inOrder = (items: ReadonlyMap<string, StoredObject>): [string, StoredObject][] =>
  [...items].sort(([a], [b]) => (a < b ? -1 : 1));

interface Scanned {
  slots: { order: string; stored: StoredObject | undefined }[];
  newestSeen: Revision;
}

function* scanAll(context: Context, options: ProtocolListOptions): Steps<Scanned> {
  const all: Scanned = { slots: [], newestSeen: 0 };
  let after = undefined as string | undefined;
  for (;;) {
    const page = yield* scan(context, options, after, context.limits.pageSlots);
    all.slots.push(...page.slots);
    all.newestSeen = Math.max(all.newestSeen, page.newestSeen);
    if (!page.more) return all;
    after = page.slots.at(-1)!.order;
  }
}

function* scan(
  context: Context,
  { namespace, index }: ProtocolListOptions,
  after: string | undefined,
  limit: number,
): Steps<Scanned & { more: boolean }> {
  const page = yield* ask(context, {
    do: 'scan',
    resource: context.resource,
    limit,
    ...(namespace ? { namespace } : {}),
    ...(index ? { index } : {}),
    ...(after === undefined ? {} : { after: keyFromOrder(after) }),
  });
  const slots = page.slots.map((slot) => ({ order: orderOf(slot.key), stored: standing(slot) }));
  // What has left an index is not seen there: it may be as new as anything.
  const newestSeen = index ? (yield* readCounter(context)).taken : newestOf(page.slots);
  return { slots, newestSeen, more: page.more };
}

const newestOf = (slots: readonly Slot[]): Revision =>
  slots.reduce((newest, { revision }) => Math.max(newest, revision), 0);

/**
 * A page of an earlier revision: what is read, with everything undone that came later. The first change of a key since then
 * holds the state before it.
 */
function* asItWas(
  context: Context,
  counter: Counter,
  options: ProtocolListOptions,
  revision: Revision,
): Steps<ListPage> {
  const limit = options.limit || Number.POSITIVE_INFINITY;
  const items = new Map<string, StoredObject>();
  const undo = new Map<string, StoredObject | undefined>();
  let after = options.continueFrom && orderOf(options.continueFrom.after);
  let undone = revision;
  for (let more = true; more && items.size <= limit; ) {
    const from = after;
    const page = yield* scan(context, options, from, Math.min(context.limits.pageSlots, limit - items.size + 1));
    more = page.more;
    after = page.slots.at(-1)?.order;
    yield* readUndo(context, counter, { after: undone, upTo: page.newestSeen }, undo);
    undone = Math.max(undone, page.newestSeen);
    for (const { order, stored } of page.slots) if (stored && !undo.has(order)) items.set(order, stored);
    for (const [order, stored] of undo) {
      const isHere = (from === undefined || order > from) && (!more || order <= after!);
      if (stored && isHere && isSelected(context, options, order, stored.object)) items.set(order, stored);
    }
  }
  if (undone > revision) yield* checkStillThere(context, counter, revision);
  const shown = inOrder(items);
  if (shown.length <= limit) return { items: shown.map(([, stored]) => stored), revision };
  const page = shown.slice(0, limit);
  const next = { after: keyFromOrder(page.at(-1)![0]), revision };
  return { items: page.map(([, stored]) => stored), revision, next };
}

/** Adds how keys stood before their first change in a span. */
function* readUndo(
  context: Context,
  counter: Counter,
  span: { after: Revision; upTo: Revision },
  undo: Map<string, StoredObject | undefined>,
): Steps<void> {
  let { after } = span;
  while (after < span.upTo) {
    const rows = yield* readRows(context, counter, { after, upTo: span.upTo });
    after = rows.at(-1)!.revision;
    const first = rows.filter((row): row is ChangeRow => row.kind === 'change' && !undo.has(orderOf(row.key)));
    const before = yield* statesBefore(context, first);
    for (const row of first) {
      const order = orderOf(row.key);
      if (undo.has(order)) continue;
      const object = before.get(row.previousRevision);
      undo.set(order, object && { object, revision: row.previousRevision });
    }
  }
}
