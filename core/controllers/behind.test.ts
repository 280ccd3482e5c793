// Caches that are behind what another instance did: what would do harm is asked for anew before it is done.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turns } from '../../test/turns.ts';
import type { KubeObject } from '../api/objects.ts';
import type { ResourceRef } from '../client/client.ts';
import { FakeApi } from '../client/fixture/fake-api.ts';
import { type ManualPorts, manualPorts } from '../client/fixture/manual-ports.ts';
import { Informers } from '../client/informers.ts';
import { resources } from '../client/resources.ts';
import { makePod } from './fixture/objects.ts';
import { controllerReference } from './owner.ts';
import { startControllers } from './start.ts';

/** Controllers whose caches stay as they were when `frozen` was called. */
class Behind {
  readonly ports: ManualPorts = manualPorts();
  readonly api = new FakeApi(this.ports);
  #writes: string[] = [];

  constructor() {
    this.api.onWrite = (verb, of, { metadata }) => void this.#writes.push(`${verb} ${of.plural} ${metadata.name}`);
  }

  /** What the controller named does when it looks, by what it saw before `change`, after it. */
  async writesAfter(only: string, change: () => void, waitMs = 0): Promise<string[]> {
    const client = this.api.client();
    // Lists of the first moment are all that the caches ever see.
    client.watch = async function* () {
      await new Promise(() => {});
      yield* [];
    };
    const informers = new Informers(client, this.ports);
    const controllers = startControllers({ client, ports: this.ports, informers, only: [only] });
    controllers.pause();
    informers.start();
    await controllers.synced;
    change();
    this.#writes = [];
    controllers.resume();
    await turns();
    this.ports.pass(waitMs);
    await turns();
    const told = this.#writes.filter((write) => !write.includes(' events '));
    await controllers.stop();
    informers.stop();
    return told;
  }

  create(of: ResourceRef, object: Record<string, unknown> & { metadata: KubeObject['metadata'] }): KubeObject {
    return this.api.create(of, { apiVersion: '', kind: '', ...object });
  }
}

const namespace = 'default';

test('who does not see that another gave a pod up gives no second one up', async () => {
  const stand = new Behind();
  const labels = { app: 'web' };
  const made = stand.create(resources.replicaSets, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web', namespace },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels } } },
  });
  const ownerReferences = [controllerReference(made as never)];
  for (const name of ['a', 'b', 'c']) {
    const pod = makePod(name, { labels, readyFor: 9 });
    stand.create(resources.pods, { ...pod, metadata: { ...pod.metadata, ownerReferences } } as never);
  }
  const other = (): void => {
    stand.api.delete(resources.pods, { namespace, name: 'c' });
    const status = { replicas: 2, readyReplicas: 2, availableReplicas: 2, fullyLabeledReplicas: 2 };
    stand.api.update(resources.replicaSets, { ...made, status }, 'status');
  };
  const writes = await stand.writesAfter('replica-set', other);
  assert.deepEqual(
    writes.filter((write) => write.includes('pods')),
    [],
  );
});

const cronJob = (stand: Behind): KubeObject =>
  stand.create(resources.cronJobs, {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'tick', namespace },
    spec: { schedule: '* * * * *', concurrencyPolicy: 'Forbid', jobTemplate: { spec: {} } },
  });

test('a job that another started, and that is over and gone, is not started again', async () => {
  const stand = new Behind();
  const made = cronJob(stand);
  stand.ports.pass(61_000);
  const other = (): void => {
    const status = { lastScheduleTime: new Date(Math.floor(stand.ports.clock.now() / 60_000) * 60_000).toISOString() };
    stand.api.update(resources.cronJobs, { ...made, status }, 'status');
  };
  assert.deepEqual(await stand.writesAfter('cron-job', other), []);
});

test('a job that runs and is not seen yet forbids the next one', async () => {
  const stand = new Behind();
  const made = cronJob(stand);
  stand.ports.pass(61_000);
  const other = (): void => {
    const metadata = { name: 'tick-1', namespace, ownerReferences: [controllerReference(made as never)] };
    const job = stand.create(resources.jobs, { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: {} });
    const status = { active: [{ kind: 'Job', namespace, name: 'tick-1', uid: job.metadata.uid }] };
    stand.api.update(resources.cronJobs, { ...made, status }, 'status');
  };
  assert.deepEqual(await stand.writesAfter('cron-job', other), []);
});

test('pods of a node that is there after all stay', async () => {
  const stand = new Behind();
  const pod = makePod('a', { node: 'n1' });
  stand.create(resources.pods, pod as never);
  const join = (): void =>
    void stand.create(resources.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
  assert.deepEqual(await stand.writesAfter('pod-garbage-collector', join, 80_000), []);
  const gone = new Behind();
  gone.create(resources.pods, pod as never);
  assert.ok((await gone.writesAfter('pod-garbage-collector', () => {}, 80_000)).includes('remove pods a'));
});

test('a taint that is gone drives no pod off', async () => {
  const stand = new Behind();
  const Ready = { type: 'Ready', status: 'True' };
  const node = (name: string, taints: unknown[]): KubeObject =>
    stand.create(resources.nodes, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
      spec: { taints },
      status: { conditions: [Ready] },
    });
  const made = node('n1', [{ key: 'repair', effect: 'NoExecute' }]);
  node('n2', []);
  stand.create(resources.pods, makePod('a', { node: 'n1' }) as never);
  const mend = (): void => void stand.api.update(resources.nodes, { ...made, spec: { taints: [] } });
  const writes = await stand.writesAfter('node-lifecycle', mend);
  assert.deepEqual(
    writes.filter((write) => write.includes('pods')),
    [],
  );
});
