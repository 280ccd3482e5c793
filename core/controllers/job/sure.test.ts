// What a cache that lags says of a job is asked for anew before it counts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../api/objects.ts';
import type { JobSpec, JobStatus } from '../../api/types.gen.ts';
import { FakeApi } from '../../client/fixture/fake-api.ts';
import { manualPorts } from '../../client/fixture/manual-ports.ts';
import { resources } from '../../client/resources.ts';
import { controllerReference } from '../owner.ts';
import type { StoredPod } from '../pod-state.ts';
import { type StoredJob, trackingFinalizer } from './pods.ts';
import { sureLook } from './sure.ts';
import { tally } from './tally.ts';

const labels = { job: 'work' };

class Stand {
  readonly api = new FakeApi(manualPorts());
  readonly asked: string[] = [];
  readonly client = this.api.client();

  constructor() {
    const { get, list } = this.client;
    this.client.get = (of, key) => {
      this.asked.push(`get ${of.plural} ${key.name}`);
      return get(of, key);
    };
    this.client.list = (of, selection) => {
      this.asked.push(`list ${of.plural} ${selection?.labelSelector}`);
      return list(of, selection);
    };
  }

  job(status: JobStatus, spec: Partial<JobSpec> = {}): StoredJob {
    const metadata = { namespace: 'default', name: 'work' };
    const all = { completions: 3, parallelism: 1, selector: { matchLabels: labels }, ...spec };
    const made = this.api.create(resources.jobs, { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: all });
    return this.api.update(resources.jobs, { ...made, status }, 'status') as unknown as StoredJob;
  }

  pod(job: StoredJob, name: string, phase: string): StoredPod {
    const metadata = {
      namespace: 'default',
      name,
      labels,
      finalizers: [trackingFinalizer],
      ownerReferences: [controllerReference(job)],
    };
    const made = this.api.create(resources.pods, { apiVersion: 'v1', kind: 'Pod', metadata });
    return this.api.update(resources.pods, { ...made, status: { phase } }, 'status') as unknown as StoredPod;
  }

  release(pod: StoredPod): void {
    this.api.update(resources.pods, {
      ...(pod as unknown as KubeObject),
      metadata: { ...pod.metadata, finalizers: [] },
    });
  }
}

test('a pod that another instance has counted and let go is not counted again', async () => {
  const stand = new Stand();
  const job = stand.job({ succeeded: 1, failed: 1, active: 1 });
  const pods = [
    stand.pod(job, 'done', 'Succeeded'),
    stand.pod(job, 'failed', 'Failed'),
    stand.pod(job, 'runs', 'Running'),
  ];
  const [done, failed] = pods;
  stand.release(done!);
  stand.api.remove(resources.pods, { namespace: 'default', name: failed!.metadata.name });
  const { succeeded, failed: failures } = tally(job, pods);
  assert.deepEqual([succeeded, failures], [2, 2], 'by the cache alone');
  const look = await sureLook({ job, pods }, stand.client);
  const sure = tally(look!.job, look!.pods);
  assert.deepEqual([sure.succeeded, sure.failed, sure.release], [1, 1, []]);
  assert.deepEqual(stand.asked, ['get jobs work', 'get pods done', 'get pods failed']);
});

test('a pod that was noted and that the cache does not show yet is no pod that is gone', async () => {
  const stand = new Stand();
  const before = stand.job({});
  const pod = stand.pod(before, 'done', 'Succeeded');
  const status = { uncountedTerminatedPods: { succeeded: [pod.metadata.uid] }, active: 0 };
  const job = stand.api.update(
    resources.jobs,
    { ...(before as unknown as KubeObject), status },
    'status',
  ) as unknown as StoredJob;
  const look = await sureLook({ job, pods: [] }, stand.client);
  assert.deepEqual(tally(look!.job, look!.pods).counted.succeeded, 0);
  assert.deepEqual(stand.asked, ['get jobs work', 'list pods job=work']);
});

test('who is about to make a pod, and sees fewer than the status counts, looks at all of them', async () => {
  const stand = new Stand();
  const job = stand.job({ active: 1 });
  const pod = stand.pod(job, 'made', 'Running');
  const look = await sureLook({ job, pods: [] }, stand.client);
  assert.deepEqual(
    look!.pods.map(({ metadata }) => metadata.uid),
    [pod.metadata.uid],
  );
});

test('a decision is about the job as it is, and none about one that is gone', async () => {
  const stand = new Stand();
  const job = stand.job({ active: 0 });
  stand.api.update(resources.jobs, {
    ...(job as unknown as KubeObject),
    spec: { ...job.spec, suspend: true },
  });
  assert.equal((await sureLook({ job, pods: [] }, stand.client))?.job.spec?.suspend, true);
  stand.api.remove(resources.jobs, { namespace: 'default', name: 'work' });
  assert.equal(await sureLook({ job, pods: [] }, stand.client), undefined);
});

test('nobody is asked while the pods that run are the pods that are to run', async () => {
  const stand = new Stand();
  const job = stand.job({ active: 1 });
  await sureLook({ job, pods: [stand.pod(job, 'runs', 'Running')] }, stand.client);
  assert.deepEqual(stand.asked, []);
});
