// What must hold of the tables and of the functions' caches when a story is over: the promises of docs/decisions/0001-revisions.md.
import assert from 'node:assert/strict';
import { keyOf } from '../../../core/api/objects.ts';
import type { Informer } from '../../../core/client/informer.ts';
import { resourceName } from '../../../core/client/resources.ts';
import { orderOf } from '../../../core/store/image.ts';
import type { ChangeRow } from '../../../core/store/protocol/ops.ts';
import type { Revision } from '../../../core/store/store.ts';
import type { FakeTable } from '../fake-table.ts';
import { checkShown, checkTold, logOf, stateAfter } from '../log-of-table.ts';
import type { World } from './world.ts';

type Versions = Map<string, Revision>;

/** How the objects stand after a log. */
const versionsOf = (log: readonly ChangeRow[]): Versions =>
  new Map([...stateAfter(log)].map(([order, { revision }]) => [order, revision]));

/**
 * No acknowledged write is lost; the log gives exactly the objects; each process was told the log without a gap, and shown lists as
 * it says; no pod ever had two nodes. Returns how many had one.
 */
export function checkTables({ tables, notes }: World): number {
  for (const [resource, { slots }] of tables.table.parts) {
    const log = logOf(tables, resource);
    const rows = new Map(log.map((row) => [row.revision, row]));
    for (const { op, key, revision } of notes.acknowledged.filter((one) => one.resource === resource)) {
      const row = rows.get(revision);
      assert.ok(row, `the acknowledged write of revision ${revision} of ${resource} ${orderOf(key)} was lost`);
      assert.deepEqual([orderOf(row.key), row.type === 'DELETED'], [orderOf(key), op === 'delete']);
    }
    const stands: Versions = new Map();
    for (const [order, { object, revision }] of slots) if (object) stands.set(order, revision);
    assert.deepEqual(stands, versionsOf(log), resource);
    checkShown(
      log,
      notes.shown.filter((one) => one.resource === resource),
    );
    checkTold(
      log,
      notes.told.filter((one) => one.resource === resource),
    );
  }
  return checkBindings(tables);
}

/** No pod ever had two nodes. Returns how many had one. */
export function checkBindings(tables: FakeTable): number {
  const nodes = new Map<string, string>();
  for (const { object } of logOf(tables, 'pods')) {
    const { nodeName } = object['spec'] as { nodeName?: string };
    if (!nodeName) continue;
    const { uid = '', name } = object.metadata;
    assert.equal(nodeName, nodes.get(uid) ?? nodeName, `pod ${name} got a second node`);
    nodes.set(uid, nodeName);
  }
  return nodes.size;
}

/**
 * With nothing going wrong any more: the tables are as they must be, and the caches that were kept through all of it show, once they
 * have read on, exactly what the log says.
 */
export async function checkAtRest(world: World): Promise<void> {
  await world.calm();
  checkTables(world);
  let checked = 0;
  const check = async (informer: Informer): Promise<void> => {
    if (!informer.synced) return;
    await informer.catchUp();
    const shown: Versions = new Map();
    for (const object of informer.list()) shown.set(orderOf(keyOf(object)), Number(object.metadata.resourceVersion));
    const resource = resourceName(informer.of);
    const log = logOf(world.tables, resource).filter(({ revision }) => revision <= informer.revision);
    assert.deepEqual(shown, versionsOf(log), `the cache of ${resource}`);
    checked++;
  };
  await world.does(
    world.reactors.each(async ({ parts }) => {
      for (const { informer } of parts.informers.all()) await check(informer);
    }),
  );
  assert.ok(checked > 0, 'no function was warm');
}
