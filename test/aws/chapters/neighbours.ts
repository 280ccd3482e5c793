// A second cluster in the same account, by the words of README.md: each has its own context, objects and workers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../e2e/cluster.ts';
import { EmulatedCluster } from '../../emulator/cluster.ts';
import { region } from '../../emulator/emulator.ts';
import { desiredCapacity } from '../../emulator/requests.ts';
import { ask, tokenFor } from '../ask.ts';
import { commandsOf } from '../guide.ts';
import { ofReadme } from '../substitutions.ts';
import type { Tale } from '../tale.ts';

/** README's, but for those that fetch packages, which the tests themselves need to begin. */
export const readmeCommands = commandsOf('README.md').filter(
  ({ section, text }) => section === 'On AWS' && text !== 'npm install',
);

export function ofNeighbours(tale: Tale): void {
  // A name that begins as the other's does.
  const name = `${tale.stack}-two`;
  const person = tale.personWith(readmeCommands, ofReadme(name, tale.adminRole, tale.reader));

  test('a second cluster is deployed beside it, as README.md says', tale.needsNeighbour, async () => {
    await person.follow('npx cdk bootstrap');
    await person.follow('npx cdk deploy');
    const { emulator, adminRole, folder } = tale;
    tale.neighbour = await EmulatedCluster.attach(emulator, { emulator, name, adminRole, folder });
    await person.follow('npx slipway kubeconfig');
    await tale.neighbour.reach();
    await person.follow('kubectl apply');
    assert.deepEqual(person.left, []);
  });

  test("neither sees what is the other's", tale.needsNeighbour, async () => {
    const both = [tale.cluster, tale.neighbour!];
    for (const cluster of both) await cluster.kubectlOk('create', 'configmap', `only-${cluster.name}`);
    for (const [one, other] of [both, both.toReversed()] as [EmulatedCluster, EmulatedCluster][]) {
      const seen = await one.kubectlOk('get', 'configmaps', '-o', 'name');
      assert.match(seen, new RegExp(`^configmap/only-${one.name}$`, 'm'));
      assert.doesNotMatch(seen, new RegExp(`^configmap/only-${other.name}$`, 'm'));
      assert.equal((await ask(one, '/api/v1/namespaces', await tokenFor(other))).status, 401);
    }
    assert.doesNotMatch(await tale.neighbour!.kubectlOk('get', 'nodes'), /^i-/m);
    if (tale.story.scales) await ownWorkers(tale);
  });
}

/** The pods of the second one wait for a worker of its own. */
async function ownWorkers({ emulator, neighbour }: Tale): Promise<void> {
  const group = neighbour!.resource('WorkersGroup');
  const wanted = (): Promise<number> => desiredCapacity(emulator.endpoint, region, group);
  await eventually('a worker is wanted in its own group', async () => (await wanted()) === 1);
}
