// What goes where, and what is said when nothing fits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../client/fixture/random.ts';
import { Cluster } from './cluster.ts';
import { makeNode, makePod, type NodeLike, type PodLike } from './fixture/objects.ts';
import { type PodInfo, podInfo } from './pod-info.ts';
import { type Decision, nodesToFind, schedule } from './schedule.ts';

function clusterOf(nodes: Record<string, NodeLike>, placed: Record<string, PodLike & { on: string }> = {}): Cluster {
  const cluster = new Cluster();
  for (const [name, node] of Object.entries(nodes)) cluster.setNode(makeNode(name, node));
  for (const [name, { on, ...pod }] of Object.entries(placed)) {
    cluster.setPod(makePod(name, { ...pod, spec: { ...pod.spec, nodeName: on } }));
  }
  cluster.setNamespace('default', {});
  cluster.setNamespace('other', { team: 'red' });
  return cluster;
}

const decide = (cluster: Cluster, pod: PodLike): Decision => schedule(cluster, podInfo(makePod('new', pod)));
const nodeFor = (cluster: Cluster, pod: PodLike): string | undefined => decide(cluster, pod).node;

function messageFor(cluster: Cluster, pod: PodLike): string {
  const decision = decide(cluster, pod);
  assert.equal(decision.node, undefined);
  return decision.node === undefined ? decision.message : '';
}

const dedicated = { key: 'dedicated', value: 'db', effect: 'NoSchedule' } as const;

test('a pod that fits nowhere is told every reason with its count', () => {
  const cluster = clusterOf({ a: {}, b: { taints: [dedicated] }, c: { taints: [dedicated] } });
  const message = messageFor(cluster, { requests: { cpu: '5' } });
  assert.equal(
    message,
    '0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {dedicated: db}.',
  );
});

test('everything that is short on a node is said, not only the first', () => {
  const cluster = clusterOf({ a: { allocatable: { pods: '0', cpu: '1', memory: '1Mi' } } });
  const message = messageFor(cluster, { requests: { cpu: '2', memory: '1Gi', 'example.com/gpu': '1' } });
  assert.equal(
    message,
    '0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient example.com/gpu, 1 Insufficient memory, 1 Too many pods.',
  );
});

test('with no node at all the pod is told so', () => {
  assert.equal(messageFor(clusterOf({}), {}), 'no nodes available to schedule pods');
});

test('a cordoned node is passed over, unless the pod tolerates the taint that stands for it', () => {
  const cluster = clusterOf({ a: { spec: { unschedulable: true } } });
  assert.match(messageFor(cluster, {}), /1 node\(s\) were unschedulable/);
  const toleration = { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' } as const;
  assert.equal(nodeFor(cluster, { spec: { tolerations: [toleration] } }), 'a');
});

test('tolerations match by key, operator, value and effect', () => {
  const cluster = clusterOf({ a: { taints: [dedicated] } });
  const fits = (toleration: object): boolean => nodeFor(cluster, { spec: { tolerations: [toleration] } }) === 'a';
  assert.ok(fits({ operator: 'Exists' }));
  assert.ok(fits({ key: 'dedicated', operator: 'Exists' }));
  assert.ok(fits({ key: 'dedicated', value: 'db' }));
  assert.ok(fits({ key: 'dedicated', operator: 'Equal', value: 'db', effect: 'NoSchedule' }));
  assert.ok(!fits({ key: 'dedicated', value: 'web' }));
  assert.ok(!fits({ key: 'dedicated', value: 'db', effect: 'NoExecute' }));
  assert.ok(!fits({ key: 'other', operator: 'Exists' }));
});

test('node selectors and required affinity terms: terms are alternatives, their requirements all hold', () => {
  const cluster = clusterOf({
    a: { labels: { disk: 'ssd', cores: '8' } },
    b: { labels: { disk: 'hdd', cores: '64' } },
  });
  assert.equal(nodeFor(cluster, { spec: { nodeSelector: { disk: 'hdd' } } }), 'b');
  const required = (...nodeSelectorTerms: object[]): PodLike => ({
    spec: {
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
    } as PodLike['spec'],
  });
  const expression = (key: string, operator: string, ...values: string[]) => ({ key, operator, values });
  assert.equal(nodeFor(cluster, required({ matchExpressions: [expression('cores', 'Gt', '8')] })), 'b');
  assert.equal(nodeFor(cluster, required({ matchExpressions: [expression('cores', 'Lt', '9')] })), 'a');
  assert.equal(nodeFor(cluster, required({ matchExpressions: [expression('disk', 'NotIn', 'ssd')] })), 'b');
  const both = { matchExpressions: [expression('disk', 'In', 'ssd'), expression('cores', 'Gt', '8')] };
  assert.match(messageFor(cluster, required(both)), /2 node\(s\) didn't match Pod's node affinity\/selector/);
  assert.equal(
    nodeFor(cluster, required(both, { matchExpressions: [expression('gpu', 'DoesNotExist')] })) !== undefined,
    true,
  );
  assert.match(messageFor(cluster, required({})), /2 node\(s\) didn't match Pod's node affinity/);
});

test('a pod that names its node by field is only tried there', () => {
  const cluster = clusterOf({ a: {}, b: {}, c: { taints: [dedicated] } });
  const on = (name: string): PodLike => ({
    spec: {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }],
          },
        },
      },
    },
  });
  assert.deepEqual(decide(cluster, on('b')), { node: 'b', tried: 1 });
  assert.equal(
    messageFor(cluster, on('c')),
    "0/3 nodes are available: 1 node(s) had untolerated taint {dedicated: db}, 2 node(s) didn't match Pod's node affinity/selector.",
  );
});

test('host ports conflict by port and protocol, and by address unless one of them is every address', () => {
  const port = (hostPort: number, hostIP?: string, protocol?: 'TCP' | 'UDP'): PodLike => ({
    spec: { containers: [{ name: 'c', image: 'app', ports: [{ containerPort: 80, hostPort, hostIP, protocol }] }] },
  });
  const cluster = clusterOf({ a: {} }, { first: { on: 'a', ...port(80, '10.0.0.1') } });
  assert.match(messageFor(cluster, port(80)), /1 node\(s\) didn't have free ports for the requested pod ports/);
  assert.match(messageFor(cluster, port(80, '10.0.0.1')), /free ports/);
  assert.equal(nodeFor(cluster, port(80, '10.0.0.2')), 'a');
  assert.equal(nodeFor(cluster, port(80, '10.0.0.1', 'UDP')), 'a');
  assert.equal(nodeFor(cluster, port(81)), 'a');
});

test('the emptier node is taken, and the one whose CPU and memory are used alike', () => {
  const nodes = { a: {}, b: {} };
  const load = (cpu: string, memory: string) => ({ requests: { cpu, memory } });
  assert.equal(nodeFor(clusterOf(nodes, { x: { on: 'a', ...load('2', '4Gi') } }), load('1', '1Gi')), 'b');
  const lopsided = clusterOf(nodes, { x: { on: 'a', ...load('3', '1Gi') }, y: { on: 'b', ...load('1', '5Gi') } });
  assert.equal(nodeFor(lopsided, load('100m', '2Gi')), 'a');
});

test('preferences: node affinity weights, taints that would rather not, images that are there', () => {
  const prefer = (weight: number, value: string) => ({
    weight,
    preference: { matchExpressions: [{ key: 'disk', operator: 'In', values: [value] }] },
  });
  const disks = clusterOf({ a: { labels: { disk: 'ssd' } }, b: { labels: { disk: 'hdd' } } });
  const preferred = [prefer(10, 'hdd'), prefer(90, 'ssd')];
  const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } };
  assert.equal(nodeFor(disks, { spec: { affinity } as PodLike['spec'] }), 'a');
  const shy = clusterOf({ a: { taints: [{ ...dedicated, effect: 'PreferNoSchedule' }] }, b: {} });
  assert.equal(nodeFor(shy, {}), 'b');
  const images = clusterOf({ a: {}, b: { images: [{ names: ['app:latest'], sizeBytes: 2_000_000_000 }] } });
  assert.equal(nodeFor(images, {}), 'b');
});

const near = (topologyKey: string, more: object = {}) => ({
  topologyKey,
  labelSelector: { matchLabels: { app: 'web' } },
  ...more,
});
const zones = { a: { labels: { zone: 'x' } }, b: { labels: { zone: 'x' } }, c: { labels: { zone: 'y' } } };

test('pod affinity keeps pods together by topology, the first of a group goes anywhere', () => {
  const together: PodLike = {
    labels: { app: 'web' },
    spec: { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [near('zone')] } } },
  };
  assert.notEqual(nodeFor(clusterOf(zones), together), undefined);
  assert.match(
    messageFor(clusterOf(zones), { ...together, labels: { app: 'db' } }),
    /3 node\(s\) didn't match pod affinity rules/,
  );
  const cluster = clusterOf(zones, { first: { on: 'c', labels: { app: 'web' } } });
  assert.equal(nodeFor(cluster, together), 'c');
  const elsewhere = clusterOf(zones, { first: { on: 'c', namespace: 'other', labels: { app: 'web' } } });
  const across = near('zone', { namespaceSelector: { matchLabels: { team: 'red' } } });
  const pod: PodLike = {
    spec: { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [across] } } },
  };
  assert.equal(nodeFor(elsewhere, pod), 'c');
});

test('pod anti-affinity keeps pods apart, also when only those that run ask for it', () => {
  const apart: PodLike = {
    labels: { app: 'web' },
    spec: { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [near('zone')] } } },
  };
  const cluster = clusterOf(zones, { first: { on: 'a', ...apart } });
  assert.equal(nodeFor(cluster, apart), 'c');
  assert.equal(nodeFor(cluster, { labels: { app: 'web' } }), 'c');
  const full = clusterOf(zones, { first: { on: 'a', ...apart }, second: { on: 'c', ...apart } });
  assert.match(messageFor(full, apart), /3 node\(s\) didn't match pod anti-affinity rules/);
  assert.match(
    messageFor(full, { labels: { app: 'web' } }),
    /3 node\(s\) didn't satisfy existing pods anti-affinity rules/,
  );
});

test('topology spread keeps domains within the skew, and wishes only prefer', () => {
  const spread = (whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway'): PodLike => ({
    labels: { app: 'web' },
    spec: {
      topologySpreadConstraints: [
        { topologyKey: 'zone', maxSkew: 1, whenUnsatisfiable, labelSelector: { matchLabels: { app: 'web' } } },
      ],
    },
  });
  const uneven = { first: { on: 'a', labels: { app: 'web' } } };
  assert.equal(nodeFor(clusterOf(zones, uneven), spread('DoNotSchedule')), 'c');
  assert.equal(nodeFor(clusterOf(zones, uneven), spread('ScheduleAnyway')), 'c');
  const blocked = clusterOf({ ...zones, c: { ...zones.c, taints: [dedicated] } }, uneven);
  assert.equal(
    messageFor(blocked, spread('DoNotSchedule')),
    "0/3 nodes are available: 1 node(s) had untolerated taint {dedicated: db}, 2 node(s) didn't match pod topology spread constraints.",
  );
  assert.notEqual(nodeFor(blocked, spread('ScheduleAnyway')), undefined);
});

/** Many nodes alike and nothing on them but what is given: chance alone would seldom find the same one. */
const alike = (count: number, labels?: (i: number) => Record<string, string>): Record<string, NodeLike> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, labels ? { labels: labels(i) } : {}]));

/** Where pods go that come one after the other; small ones, for which room alone tells no node from another. */
function placesOf(cluster: Cluster, pods: readonly PodLike[]): string[] {
  return pods.map((pod, i) => {
    const info = podInfo(makePod(`new-${i}`, { requests: { cpu: '1m', memory: '1Mi' }, ...pod }));
    const { node } = schedule(cluster, info);
    assert.ok(node);
    cluster.assume(info, node);
    return node;
  });
}

test('pods of one replica set stand on nodes of their own, unasked', () => {
  const places = placesOf(clusterOf(alike(6)), Array(6).fill({ replicaSet: 'web' }));
  assert.equal(new Set(places).size, 6);
});

test('pods of other sets, of the past and of nobody do not count', () => {
  const cluster = clusterOf(
    { a: {}, b: {} },
    {
      own: { on: 'b', replicaSet: 'web' },
      other: { on: 'a', replicaSet: 'db' },
      bare: { on: 'a' },
    },
  );
  const leaving = makePod('leaving', { replicaSet: 'web', spec: { nodeName: 'a' } });
  leaving.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
  cluster.setPod(leaving);
  assert.equal(nodeFor(cluster, { replicaSet: 'web' }), 'a');
});

test('a pod that is released or begins to leave no longer counts, one that comes back does', () => {
  const cluster = clusterOf({ a: {}, b: {} }, { p: { on: 'a', replicaSet: 'web' } });
  const own = makePod('p', { replicaSet: 'web', spec: { nodeName: 'a' } });
  const free = makePod('p', { spec: { nodeName: 'a' } });
  const group = { key: 'web', holds: (info: PodInfo) => info.spreadWith === 'set-web' };
  const count = (): number => cluster.countByNode(group).get(cluster.node('a')!) ?? 0;
  assert.equal(count(), 1);
  cluster.setPod(free);
  assert.equal(count(), 0);
  cluster.setPod(own);
  assert.equal(count(), 1);
  cluster.setPod({ ...own, metadata: { ...own.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
  assert.equal(count(), 0);
  cluster.removePod(own);
  assert.equal(count(), 0);
});

test('zones are evened out before nodes are, where nodes have zones', () => {
  const zoned = alike(6, (i) => ({ 'topology.kubernetes.io/zone': i < 5 ? 'x' : 'y' }));
  const places = placesOf(clusterOf(zoned), Array(2).fill({ replicaSet: 'web' }));
  assert.ok(places.includes('n5'), `both are in zone x: ${places}`);
});

test('pods behind a service that have no such owner are spread by what the services select', () => {
  const web = { labels: { app: 'web' } };
  const cluster = clusterOf(
    { a: {}, b: {} },
    { first: { on: 'a', ...web }, second: { on: 'b', labels: { app: 'db' } } },
  );
  cluster.setService('default', 'web', { app: 'web' });
  cluster.setService('other', 'all', { app: 'db' });
  assert.equal(nodeFor(cluster, web), 'b');
  const many = clusterOf(alike(6));
  many.setService('default', 'web', { app: 'web' });
  assert.equal(new Set(placesOf(many, Array(6).fill(web))).size, 6);
  const without = clusterOf(alike(6));
  without.setService('default', 'web', { app: 'web' });
  without.setService('default', 'web', undefined);
  assert.deepEqual(placesOf(without, Array(6).fill(web)), placesOf(clusterOf(alike(6)), Array(6).fill({})));
});

test('a pod that asks for a spread gets that one alone', () => {
  const cluster = clusterOf({ a: {}, b: {} }, { first: { on: 'a', replicaSet: 'web' } });
  const constraint = { topologyKey: 'rack', maxSkew: 1, whenUnsatisfiable: 'ScheduleAnyway' as const };
  const asks = { replicaSet: 'web', spec: { topologySpreadConstraints: [constraint] } };
  const alone = clusterOf({ a: {}, b: {} }, { first: { on: 'a' } });
  assert.equal(nodeFor(cluster, asks), nodeFor(alone, asks));
});

test('in large clusters a share of the nodes is looked at', () => {
  assert.equal(nodesToFind(99), 99);
  assert.equal(nodesToFind(1_000), 420);
  assert.equal(nodesToFind(5_000), 500);
  assert.equal(nodesToFind(10_000), 500);
  const nodes = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`n${i}`, {}]));
  const cluster = clusterOf(nodes);
  const first = decide(cluster, {});
  assert.equal(first.node !== undefined && first.tried, nodesToFind(300));
});

test('a changed node is judged anew', () => {
  const cluster = clusterOf({ a: { taints: [dedicated] } });
  assert.equal(nodeFor(cluster, {}), undefined);
  cluster.setNode(makeNode('a'));
  assert.equal(nodeFor(cluster, {}), 'a');
  cluster.setNode(makeNode('a', { spec: { unschedulable: true } }));
  assert.equal(nodeFor(cluster, {}), undefined);
});

test('a pod whose claim is missing or unbound waits, one whose volume is elsewhere goes there', () => {
  const cluster = clusterOf(zones);
  const pod: PodLike = { spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] } };
  assert.equal(messageFor(cluster, pod), '0/3 nodes are available: persistentvolumeclaim "data" not found.');
  cluster.setClaim('default', 'data', { metadata: { name: 'data' }, spec: {} });
  assert.equal(messageFor(cluster, pod), '0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.');
  const annotations = { 'pv.kubernetes.io/bind-completed': 'yes' };
  cluster.setClaim('default', 'data', { metadata: { name: 'data', annotations }, spec: { volumeName: 'pv' } });
  assert.match(
    messageFor(cluster, pod),
    /3 node\(s\) unavailable due to one or more pvc\(s\) bound to non-existent pv\(s\)/,
  );
  const required = {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In' as const, values: ['y'] }] }],
  };
  cluster.setVolume('pv', { metadata: { name: 'pv' }, spec: { nodeAffinity: { required } } });
  assert.equal(nodeFor(cluster, pod), 'c');
});

test('what is kept of earlier decisions never changes a decision', () => {
  const seed = Number(process.env['SEED'] ?? 7);
  const random = seededRandom(seed);
  const nodes = Object.fromEntries(
    ['4', '4', '6', '8', '2', '4'].map((cpu, i) => [`n${i}`, { allocatable: { cpu, pods: String(5 + i) } }]),
  );
  const withService = (cluster: Cluster): Cluster => {
    cluster.setService('default', 'web', { app: 'web' });
    return cluster;
  };
  const rest = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'web' } } };
  const constraints = [
    { maxSkew: 2, whenUnsatisfiable: 'DoNotSchedule' as const, ...rest },
    { maxSkew: 1, whenUnsatisfiable: 'ScheduleAnyway' as const, ...rest },
  ];
  const kept = withService(clusterOf(nodes));
  const placed = new Map<string, PodLike & { on: string }>();
  let decided = 0;
  for (let i = 0; i < 400; i++) {
    const requests: Record<string, string> = random.chance(0.9)
      ? { cpu: `${100 + 300 * random.below(3)}m`, memory: `${256 * (1 + random.below(2))}Mi` }
      : { memory: '16Gi' };
    const ports = random.chance(0.2) ? [{ containerPort: 80, hostPort: 8000 + random.below(2) }] : [];
    const pod = {
      ...random.pick([{}, { replicaSet: 'web' }, { replicaSet: 'db' }, { labels: { app: 'web' } }]),
      spec: {
        containers: [{ name: 'c', image: 'app', ports, resources: { requests } }],
        ...(random.chance(0.2) ? { topologySpreadConstraints: [constraints[random.below(2)]!] } : {}),
      },
    };
    const info = podInfo(makePod(`p${i}`, pod));
    const decision = schedule(kept, info);
    const anew = withService(clusterOf(nodes, Object.fromEntries(placed)));
    assert.deepEqual(decision, schedule(anew, info), `seed ${seed}, pod ${i}`);
    if (decision.node !== undefined) {
      decided++;
      kept.assume(info, decision.node);
      placed.set(`p${i}`, { ...pod, on: decision.node });
    }
    if (decision.node !== undefined && random.chance(0.3)) continue;
    const [victim] = [...placed.keys()].slice(random.below(placed.size));
    if (victim === undefined) continue;
    kept.removePod(makePod(victim));
    placed.delete(victim);
  }
  assert.ok(decided > 200, `only ${decided} pods fitted`);
});
