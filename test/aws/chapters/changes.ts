// The app is changed and deployed over the running cluster: what runs goes on, what was written stands, and who watches misses nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../e2e/cluster.ts';
import type { EmulatedCluster } from '../../emulator/cluster.ts';
import { ask, tokenFor } from '../ask.ts';
import { roleOf, type Tale } from '../tale.ts';
import { madeSince, revisionOf } from '../watching.ts';

const namespaces = '/api/v1/namespaces';

export function ofChanges(tale: Tale): void {
  test('what a deployment would change is shown first', async () => {
    const said = await tale.person.follow('npx cdk diff');
    assert.match(said, /RetentionInDays/);
    assert.match(said, /Number of stacks with differences: 1/);
    assert.doesNotMatch(said, /AWS::DynamoDB::Table/);
  });

  test('a changed app is deployed over the running cluster, and nothing of it is lost', async () => {
    const { cluster } = tale;
    const deputy = async (): Promise<number> =>
      (await ask(cluster, namespaces, await tokenFor(cluster, { role: roleOf('Deputy') }))).status;
    assert.equal(await deputy(), 401);
    await cluster.kubectlOk('create', 'configmap', 'kept', '--from-literal=a=b');
    const containers = await runningContainers(tale);
    const from = await revisionOf(cluster);

    const { said, made, unknown } = await writeWhile(cluster, tale.person.follow('npx cdk deploy'));
    assert.doesNotMatch(said, /no changes/);
    assert.ok(made.length > 0);

    await eventually('the new values hold', async () => (await deputy()) === 200);
    assert.equal(await cluster.kubectlOk('get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}'), 'b');
    assert.equal(await runningContainers(tale), containers);
    await cluster.kubectlOk('create', 'configmap', 'afterwards');
    const { names } = await madeSince(cluster, from, 'afterwards');
    assert.deepEqual(
      names.filter((name) => !unknown.has(name)),
      [...made, 'afterwards'],
    );
    assert.equal(new Set(names).size, names.length);
    await cluster.kubectlOk('delete', 'configmap', 'kept', ...names);
  });

  test('a rollout goes on after it', tale.needsWorker, async () => {
    const { cluster } = tale;
    await cluster.kubectlOk('set', 'env', 'deployment/web', 'EDITION=2');
    await cluster.kubectlOk('rollout', 'status', 'deployment/web', '--timeout=300s');
  });

  test('the same deployment again changes nothing', async () => {
    assert.match(await tale.person.again(), /\(no changes\)/);
  });
}

/** Makes config maps one after the other until the deployment is done. Some emulators end a function that is at work, and answer 502. */
async function writeWhile(cluster: EmulatedCluster, deploying: Promise<string>): Promise<Written> {
  let isDeployed = false;
  const settled = Promise.allSettled([deploying]).then(() => {
    isDeployed = true;
  });
  const made: string[] = [];
  const unknown = new Set<string>();
  for (let number = 1; !isDeployed; number++) {
    const name = `meanwhile-${number}`;
    if ((await cluster.kubectl(['create', 'configmap', name])).code === 0) made.push(name);
    else unknown.add(name);
    await sleep(500);
  }
  await settled;
  return { said: await deploying, made, unknown };
}

interface Written {
  /** By the deployment. */
  said: string;
  /** Acknowledged. */
  made: string[];
  /** Not acknowledged: they may be there. */
  unknown: Set<string>;
}

/** With their ids and how often each was started. */
const runningContainers = async ({ cluster, noWorker }: Tale): Promise<string> =>
  noWorker ? '' : await cluster.kubectlOk('get', 'pods', '-l', 'app=web', '-o', containerFields);
const containerFields =
  'jsonpath={range .items[*]}{.metadata.uid} {.status.phase} {.status.containerStatuses[*].containerID} {.status.containerStatuses[*].restartCount}{"\\n"}{end}';
