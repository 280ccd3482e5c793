// The agent on a containerd of its own, with real containers and no control plane: what pods live through on a node.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { weightOf } from '../../agent/cgroups/limits.ts';
import { ImageGarbage, removeDeadContainers } from '../../agent/garbage.ts';
import { ociArchive } from '../../agent/images/oci-archive.ts';
import { pauseImage, pauseProgram } from '../../agent/images/pause.ts';
import type { Container, Pod, PodStatus } from '../../core/api/types.gen.ts';
import { preparedImages } from '../../local/images/prepared.ts';
import type { Lab } from './node-lab.ts';
import { importImages, startLab } from './node-lab.ts';

let lab: Lab;
before(async () => {
  lab = await startLab(await preparedImages(() => undefined), pauseImage);
});
after(async () => lab.close());

const image = 'slipway/sample:1';
const sh = (name: string, script: string, more: Partial<Container> = {}): Container => ({
  name,
  image,
  imagePullPolicy: 'IfNotPresent',
  command: ['sh', '-c', script],
  ...more,
});
const run = (name: string, spec: NonNullable<Pod['spec']>): void => lab.control.apply({ metadata: { name }, spec });
const forEver = 'trap "exit 0" TERM; while true; do sleep 0.1; done';
const first = (status: PodStatus) => status.containerStatuses![0]!;
const waiting = (reason: string) => (status: PodStatus) => first(status)?.state?.waiting?.reason === reason;
const running = (status: PodStatus) => status.phase === 'Running' && first(status).state?.running;
const reasons = (name: string): string[] => lab.control.events.filter((e) => e.pod === name).map((e) => e.event.reason);

async function removed(name: string, graceSeconds: number): Promise<void> {
  lab.control.delete(name, graceSeconds);
  await lab.untilGone(name);
}

test('a job ends as Succeeded with its message, another as Failed with the end of its log', async () => {
  run('good', { restartPolicy: 'Never', containers: [sh('m', 'echo done > /dev/termination-log')] });
  const bad = sh('m', 'echo so it ends; exit 3', { terminationMessagePolicy: 'FallbackToLogsOnError' });
  run('bad', { restartPolicy: 'Never', containers: [bad] });
  const good = first(await lab.until('good', (s) => s.phase === 'Succeeded')).state?.terminated;
  assert.deepEqual([good?.reason, good?.exitCode, good?.message], ['Completed', 0, 'done\n']);
  const ended = first(await lab.until('bad', (s) => s.phase === 'Failed')).state?.terminated;
  assert.deepEqual([ended?.reason, ended?.exitCode, ended?.message], ['Error', 3, 'so it ends\n']);
});

test('a container that crashes is held back, with its last end on show', async () => {
  run('crash', { containers: [sh('m', 'exit 1')] });
  const status = await lab.once('crash', waiting('CrashLoopBackOff'));
  assert.equal(status.phase, 'Running');
  assert.equal(first(status).lastState?.terminated?.exitCode, 1);
  assert.match(
    first(status).state?.waiting?.message ?? '',
    /^back-off 10s restarting failed container=m pod=crash_default/,
  );
});

test('of its dead containers one stays', async () => {
  const dead = (): number => lab.parts.runtime.observed('uid-crash').containers.length;
  assert.equal(dead(), 2);
  const { runtime, cri, observer } = lab.parts;
  await removeDeadContainers({ agent: lab.agent, config: lab.config, runtime, cri: cri!, observer: observer! });
  assert.equal(dead(), 1);
  const status = await lab.until('crash', waiting('CrashLoopBackOff'));
  assert.deepEqual([first(status).restartCount, first(status).lastState?.terminated?.exitCode], [1, 1]);
});

test('images that no container is made of go when the disk is full, the pause image stays', async () => {
  const { cri } = lab.parts;
  const tags = async (): Promise<string[]> => (await cri!.listImages()).flatMap((held) => held.repo_tags).sort();
  const archive = `${lab.dir}/idle.tar`;
  const files = [{ path: 'still', type: 'file', mode: 0o755, data: pauseProgram() }] as const;
  writeFileSync(archive, ociArchive({ reference: 'localhost/idle:1', files, config: {} }));
  await importImages(lab.config.containerdSocket!, [archive]);
  while (!(await tags()).includes('localhost/idle:1')) await sleep(20); // the runtime takes note a moment later
  const before = await tags();
  const told: string[] = [];
  const garbage = new ImageGarbage({
    config: { ...lab.config, imageGCHighThresholdPercent: 1, imageGCLowThresholdPercent: 0 },
    cri: cri!,
    tell: (_type, reason) => void told.push(reason),
    log: () => undefined,
  });
  await garbage.collect();
  assert.deepEqual(
    await tags(),
    before.filter((tag) => tag !== 'localhost/idle:1'),
  );
  // no disk becomes empty by that
  assert.deepEqual(told, ['FreeDiskSpaceFailed']);
});

test('init containers go before, a sidecar stays beside and is stopped after the app', async () => {
  const volumeMounts = [{ name: 'v', mountPath: '/v' }];
  run('init', {
    initContainers: [
      sh('one', 'echo 1 > /v/one', { volumeMounts }),
      sh('side', `echo 2 > /v/side; ${forEver}`, { volumeMounts, restartPolicy: 'Always' }),
      sh('two', 'cat /v/one /v/side > /v/two', { volumeMounts }),
    ],
    containers: [sh('m', forEver, { volumeMounts })],
    volumes: [{ name: 'v', emptyDir: {} }],
  });
  await lab.until('init', running);
  assert.equal(await lab.exec('init', 'm', ['cat', '/v/two']), '1\n2');
  await removed('init', 10);
  const status = lab.control.statuses.get('init')!;
  assert.equal(status.phase, 'Succeeded');
  const end = (name: string) =>
    lab.control.events.findIndex((e) => e.pod === 'init' && e.event.reason === 'Killing' && e.event.container === name);
  assert.equal(end('m') < end('side'), true);
});

test('images that cannot be had, commands that do not exist, configuration that is missing: each in its own words', async () => {
  run('no-image', { containers: [{ name: 'm', image: 'localhost:1/none:1' }] });
  run('never', { containers: [{ name: 'm', image: 'localhost:1/none:1', imagePullPolicy: 'Never' }] });
  run('bad-name', { containers: [{ name: 'm', image: 'NO//image' }] });
  run('no-command', { restartPolicy: 'Never', containers: [sh('m', '', { command: ['/no/such'] })] });
  run('root', { containers: [sh('m', forEver, { securityContext: { runAsNonRoot: true, runAsUser: 0 } })] });
  await lab.once('no-image', waiting('ErrImagePull'));
  await lab.once('no-image', waiting('ImagePullBackOff'));
  await lab.until('never', waiting('ErrImageNeverPull'));
  await lab.until('bad-name', waiting('InvalidImageName'));
  const ended = first(await lab.until('no-command', (s) => s.phase === 'Failed')).state?.terminated;
  assert.deepEqual([ended?.reason, ended?.exitCode], ['StartError', 128]);
  assert.match(ended?.message ?? '', /\/no\/such.*no such file or directory/);
  const root = await lab.until('root', waiting('CreateContainerConfigError'));
  assert.match(first(root).state?.waiting?.message ?? '', /container's runAsUser breaks non-root policy/);
  assert.equal(reasons('no-image').includes('BackOff'), true);
});

test('a container waits for a config map and starts when it is there; volumes follow its changes', async () => {
  const put = (data: Record<string, string>, resourceVersion: string): void => {
    const metadata = { name: 'live', namespace: 'default', uid: 'live', resourceVersion };
    lab.control.configMaps.set('live', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
    lab.agent.ring();
  };
  const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'live', key: 'a' } } }];
  run('config', { containers: [sh('m', forEver, { env })] });
  const stuck = await lab.until('config', waiting('CreateContainerConfigError'));
  assert.equal(first(stuck).state?.waiting?.message, 'configmap "live" not found');
  put({ a: '1', b: '2' }, '1');
  await lab.until('config', running);
  assert.equal(await lab.exec('config', 'm', ['sh', '-c', 'echo $A']), '1');

  const mounts = [
    { name: 'v', mountPath: '/v' },
    { name: 'v', mountPath: '/only', subPath: 'a' },
  ];
  run('mounted', {
    containers: [sh('m', forEver, { volumeMounts: mounts })],
    volumes: [{ name: 'v', configMap: { name: 'live' } }],
  });
  await lab.until('mounted', running);
  put({ a: 'new', c: '3' }, '2');
  for (let i = 0; i < 3_000 && (await lab.exec('mounted', 'm', ['cat', '/v/a'])) !== 'new'; i++) await sleep(20);
  assert.equal(await lab.exec('mounted', 'm', ['sh', '-c', 'ls /v; cat /v/a /only']), 'a\nc\nnew1');
});

test('volumes belong to the pod’s group, secrets are read-only, memory is limited, and all are gone afterwards', async () => {
  const metadata = { name: 's', namespace: 'default', uid: 's', resourceVersion: '1' };
  lab.control.secrets.set('s', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata,
    data: { pw: Buffer.from('x').toString('base64') },
  });
  run('volumes', {
    securityContext: { fsGroup: 2000, runAsUser: 1000 },
    containers: [
      sh('m', forEver, {
        volumeMounts: [
          { name: 'disk', mountPath: '/disk' },
          { name: 'memory', mountPath: '/memory' },
          { name: 'secret', mountPath: '/secret' },
          { name: 'disk', mountPath: '/sub', subPath: 'a/b' },
        ],
      }),
    ],
    volumes: [
      { name: 'disk', emptyDir: {} },
      { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
      { name: 'secret', secret: { secretName: 's', defaultMode: 0o400 } },
    ],
  });
  await lab.until('volumes', running);
  const tell = (script: string) => lab.exec('volumes', 'm', ['sh', '-c', script]);
  assert.equal(
    await tell('touch /disk/x /sub/y /memory/z && stat -c %u:%g /disk/x /disk/a/b/y /memory/z'),
    '1000:2000\n1000:2000\n1000:2000',
  );
  assert.equal(await tell('stat -Lc "%a %g" /secret/pw; cat /secret/pw'), '440 2000\nx');
  assert.match(await tell('touch /secret/new'), /Read-only file system/);
  assert.match(await tell('df -m /memory | tail -1'), /^tmpfs +8 /);
  assert.match(readFileSync('/proc/self/mounts', 'utf8'), /uid-volumes/);
  await removed('volumes', 1);
  assert.doesNotMatch(readFileSync('/proc/self/mounts', 'utf8'), /uid-volumes/);
});

test('limits reach the kernel: who takes too much memory is OOMKilled, CPU and memory stand in the pod’s cgroup', async () => {
  const resources = { requests: { cpu: '100m', memory: '16Mi' }, limits: { cpu: '200m', memory: '20Mi' } };
  run('greedy', {
    restartPolicy: 'Never',
    containers: [sh('m', 'dd if=/dev/zero of=/dev/null bs=200M', { resources })],
  });
  run('limited', { containers: [sh('m', forEver, { resources })] });
  const ended = first(await lab.until('greedy', (s) => s.phase === 'Failed')).state?.terminated;
  assert.deepEqual([ended?.reason, ended?.exitCode], ['OOMKilled', 137]);
  await lab.until('limited', running);
  assert.equal(lab.control.statuses.get('limited')?.qosClass, 'Burstable');
  assert.deepEqual(lab.cgroup('uid-limited', 'Burstable'), {
    cpuWeight: weightOf(102),
    cpuQuota: 20_000,
    memoryBytes: 20 * 1024 * 1024,
  });
});

test('a deadline, probes and hooks', async () => {
  run('late', { activeDeadlineSeconds: 1, terminationGracePeriodSeconds: 1, containers: [sh('m', forEver)] });
  const probe = (...command: string[]) => ({
    exec: { command },
    periodSeconds: 1,
    timeoutSeconds: 60,
    failureThreshold: 1,
  });
  const probed = { readinessProbe: probe('cat', '/tmp/ready'), livenessProbe: probe('test', '!', '-e', '/tmp/dead') };
  run('probed', { terminationGracePeriodSeconds: 1, containers: [sh('m', forEver, probed)] });
  const lifecycle = {
    postStart: { exec: { command: ['sh', '-c', 'echo post > /tmp/post'] } },
    preStop: { exec: { command: ['sh', '-c', 'cat /tmp/post > /dev/termination-log'] } },
  };
  run('hooked', { containers: [sh('m', forEver, { lifecycle })] });
  await lab.until('probed', (s) => running(s) && first(s).ready === false);
  await lab.exec('probed', 'm', ['touch', '/tmp/ready']);
  await lab.until('probed', (s) => first(s).ready);
  await lab.exec('probed', 'm', ['touch', '/tmp/dead']);
  await lab.until('probed', (s) => first(s).restartCount === 1 && running(s));
  assert.equal((await lab.until('late', (s) => s.phase === 'Failed')).reason, 'DeadlineExceeded');
  await lab.until('hooked', running);
  await removed('hooked', 10);
  assert.equal(first(lab.control.statuses.get('hooked')!).state?.terminated?.message, 'post\n');
});

test('a pod whose postStart hook hangs ends when it is told to, and at its deadline', async () => {
  const lifecycle = { postStart: { exec: { command: ['sleep', '1000'] } } };
  run('hung', { containers: [sh('m', forEver, { lifecycle })] });
  run('hung-late', {
    activeDeadlineSeconds: 1,
    terminationGracePeriodSeconds: 1,
    containers: [sh('m', forEver, { lifecycle })],
  });
  while (!reasons('hung').includes('Started')) await sleep(20);
  await removed('hung', 1);
  assert.equal(reasons('hung').includes('FailedPostStartHook'), false);
  assert.equal((await lab.until('hung-late', (s) => s.phase === 'Failed')).reason, 'DeadlineExceeded');
});

test('an ephemeral container joins a running pod and sees the processes of its target', async () => {
  run('debugged', { containers: [sh('m', 'exec sleep 1000')] });
  await lab.until('debugged', running);
  const pod = structuredClone(lab.control.pods.get('debugged')!);
  pod.spec!.ephemeralContainers = [sh('debug', forEver, { targetContainerName: 'm' } as object)];
  lab.control.apply(pod);
  await lab.until('debugged', (s) => s.ephemeralContainerStatuses?.[0]?.state?.running);
  assert.match(await lab.exec('debugged', 'debug', ['ps']), /1 .*sleep 1000/);
});

test('a sandbox that dies is made anew, with its containers', async () => {
  run('struck', { terminationGracePeriodSeconds: 1, containers: [sh('m', forEver)] });
  await lab.until('struck', running);
  await lab.parts.cri!.stopPodSandbox(lab.parts.runtime.observed('uid-struck').sandboxes[0]!.id);
  await lab.until('struck', (s) => first(s).restartCount >= 1 && running(s));
  assert.equal(reasons('struck').includes('SandboxChanged'), true);
});

test('agent restarted without a control plane, containerd killed: the same container runs on, and its end is still seen', async () => {
  run('steady', { restartPolicy: 'Never', containers: [sh('m', forEver)] });
  const before = await lab.until('steady', running);
  lab.control.away = true;
  await lab.restartAgent();
  await lab.restartContainerd();
  lab.control.away = false;
  lab.control.statuses.delete('steady');
  const after = await lab.until('steady', running);
  assert.deepEqual(after.containerStatuses, before.containerStatuses);
  assert.deepEqual(after.conditions, before.conditions);
  await lab.exec('steady', 'm', ['kill', '1']);
  await lab.until('steady', (s) => s.phase === 'Succeeded');
});

test('a pod deleted while containerd is away is stopped when it is back, and its end is told once', async () => {
  run('waits', { terminationGracePeriodSeconds: 1, containers: [sh('m', forEver)] });
  await lab.until('waits', running);
  await lab.withoutContainerd(async () => {
    lab.control.delete('waits', 1);
    await sleep(1500);
  });
  await lab.untilGone('waits');
  assert.ok(reasons('waits').filter((r) => r === 'Killing').length < 10);
});
