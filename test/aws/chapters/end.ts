// The stack is destroyed, with all that was its own and nothing else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EmulatedCluster } from '../../emulator/cluster.ts';
import { region } from '../../emulator/emulator.ts';
import { stackResources } from '../../emulator/requests.ts';
import type { Tale } from '../tale.ts';

export function ofTheEnd(tale: Tale): void {
  test('what is destroyed is gone: the stack was deployed with removal=destroy', async () => {
    const { cluster, person } = tale;
    for (const one of cluster.instances.splice(0)) await one.terminate();
    await cluster.destroy(() => person.follow('npx cdk destroy'));
    await assertGone(cluster);
  });

  test('the other cluster goes on, until it is destroyed as well', tale.needsNeighbour, async () => {
    const neighbour = tale.neighbour!;
    assert.match(await neighbour.kubectlOk('get', 'configmaps', '-o', 'name'), new RegExp(`only-${neighbour.name}`));
    await neighbour.destroy();
    await assertGone(neighbour);
  });

  test('no command of the guide was forgotten', (t) => {
    assert.deepEqual(tale.person.left, []);
    for (const one of tale.person.leftOut) t.diagnostic(one);
  });
}

async function assertGone(cluster: EmulatedCluster): Promise<void> {
  const { endpoint } = cluster.emulator;
  const tables = [cluster.resource('TablesObjects'), cluster.resource('TablesChanges')];
  const left = await stackResources(endpoint, cluster.name, region).catch(() => new Map<string, string>());
  assert.deepEqual(
    [...left.values()].filter((id) => tables.includes(id)),
    [],
  );
  const { TableNames } = await cluster.aws<{ TableNames: string[] }>('DynamoDB_20120810.ListTables', {});
  assert.deepEqual(
    TableNames.filter((table) => tables.includes(table)),
    [],
  );
  const { Parameters } = await cluster.aws<{ Parameters: { Name: string }[] }>('AmazonSSM.GetParametersByPath', {
    Path: `/slipway/${cluster.name}`,
    Recursive: true,
  });
  assert.deepEqual(
    Parameters.map((parameter) => parameter.Name),
    [],
  );
}
