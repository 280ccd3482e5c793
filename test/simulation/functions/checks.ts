// What must hold of the tables and of the functions' caches when a story is over: the promises of docs/decisions/0001-revisions.md.
import assert from 'node:assert/strict';
import { keyOf } from '../../../core/api/objects.ts';
import type { Informer } from '../../../core/client/informer.ts';
import { resourceName } from '../../../core/client/resources.ts';
import { orderOf } from '../../../core/store/image.ts';
import type { Resource, Revision } from '../../../core/store/store.ts';
import type { FakeTable } from '../fake-table.ts';
import { logOf, stateAfter } from '../log-of-table.ts';
import type { World } from './world.ts';

type Versions = Map<string, Revision>;

/** What the log says of the objects as they stood at a revision. */
const versionsAt = (tables: FakeTable, resource: Resource, revision: Revision): Versions => {
  const log = logOf(tables, resource).filter((row) => row.revision <= revision);
  return new Map([...stateAfter(log)].map(([order, row]) => [order, row.revision]));
};

/** No acknowledged write is lost, the log gives exactly the objects, and no pod ever had two nodes. Returns how many had one. */
export function checkTables({ tables, acknowledged }: World): number {
  for (const [resource, { slots }] of tables.table.parts) {
    const rows = new Map(logOf(tables, resource).map((row) => [row.revision, row]));
    for (const { op, key, revision } of acknowledged.filter((one) => one.resource === resource)) {
      const row = rows.get(revision);
      assert.ok(row, `the acknowledged write of revision ${revision} of ${resource} ${orderOf(key)} was lost`);
      assert.deepEqual([orderOf(row.key), row.type === 'DELETED'], [orderOf(key), op === 'delete']);
    }
    const stands: Versions = new Map();
    for (const [order, { object, revision }] of slots) if (object) stands.set(order, revision);
    assert.deepEqual(stands, versionsAt(tables, resource, Number.POSITIVE_INFINITY), resource);
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
    assert.deepEqual(
      new Map([...shown].sort()),
      new Map([...versionsAt(world.tables, resource, informer.revision)].sort()),
      resource,
    );
    checked++;
  };
  await world.does(
    world.reactors.each(async ({ parts }) => {
      for (const { informer } of parts.informers.all()) await check(informer);
    }),
  );
  assert.ok(checked > 0, 'no function was warm');
}
