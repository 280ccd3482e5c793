// Row: pods created and bound a second, with many nodes that exist in the API only. Both sides: API, store and scheduler.
import { type Api, connect, must, type Target } from './http.ts';
import { perSecond, type Row } from './measure.ts';

const clients = 16;
const nodes = '/api/v1/nodes';
const pods = '/api/v1/namespaces/default/pods';
const giveUpMs = 180_000;

const capacity = { cpu: '32', memory: '256Gi', pods: '110', 'ephemeral-storage': '100Gi' };

/** A Ready node that exists in the API only. */
export async function addNode(api: Api, name: string): Promise<void> {
  const labels = { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': `zone-${name.length % 3}` };
  const answer = await must(
    api,
    'POST',
    nodes,
    JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels } }),
  );
  const node = JSON.parse(answer.text) as { spec: { taints?: unknown }; status: unknown };
  const now = new Date().toISOString();
  node.status = {
    capacity,
    allocatable: capacity,
    conditions: [
      { type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: now, lastTransitionTime: now },
    ],
  };
  const ready = JSON.parse(
    (await must(api, 'PUT', `${nodes}/${name}/status`, JSON.stringify(node))).text,
  ) as typeof node;
  // Admission gave the new node a taint; no controller that takes it off runs beside the real API server.
  if (ready.spec.taints)
    await must(
      api,
      'PUT',
      `${nodes}/${name}`,
      JSON.stringify({ ...ready, spec: { ...ready.spec, taints: undefined } }),
    );
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

/** Resolves when `count` different pods were seen with a node. */
async function bound(api: Api, count: number): Promise<{ done: Promise<void>; stop: () => void }> {
  const seen = new Set<string>();
  let finish: () => void = () => {};
  let fail: (error: Error) => void = () => {};
  const done = new Promise<void>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  const timer = setTimeout(() => fail(new Error(`only ${seen.size} of ${count} pods were bound`)), giveUpMs);
  const list = JSON.parse((await must(api, 'GET', `${pods}?limit=1`)).text) as {
    metadata: { resourceVersion: string };
  };
  const stop = await api.watch(
    `${pods}?watch=true&resourceVersion=${list.metadata.resourceVersion}&timeoutSeconds=600`,
    (line) => {
      const event = JSON.parse(line) as { object: { metadata: { name: string }; spec?: { nodeName?: string } } };
      if (!event.object.spec?.nodeName) return;
      seen.add(event.object.metadata.name);
      if (seen.size === count) {
        clearTimeout(timer);
        finish();
      }
    },
  );
  return { done, stop };
}

/** Pods created and bound a second on `nodeCount` nodes. Both sides must be new: nodes and pods are not taken away. */
async function throughput(target: Target, nodeCount: number, podCount: number): Promise<number> {
  const api = connect(target, clients + 2);
  await perSecond(nodeCount, clients, (index) => addNode(api, `node-${index}`));
  const all = await bound(api, podCount);
  const began = performance.now();
  await perSecond(podCount, clients, async (index) => void (await must(api, 'POST', pods, pod(`bound-${index}`))));
  await all.done;
  const seconds = (performance.now() - began) / 1000;
  all.stop();
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
