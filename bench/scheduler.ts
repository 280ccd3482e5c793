// Row: pods created and bound a second, with many nodes that exist in the API only. Both sides: API, store and scheduler.
import { type Api, connect, must, type Target } from './http.ts';
import { perSecond, type Row } from './measure.ts';
import { podsPath, seen } from './pods.ts';

const clients = 16;
const nodes = '/api/v1/nodes';

const capacity = { cpu: '32', memory: '256Gi', pods: '110', 'ephemeral-storage': '100Gi' };

/** A Ready node that exists in the API only. Patches, since a controller may write the node at the same time. */
export async function addNode(api: Api, name: string): Promise<void> {
  const labels = { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': `zone-${name.length % 3}` };
  await must(api, 'POST', nodes, JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels } }));
  const now = new Date().toISOString();
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'KubeletReady',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  };
  const status = { capacity, allocatable: capacity, conditions: [ready] };
  await patch(api, `${nodes}/${name}/status`, { status });
  // Admission gave the new node a taint; where no controller runs beside the API server, nobody takes it off.
  await patch(api, `${nodes}/${name}`, { spec: { taints: null } });
}

async function patch(api: Api, path: string, change: object): Promise<void> {
  const answer = await api.call('PATCH', path, JSON.stringify(change), 'application/merge-patch+json');
  if (answer.status !== 200) throw new Error(`PATCH ${path}: ${answer.status} ${answer.text.slice(0, 300)}`);
}

const pod = (name: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: 'bench' } },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'main', image: 'example/app:1', resources: { requests: { cpu: '100m', memory: '200Mi' } } }],
    },
  });

/** Pods created and bound a second on `nodeCount` nodes. Both sides must be new: nodes and pods are not taken away. */
async function throughput(target: Target, nodeCount: number, podCount: number): Promise<number> {
  const api = connect(target, clients + 2);
  await perSecond(nodeCount, clients, (index) => addNode(api, `node-${index}`));
  const bound = await seen(api, podCount, (pod) => pod.spec.nodeName !== undefined);
  const began = performance.now();
  await perSecond(podCount, clients, async (index) => void (await must(api, 'POST', podsPath, pod(`bound-${index}`))));
  await bound.all;
  const seconds = (performance.now() - began) / 1000;
  bound.stop();
  api.close();
  return podCount / seconds;
}

export async function schedulerRow(nodeCount: number, podCount: number, slipway: Target, peer?: Target): Promise<Row> {
  return {
    what: `pods created and bound, ${nodeCount} nodes`,
    unit: 'pods/s',
    better: 'more',
    slipway: await throughput(slipway, nodeCount, podCount),
    ...(peer
      ? { peer: await throughput(peer, nodeCount, podCount), peerName: `${peer.name} with kube-scheduler` }
      : {}),
  };
}
