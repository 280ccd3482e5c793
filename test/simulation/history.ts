// What one run of the simulation did and saw, and the properties that it must have (docs/decisions/0001-revisions.md).
import assert from 'node:assert/strict';
import type { Change, Resource, Revision, Store, StoredObject } from '../../core/store/store.ts';

/** A write that the store acknowledged. */
export interface Acknowledged {
  resource: Resource;
  op: 'put' | 'delete';
  name: string;
  value: string;
  revision: Revision;
}

export type Seen = Pick<Change, 'type' | 'revision'> & { name: string; value: string; previous: string | null };

export const seen = ({ type, revision, key, object, previous }: Change): Seen => ({
  type,
  revision,
  name: key.name,
  value: String(object['value']),
  previous: previous ? String(previous['value']) : null,
});

/** Applies what a watcher saw to what a list showed: each change must fit the state before it. */
export class Replica {
  readonly state = new Map<string, string>();
  upTo: Revision;

  constructor(items: readonly StoredObject[], revision: Revision) {
    for (const { object } of items) this.state.set(String(object.metadata.name), String(object['value']));
    this.upTo = revision;
  }

  apply(change: Seen): void {
    assert.ok(change.revision > this.upTo, `revision ${change.revision} came after ${this.upTo}`);
    const standing = this.state.get(change.name);
    assert.equal(
      standing === undefined,
      change.type === 'ADDED',
      `${change.type} ${change.name} at ${change.revision}`,
    );
    assert.equal(change.previous, standing ?? null, `the state before revision ${change.revision}`);
    if (change.type === 'DELETED') this.state.delete(change.name);
    else this.state.set(change.name, change.value);
    this.upTo = change.revision;
  }
}

/** The log from the beginning, read in pieces. */
export async function wholeLog(store: Store, resource: Resource, from: Revision): Promise<Seen[]> {
  const log: Seen[] = [];
  for (let upTo = from; ; ) {
    const page = await store.changesSince(resource, upTo, 100);
    if (page.changes.length === 0) return log;
    log.push(...page.changes.map(seen));
    upTo = page.upTo;
  }
}

/** No acknowledged write is lost, none appears that was not tried, and the log replayed gives exactly the objects. */
export async function checkLog(
  store: Store,
  resource: Resource,
  from: Revision,
  acknowledged: readonly Acknowledged[],
  attempted: ReadonlySet<string>,
): Promise<Seen[]> {
  const log = await wholeLog(store, resource, from);
  const replica = new Replica([], from);
  for (const change of log) replica.apply(change);
  const byRevision = new Map(log.map((change) => [change.revision, change]));
  for (const write of acknowledged.filter((one) => one.resource === resource)) {
    const change = byRevision.get(write.revision);
    assert.ok(change, `the acknowledged write of revision ${write.revision} to ${write.name} was lost`);
    assert.deepEqual([change.name, change.value], [write.name, write.value]);
    assert.equal(change.type === 'DELETED', write.op === 'delete');
  }
  for (const change of log) assert.ok(attempted.has(change.value), `nobody wrote "${change.value}"`);
  const items = (await store.list(resource)).items;
  const objects = new Map(items.map(({ object }) => [String(object.metadata.name), String(object['value'])]));
  assert.deepEqual(objects, new Map([...replica.state].sort(([a], [b]) => (a < b ? -1 : 1))));
  return log;
}

/** What a watcher saw, from its first to its last revision, is exactly what the log says. */
export function checkWatcher(saw: readonly Seen[], log: readonly Seen[], after: Revision, upTo: Revision): void {
  const expected = log.filter(({ revision }) => revision > after && revision <= upTo);
  assert.deepEqual(saw, expected);
}
