// The objects of one resource in memory, in order, and lists of them: as they are, or as they were at a revision.
import type { ObjectKey } from '../api/objects.ts';
import type { LoggedChange } from './change-log.ts';
import type { ListOptions, ListPage, Revision, StoredObject } from './store.ts';

/** Orders objects as etcd does under kube-apiserver: by `namespace/name`, byte by byte ("a-b/x" comes before "a/x"). */
export const orderOf = (key: ObjectKey): string => `${key.namespace}/${key.name}`;

export const keyFromOrder = (order: string): ObjectKey => {
  const slash = order.indexOf('/');
  return { namespace: order.slice(0, slash), name: order.slice(slash + 1) };
};

/** How the objects stood before some changes: undefined where there was none. */
type Undo = ReadonlyMap<string, StoredObject | undefined>;

/** Walking the changes after a revision, the first of each key says how it stood then. */
function undoOf(changesAfter: readonly LoggedChange[]): Undo {
  const undo = new Map<string, StoredObject | undefined>();
  for (const change of changesAfter) {
    const order = orderOf(change.key);
    if (undo.has(order)) continue;
    // Read once: a change on the disk is decoded each time.
    const { previous, previousRevision } = change;
    undo.set(order, previous && { object: previous, revision: previousRevision });
  }
  return undo;
}

export class ResourceImage {
  readonly #current = new Map<string, StoredObject>();
  /** Keys of #current, always in order. */
  #orders: string[] = [];

  get(key: ObjectKey): StoredObject | undefined {
    return this.#current.get(orderOf(key));
  }

  get size(): number {
    return this.#current.size;
  }

  set(order: string, stored: StoredObject): void {
    if (!this.#current.has(order)) this.#orders.splice(this.#firstAtLeast(order), 0, order);
    this.#current.set(order, stored);
  }

  delete(order: string): void {
    if (!this.#current.delete(order)) return;
    this.#orders.splice(this.#firstAtLeast(order), 1);
  }

  apply(change: LoggedChange): void {
    if (change.type === 'DELETED') this.delete(orderOf(change.key));
    else this.set(orderOf(change.key), { object: change.object, revision: change.revision });
  }

  /**
   * `revision` is the one to show; `changesAfter` are all changes since then (empty when it is the head).
   * Pages of one list show one revision, however much is written between them.
   */
  list(options: ListOptions, revision: Revision, changesAfter: readonly LoggedChange[]): ListPage {
    const prefix = options.namespace ? `${options.namespace}/` : '';
    // '0' follows '/'; U+FFFF is above every name.
    const end = options.namespace ? `${options.namespace}0` : '\uffff';
    const after = options.continueFrom ? orderOf(options.continueFrom.after) : undefined;
    const start = after === undefined || after < prefix ? prefix : `${after}\0`;
    const limit = options.limit && options.limit > 0 ? options.limit : Number.POSITIVE_INFINITY;
    const low = this.#firstAtLeast(start);
    const high = this.#firstAtLeast(end);
    const items =
      changesAfter.length === 0
        ? this.#slice(low, Math.min(high, low + limit))
        : this.#mixed(low, high, start, end, undoOf(changesAfter), limit);
    const total = changesAfter.length === 0 ? high - low : items.total;
    const shown = items.list;
    const last = items.last;
    if (shown.length >= total || last === undefined) return { items: shown, revision };
    return { items: shown, revision, next: { after: keyFromOrder(last), revision }, remaining: total - shown.length };
  }

  #slice(low: number, high: number): { list: StoredObject[]; last: string | undefined; total: number } {
    const list: StoredObject[] = [];
    for (let i = low; i < high; i++) list.push(this.#current.get(this.#orders[i]!)!);
    return { list, last: high > low ? this.#orders[high - 1] : undefined, total: high - low };
  }

  #mixed(low: number, high: number, start: string, end: string, undo: Undo, limit: number) {
    const back: string[] = [];
    let total = high - low;
    for (const [order, stood] of undo) {
      if (order < start || order >= end) continue;
      const stands = this.#current.has(order);
      if (stood && !stands) {
        back.push(order);
        total++;
      } else if (!stood && stands) total--;
    }
    back.sort((a, b) => (a < b ? -1 : 1));
    const list: StoredObject[] = [];
    let last: string | undefined;
    let i = low;
    let j = 0;
    while (list.length < limit && (i < high || j < back.length)) {
      const gone = back[j];
      const here = i < high ? this.#orders[i]! : undefined;
      const order = here === undefined || (gone !== undefined && gone < here) ? gone! : here;
      if (order === gone) j++;
      else i++;
      const stored = undo.has(order) ? undo.get(order) : this.#current.get(order);
      if (!stored) continue;
      list.push(stored);
      last = order;
    }
    return { list, last, total };
  }

  #firstAtLeast(order: string): number {
    const orders = this.#orders;
    let low = 0;
    let high = orders.length;
    // Objects mostly arrive in order when they are loaded.
    if (high > 0 && orders[high - 1]! < order) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (orders[middle]! < order) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
