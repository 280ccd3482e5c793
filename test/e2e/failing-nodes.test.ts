// Nodes that fail, on a cluster of three, and pods that would take their node with them. What a node has lost is made elsewhere, what
// has a name of its own never runs twice, and a node that comes back keeps what is still its own and removes the rest.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '../../core/api/types.gen.ts';
import { resources } from '../../core/client/resources.ts';
import { run, runOrFail } from '../../local/run.ts';
import { nodePaths } from '../../local/state/paths.ts';
import { isAlive } from '../../local/state/processes.ts';
import { eventually, startCluster, type TestPlace } from './cluster.ts';
import { processOfPod } from './peer.ts';
import { Shell } from './shell.ts';

/** How long a node may be silent in this cluster. */
const graceSeconds = 16;
const maxPids = 300;
const limit = { timeout: 300_000 };
const longMs = 150_000;

let cluster: TestPlace;
let shell: Shell;
before(async () => {
  const flags = [
    ['--node-monitor-grace-period', `${graceSeconds}s`],
    ['--default-not-ready-toleration-seconds', '1'],
    ['--default-unreachable-toleration-seconds', '1'],
    ['--pod-max-pids', String(maxPids)],
  ].flat();
  cluster = await startCluster({ nodes: 3, flags });
  shell = new Shell(cluster, 'failing-nodes');
});
after(() => cluster.remove());

type Spec = NonNullable<Pod['spec']>;
type Container = Spec['containers'][number];

const containers = (more: Partial<Container> = {}): Container[] => [
  { name: 'm', image: 'slipway/sample:1', command: ['sleep', '100000'], ...more },
];
const sh = (script: string): Partial<Container> => ({ command: ['sh', '-c', script] });

/** Stays on a node in trouble, as by default it would for five minutes. */
const patience: Partial<Spec> = {
  tolerations: [{ operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
};

const pod = (name: string, node: number, container: Partial<Container> = {}, spec: Partial<Spec> = {}): Promise<void> =>
  cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': cluster.node(node) },
      terminationGracePeriodSeconds: 1,
      containers: containers(container),
      ...patience,
      ...spec,
    },
  });

const get = (name: string): Promise<Pod> => cluster.client().get<Pod>(resources.pods, { namespace: 'default', name });
const ready = (name: string): Promise<string> =>
  shell.ok(`kubectl wait --for=condition=Ready pod/${name} --timeout=120s`);
const isReady = ({ metadata, status }: Pod): boolean =>
  !metadata?.deletionTimestamp &&
  (status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false);

async function podsOf(app: string): Promise<Pod[]> {
  const query = { namespace: 'default', labelSelector: `app=${app}` };
  return (await cluster.client().list<Pod>(resources.pods, query)).items;
}

const nodeIs = (node: number, status: 'True' | 'False' | 'Unknown'): Promise<string> =>
  shell.ok(`kubectl wait --for=condition=Ready=${status} node/${cluster.node(node)} --timeout=120s`);

const events = (name: string, wanted: RegExp): Promise<string> =>
  eventually(
    `${name}: ${wanted}`,
    async () => {
      const text = await shell.ok(`kubectl events --for ${name} --no-headers`);
      return wanted.test(text) && text;
    },
    longMs,
  );

const inNode = (node: number, ...command: string[]): Promise<string> =>
  runOrFail('ip', ['netns', 'exec', nodePaths(cluster.paths, cluster.node(node)).namespace, ...command]);

/** Packets between a node and the control plane are dropped; everything on the node goes on. */
async function cutOff(node: number): Promise<void> {
  const { agentConfig } = nodePaths(cluster.paths, cluster.node(node));
  const { apiUrl } = JSON.parse(readFileSync(agentConfig, 'utf8')) as { apiUrl: string };
  const there = new URL(apiUrl).hostname;
  await inNode(node, 'nft', 'add', 'table', 'ip', 'cut');
  for (const [hook, match] of [
    ['input', 'saddr'],
    ['output', 'daddr'],
  ] as const) {
    await inNode(node, 'nft', 'add', 'chain', 'ip', 'cut', hook, `{ type filter hook ${hook} priority 0; }`);
    await inNode(node, 'nft', 'add', 'rule', 'ip', 'cut', hook, 'ip', match, there, 'drop');
  }
}
const joinAgain = (node: number): Promise<string> => inNode(node, 'nft', 'delete', 'table', 'ip', 'cut');

async function up(): Promise<void> {
  const { code, stderr } = await cluster.slipway('up', '--no-install');
  assert.equal(code, 0, stderr);
}

/** A deployment of three, one on each node while all are there, and a stateful set of one, on the second if that is possible. */
async function startApplication(): Promise<void> {
  const spread = [
    {
      maxSkew: 1,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: { app: 'web' } },
    },
  ];
  const second = { key: 'kubernetes.io/hostname', operator: 'In', values: [cluster.node(2)] };
  const preferred = [{ weight: 100, preference: { matchExpressions: [second] } }];
  const common = { terminationGracePeriodSeconds: 1, containers: containers() };
  const set = (kind: string, app: string, replicas: number, spec: Partial<Spec>): object => ({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: app },
    spec: {
      replicas,
      selector: { matchLabels: { app } },
      template: { metadata: { labels: { app } }, spec: { ...common, ...spec } },
    },
  });
  await cluster.apply(set('Deployment', 'web', 3, { topologySpreadConstraints: spread }));
  await cluster.apply(
    set('StatefulSet', 'store', 1, {
      affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } },
    }),
  );
}

const applicationIsReady = (without?: number): Promise<Pod[]> =>
  eventually(
    'three pods of web are ready',
    async () => {
      const pods = (await podsOf('web')).filter(isReady);
      const elsewhere = pods.filter(({ spec }) => without === undefined || spec?.nodeName !== cluster.node(without));
      return elsewhere.length === 3 && pods;
    },
    longMs,
  );

/** The stateful set's pod once it is ready and another than before; at no moment do two of them run. */
async function nextStore(before: Pod): Promise<Pod> {
  const old = before.metadata?.uid ?? '';
  return eventually(
    'store-0 is made anew',
    async () => {
      const [now, ...more] = await podsOf('store');
      assert.deepEqual(more, [], 'one pod has the name');
      const uid = now?.metadata?.uid;
      if (!now || !uid || uid === old) return false;
      assert.ok(!processOfPod(uid) || !processOfPod(old), 'two run under one name');
      return isReady(now) && now;
    },
    longMs,
  );
}

test('a node that is cut off for less than its pods tolerate goes on with the same containers', limit, async () => {
  await pod('patient', 2);
  await ready('patient');
  const before = await get('patient');
  await cutOff(2);
  await nodeIs(2, 'Unknown');
  await shell.ok('kubectl wait --for=condition=Ready=False pod/patient --timeout=120s');
  assert.ok(processOfPod(before.metadata?.uid ?? ''), 'its container runs on');
  await joinAgain(2);
  await nodeIs(2, 'True');
  await ready('patient');
  const back = await get('patient');
  assert.equal(back.metadata?.uid, before.metadata?.uid);
  assert.deepEqual(back.status?.containerStatuses, before.status?.containerStatuses);
});

test(
  'cut off for longer its pods are made elsewhere, but no second one of a name; when it is back, it removes what is not its own',
  limit,
  async () => {
    await startApplication();
    await applicationIsReady();
    await ready('store-0');
    const store = await get('store-0');
    assert.equal(store.spec?.nodeName, cluster.node(2));
    assert.deepEqual(
      store.spec?.tolerations?.map(({ tolerationSeconds }) => tolerationSeconds),
      [1, 1],
    );
    const lost = (await podsOf('web')).find(({ spec }) => spec?.nodeName === cluster.node(2));
    await cutOff(2);
    await applicationIsReady(2);
    await events('pod/store-0', /TaintManagerEviction/);
    const stuck = await get('store-0');
    assert.equal(stuck.metadata?.uid, store.metadata?.uid);
    assert.ok(stuck.metadata?.deletionTimestamp, 'it waits for its node to say that it has ended');
    for (const { metadata } of [stuck, lost!])
      assert.ok(processOfPod(metadata?.uid ?? ''), 'its node knows nothing of it');
    await joinAgain(2);
    await nextStore(store);
    await eventually('what was made elsewhere meanwhile ends here', () => !processOfPod(lost!.metadata?.uid ?? ''));
    await nodeIs(2, 'True');
    await ready('patient');
  },
);

test(
  'a node that loses its power for good: pods elsewhere, a named one once its node is said to be out of service',
  limit,
  async () => {
    await shell.ok('kubectl delete pod store-0 && kubectl rollout status statefulset/store --timeout=120s');
    const store = await get('store-0');
    assert.equal(store.spec?.nodeName, cluster.node(2));
    const node = cluster.node(2);
    const { code, stderr } = await cluster.slipway('node', 'stop', node);
    assert.equal(code, 0, stderr);
    await applicationIsReady(2);
    await events('pod/store-0', /TaintManagerEviction/);
    assert.equal((await get('store-0')).metadata?.uid, store.metadata?.uid);
    await shell.ok(`kubectl taint nodes ${node} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute`);
    const next = await nextStore(store);
    assert.notEqual(next.spec?.nodeName, node);
    const started = await cluster.slipway('node', 'start', node);
    assert.equal(started.code, 0, started.stderr);
    await shell.ok(`kubectl taint nodes ${node} node.kubernetes.io/out-of-service-`);
    const { socket } = nodePaths(cluster.paths, node);
    const lost = `labels."io.kubernetes.pod.uid"==${store.metadata?.uid}`;
    await eventually('nothing is left of the container that it had', async () => {
      const held = await runOrFail('ctr', ['-a', socket, '-n', 'k8s.io', 'containers', 'list', '-q', lost]);
      return held.trim() === '';
    });
  },
);

test(
  'containerd is killed: its node is not ready until it is back, and its containers are the same',
  limit,
  async () => {
    await pod('beside', 3);
    await ready('beside');
    const before = (await get('beside')).status?.containerStatuses;
    const containerd = cluster.part(`${cluster.node(3)}/containerd`);
    process.kill(containerd.pid, 'SIGKILL');
    await eventually('containerd is dead', () => !isAlive(containerd));
    await nodeIs(3, 'False');
    await applicationIsReady(3);
    await up();
    await nodeIs(3, 'True');
    await ready('beside');
    assert.deepEqual((await get('beside')).status?.containerStatuses, before);
  },
);

test(
  'a control plane that was stopped for longer than nodes may be silent holds it against none of them',
  limit,
  async () => {
    const told = async (): Promise<string> =>
      shell.ok(
        `kubectl get events -A -o jsonpath='{range .items[*]}{.reason} {.count} {.involvedObject.name}{"\\n"}{end}' | grep -E '^(NodeNotReady|TaintManagerEviction)' | sort`,
      );
    // Those that stories before this one evicted may still be ending.
    const standing = async () => (await applicationIsReady()).map(({ metadata }) => metadata?.name).sort();
    const [pods, before] = [await standing(), await told()];
    const { pid } = cluster.part('control-plane');
    process.kill(pid, 'SIGSTOP');
    try {
      await sleep((graceSeconds + 4) * 1000);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const since = Date.now();
    const leases = `kubectl get leases -n kube-node-lease -o jsonpath='{.items[*].spec.renewTime}'`;
    await eventually('every node has reported', async () => {
      const times = (await shell.ok(leases)).split(' ').map((time) => Date.parse(time));
      return times.length === 3 && times.every((time) => time > since);
    });
    assert.deepEqual([await standing(), await told()], [pods, before]);
  },
);

describe('pods that would take their node with them, or find no place', { concurrency: true }, () => {
  test(
    'one that forks without end is held to its number of processes; its neighbours are not disturbed',
    limit,
    async () => {
      await Promise.all([
        pod('bomb', 1, sh('while true; do sleep 1000 & done'), { restartPolicy: 'Never' }),
        pod('neighbour', 1),
      ]);
      await ready('neighbour');
      await shell.ok('kubectl wait --for=jsonpath={.status.phase}=Failed pod/bomb --timeout=120s');
      assert.match(await shell.ok('kubectl logs bomb'), /can't fork: Resource temporarily unavailable/);
      assert.equal(await shell.ok(`kubectl exec neighbour -- sh -c 'echo $(sleep 0; echo forks)'`), 'forks\n');
    },
  );

  test('one that fills its disk beyond its limit is evicted', limit, async () => {
    const fills = sh('dd if=/dev/zero of=/fill bs=1M count=8; sleep 100000');
    await pod('fills', 1, { ...fills, resources: { limits: { 'ephemeral-storage': '2Mi' } } });
    const status = await eventually(
      'it is evicted',
      async () => {
        const { status } = await get('fills');
        return status?.reason === 'Evicted' && status;
      },
      longMs,
    );
    const message = 'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ';
    assert.deepEqual([status.phase, status.message], ['Failed', message]);
  });

  test('a probe that hangs fails when its time is up, whether a command or a request', limit, async () => {
    const often = { periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 2 };
    const livenessProbe = { exec: { command: ['sleep', '1000'] }, ...often };
    const readinessProbe = { httpGet: { path: '/', port: 9000 }, ...often };
    await pod('hangs', 1, { ...sh('nc -ll -p 9000 -e sleep 1000'), livenessProbe, readinessProbe });
    await events('pod/hangs', /Readiness probe failed: Get "http:\/\/[\d.]+:9000\/": context deadline exceeded/);
    await events('pod/hangs', /Liveness probe failed: command timed out: "sleep 1000" timed out after 1s/);
    await eventually(
      'it is restarted',
      async () => ((await get('hangs')).status?.containerStatuses?.[0]?.restartCount ?? 0) > 0,
      longMs,
    );
  });

  test('of two pods that want one port of a node the second waits until the first has gone', limit, async () => {
    const ports = [{ containerPort: 8080, hostPort: 18081 }];
    await pod('first', 1, { ports });
    await ready('first');
    await pod('second', 1, { ports });
    await events('pod/second', /FailedScheduling.*1 node\(s\) didn't have free ports for the requested pod ports/);
    await shell.ok('kubectl delete pod first');
    await ready('second');
  });

  test('one that is too big for every node says so of all of them', limit, async () => {
    await pod('big', 1, { resources: { requests: { memory: '100Ti' } } }, { nodeSelector: {} });
    await events('pod/big', /FailedScheduling.*0\/3 nodes are available: 3 Insufficient memory\./);
  });
});

test('a drain waits for the grace that a pod has, and no longer is anything put there', limit, async () => {
  const slow = sh(`trap 'sleep 2; exit 7' TERM; echo listens; while true; do sleep 0.1; done`);
  await pod('slow', 3, slow, { terminationGracePeriodSeconds: 60, restartPolicy: 'Never' });
  await ready('slow');
  // It has set its trap when it says so.
  await eventually('it listens', async () => (await shell.run('kubectl logs slow')).stdout === 'listens\n');
  const drain = `kubectl drain ${cluster.node(3)} --force --ignore-daemonsets --timeout=120s`;
  const exitCode = '{.status.containerStatuses[0].state.terminated.exitCode}';
  const seen = await shell.watching('pod slow', exitCode, drain, '^7$');
  assert.match(seen, /^7$/m, 'it ended by itself');
  await applicationIsReady(3);
  assert.deepEqual(
    (
      await run('bash', ['-c', `kubectl get pods -o wide --no-headers | grep -c ${cluster.node(3)}`], {
        env: cluster.env,
      })
    ).stdout,
    '0\n',
  );
  await shell.ok(`kubectl uncordon ${cluster.node(3)}`);
});
