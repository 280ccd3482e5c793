// What goes wrong, and how its user learns of it: the words, the reasons, and what is still whole afterwards.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ContainerStatus, Pod } from '../../core/api/types.gen.ts';
import { resources } from '../../core/client/resources.ts';
import { isAlive } from '../../local/state/processes.ts';
import { eventually, startCluster, type TestPlace } from './cluster.ts';
import { Shell } from './shell.ts';

let cluster: TestPlace;
let shell: Shell;
before(async () => {
  cluster = await startCluster();
  shell = new Shell(cluster, 'bad-days');
});
after(() => cluster.remove());

const limit = { timeout: 300_000 };
type Spec = NonNullable<Pod['spec']>;
type Container = Spec['containers'][number];

async function pod(
  name: string,
  container: Partial<Container>,
  spec: Partial<Spec> = {},
  annotations = {},
): Promise<void> {
  const containers = [{ name: 'm', image: 'slipway/sample:1', ...container }];
  const metadata = { name, annotations };
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { terminationGracePeriodSeconds: 1, containers, ...spec },
  });
}

const sh = (script: string): Partial<Container> => ({ command: ['sh', '-c', script] });
const forEver = 'trap "exit 0" TERM; while true; do sleep 0.1; done';

const get = (name: string): Promise<Pod> => cluster.client().get<Pod>(resources.pods, { namespace: 'default', name });

/** The container's status once it is as wanted. */
const until = (name: string, what: string, wanted: (status: ContainerStatus) => unknown): Promise<ContainerStatus> =>
  eventually(
    `${name}: ${what}`,
    async () => {
      const status = (await get(name)).status?.containerStatuses?.[0];
      return status && wanted(status) ? status : undefined;
    },
    120_000,
  );
const waiting = (name: string, reason: string) => until(name, reason, (s) => s.state?.waiting?.reason === reason);
const terminated = (name: string, reason: string) =>
  until(name, reason, (s) => (s.state?.terminated ?? s.lastState?.terminated)?.reason === reason);
/** The events of a pod once one of them fits. */
const events = (name: string, wanted: RegExp): Promise<string> =>
  eventually(`${name}: ${wanted}`, async () => {
    const text = await shell.ok(`kubectl events --for pod/${name} --no-headers`);
    return wanted.test(text) && text;
  });
/** The line of `kubectl get` once it fits: a container that is tried again is something else for a moment. */
const shows = (name: string, wanted: RegExp): Promise<string> =>
  eventually(`${name}: ${wanted}`, async () => {
    const text = await shell.ok(`kubectl get pod ${name}`);
    return wanted.test(text) && text;
  });
/** What a container wrote: it may be ready before it has. */
const says = (name: string, wanted: string): Promise<unknown> =>
  eventually(`${name} says ${wanted}`, async () => (await shell.run(`kubectl logs ${name}`)).stdout === wanted);
const ready = (name: string): Promise<string> =>
  shell.ok(`kubectl wait --for=condition=Ready pod/${name} --timeout=120s`);

test(
  'an image that cannot be had: ErrImagePull, then ImagePullBackOff, and the node goes on trying',
  limit,
  async () => {
    await pod('no-image', { image: 'slipway/nothing:1', imagePullPolicy: 'IfNotPresent' });
    const told = await events('no-image', /Failed.*ErrImagePull/);
    assert.match(told, /Normal +Pulling +Pod\/no-image +Pulling image "slipway\/nothing:1"/);
    assert.match(told, /Warning +Failed +Pod\/no-image +Failed to pull image "slipway\/nothing:1": /);
    const status = await waiting('no-image', 'ImagePullBackOff');
    assert.match(status.state?.waiting?.message ?? '', /^Back-off pulling image "slipway\/nothing:1"/);
    await shows('no-image', /^no-image +0\/1 +(ImagePullBackOff|ErrImagePull) +0 /m);
    assert.match(
      await shell.refused('kubectl logs no-image'),
      /container "m" in pod "no-image" is waiting to start: .*(image|Pull)/,
    );
    await pod('never', { image: 'slipway/nothing:1', imagePullPolicy: 'Never' });
    assert.match(
      (await waiting('never', 'ErrImageNeverPull')).state?.waiting?.message ?? '',
      /is not present with pull policy of Never/,
    );
    await pod('ill-named', { image: 'Not An Image' });
    assert.match(
      (await waiting('ill-named', 'InvalidImageName')).state?.waiting?.message ?? '',
      /^Failed to apply default image tag "Not An Image"/,
    );
    await shell.ok('kubectl set image pod/no-image m=slipway/sample:1');
    await ready('no-image');
  },
);

test('a command that does not exist: RunContainerError with the runtime’s reason', limit, async () => {
  await pod('no-command', { command: ['/not/there'] });
  const status = await until('no-command', 'has failed', (s) => s.lastState?.terminated ?? s.state?.terminated);
  const end = status.lastState?.terminated ?? status.state?.terminated;
  assert.deepEqual([end?.reason, end?.exitCode], ['StartError', 128]);
  assert.match(end?.message ?? '', /exec: "\/not\/there": stat \/not\/there: no such file or directory/);
  await shows('no-command', / 0\/1 +(RunContainerError|CrashLoopBackOff|StartError) /);
  await events(
    'no-command',
    /Warning +Failed +Pod\/no-command +(Error: failed to (create containerd task|start container)|.*no such file)/,
  );
});

test(
  'a container that crashes: CrashLoopBackOff, its last end on show, its last words in logs --previous',
  limit,
  async () => {
    const waits = sh('until [ -e /v/go ]; do sleep 0.1; done; echo last words; exit 9');
    const volumes = [{ name: 'v', emptyDir: {} }];
    await pod('crashes', { ...waits, volumeMounts: [{ name: 'v', mountPath: '/v' }] }, { volumes });
    await ready('crashes');
    const container = '.status.containerStatuses[0]';
    const state = `{${container}.restartCount} {${container}.state.waiting.reason} {${container}.state.waiting.message}`;
    const seen = await shell.watching('pod crashes', state, 'kubectl exec crashes -- touch /v/go', 'CrashLoopBackOff');
    assert.match(
      seen.split('\n').find((line) => line.includes('CrashLoopBackOff')) ?? '',
      /^1 CrashLoopBackOff back-off 10s restarting failed container=m pod=crashes_default/,
      'the first restart is not held back',
    );
    const { lastState } = await until('crashes', 'its last end', (status) => status.lastState?.terminated);
    assert.deepEqual([lastState?.terminated?.exitCode, lastState?.terminated?.reason], [9, 'Error']);
    await shows('crashes', /^crashes +0\/1 +(CrashLoopBackOff|Error) +\d+ \(\S+ ago\) /m);
    assert.equal(await shell.ok('kubectl logs crashes --previous'), 'last words\n');
    await events(
      'crashes',
      /Warning +BackOff +Pod\/crashes +Back-off restarting failed container m in pod crashes_default/,
    );
  },
);

test('limits hold: memory (OOMKilled), processes, and CPU, as the kernel has them', limit, async () => {
  await pod(
    'eats',
    { ...sh('sleep 1; tail /dev/zero'), resources: { limits: { memory: '16Mi' } } },
    { restartPolicy: 'Never' },
  );
  const end = (await terminated('eats', 'OOMKilled')).state?.terminated;
  assert.equal(end?.exitCode, 137);
  assert.match(await shell.ok('kubectl get pod eats'), /^eats +0\/1 +OOMKilled +0 /m);
  await pod('limited', {
    ...sh(forEver),
    resources: { requests: { cpu: '100m' }, limits: { cpu: '250m', memory: '32Mi' } },
  });
  await ready('limited');
  const quota = 'cat /sys/fs/cgroup/cpu.max 2>/dev/null || cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us';
  assert.match(await shell.ok(`kubectl exec limited -- sh -c '${quota}'`), /^25000\b/);
  assert.match(await shell.ok('kubectl describe pod limited'), /^QoS Class: +Burstable$/m);
});

test('a process that ignores SIGTERM is killed after its grace, not before', limit, async () => {
  await pod('deaf', sh('trap "" TERM; echo up; while true; do sleep 0.1; done'), { terminationGracePeriodSeconds: 2 });
  await ready('deaf');
  await says('deaf', 'up\n');
  const exitCode = '{.status.containerStatuses[0].state.terminated.exitCode}';
  await shell.watching('pod deaf', exitCode, 'kubectl delete pod deaf --timeout=120s', '^137$');
});

test(
  'a config map that is missing: CreateContainerConfigError, and the container starts once it is there',
  limit,
  async () => {
    await pod('waits', {
      ...sh('echo $WORD; exec sleep 100'),
      env: [{ name: 'WORD', valueFrom: { configMapKeyRef: { name: 'words', key: 'w' } } }],
    });
    const status = await waiting('waits', 'CreateContainerConfigError');
    assert.equal(status.state?.waiting?.message, 'configmap "words" not found');
    await events('waits', /Warning +Failed +Pod\/waits +Error: configmap "words" not found/);
    await shell.ok('kubectl create configmap words --from-literal=w=found');
    await ready('waits');
    await says('waits', 'found\n');
    await pod('no-volume', sh(forEver), { volumes: [{ name: 'v', configMap: { name: 'nowhere' } }] });
    await events(
      'no-volume',
      /Warning +FailedMount +Pod\/no-volume +MountVolume\.SetUp failed for volume "v" : configmap "nowhere" not found/,
    );
  },
);

test('a liveness probe that fails restarts the container, and says so', limit, async () => {
  const livenessProbe = { exec: { command: ['test', '-f', '/v/alive'] }, periodSeconds: 1, failureThreshold: 1 };
  await pod('sick', { ...sh(forEver), livenessProbe });
  await until('sick', 'is restarted', (s) => (s.restartCount ?? 0) > 0);
  await events('sick', /Warning +Unhealthy +\S*( \S+)* *Pod\/sick +Liveness probe failed/);
  await events('sick', /Normal +Killing +\S*( \S+)* *Pod\/sick +Container m failed liveness probe, will be restarted/);
});

test('a pod that fits nowhere says what is missing, on each node', limit, async () => {
  await pod('large', { ...sh(forEver), resources: { requests: { cpu: '1000', memory: '100Ti' } } });
  const message = /0\/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory\./;
  assert.match(await events('large', /FailedScheduling/), message);
  await pod('elsewhere', sh(forEver), { nodeSelector: { sea: 'baltic' } });
  assert.match(
    await events('elsewhere', /FailedScheduling/),
    /0\/1 nodes are available: 1 node\(s\) didn't match Pod's node affinity\/selector/,
  );
});

test('an emptyDir that outgrows its limit has its pod evicted', limit, async () => {
  const volumes = [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }];
  const script = `dd if=/dev/zero of=/v/x bs=1M count=3; ${forEver}`;
  await pod('fills', { ...sh(script), volumeMounts: [{ name: 'v', mountPath: '/v' }] }, { volumes });
  const status = await eventually(
    'it is evicted',
    async () => {
      const { status } = await get('fills');
      return status?.reason === 'Evicted' && status;
    },
    120_000,
  );
  assert.deepEqual(
    [status.phase, status.message],
    ['Failed', 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '],
  );
});

test(
  'the control plane is killed: kubectl says that it is gone, pods run on, and all is there after the next up',
  limit,
  async () => {
    await pod('survives', sh(forEver));
    await ready('survives');
    const before = (await get('survives')).status?.containerStatuses;
    const objects = await shell.ok('kubectl get cm,pods -o name');
    const controlPlane = cluster.part('control-plane');
    process.kill(controlPlane.pid, 'SIGKILL');
    await eventually('it is dead', () => !isAlive(controlPlane));
    assert.match(await shell.refused('kubectl get pods'), /connection to the server 127\.0\.0\.1:\d+ was refused/);
    const { code, stderr } = await cluster.slipway('up', '--no-install');
    assert.equal(code, 0, stderr);
    assert.equal(await shell.ok('kubectl get cm,pods -o name'), objects);
    assert.deepEqual((await get('survives')).status?.containerStatuses, before);
    await shell.ok('kubectl exec survives -- true');
  },
);
