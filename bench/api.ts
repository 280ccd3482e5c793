// Rows about the API: writes and reads a second, a list of 10,000 pods, delivery to 1,000 watchers, memory.
import { etcdClient } from './etcd.ts';
import { type Api, connect, must, type Target } from './http.ts';
import { median, medianOf, percentile, perSecond, type Row, residentMiB } from './measure.ts';

const runs = 3;
const manyClients = 16;
const watchers = 1000;
const listed = 10_000;
const maps = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';

const configMap = (name: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, labels: { app: 'bench' } },
    data: { text: 'x'.repeat(800) },
  });

const pod = (name: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: 'bench', tier: 'web' } },
    spec: {
      schedulerName: 'nobody',
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'main',
          image: 'example/app:1',
          resources: { requests: { cpu: '100m', memory: '64Mi' } },
          env: [{ name: 'A', value: 'b' }],
        },
      ],
    },
  });

type Figures = Record<string, number>;

let serial = 0;

async function writesAndReads(api: Api, figures: Figures): Promise<void> {
  const write = async () => void (await must(api, 'POST', maps, configMap(`bench-${serial++}`)));
  const first = serial;
  await perSecond(500, manyClients, write);
  figures['writes, 1 client'] = await medianOf(runs, () => perSecond(400, 1, write));
  figures['writes, 16 clients'] = await medianOf(runs, () => perSecond(3000, manyClients, write));
  const read = async (index: number) =>
    void (await must(api, 'GET', `${maps}/bench-${first + (index % (serial - first))}`));
  figures['reads, 1 client'] = await medianOf(runs, () => perSecond(1000, 1, read));
  figures['reads, 16 clients'] = await medianOf(runs, () => perSecond(5000, manyClients, read));
}

async function watching(target: Target, api: Api, figures: Figures): Promise<void> {
  const many = connect(target, watchers + 1);
  const arrivals: number[] = [];
  let expected = 0;
  let done: () => void = () => {};
  const list = JSON.parse((await must(api, 'GET', `${maps}?limit=1`)).text) as {
    metadata: { resourceVersion: string };
  };
  const path = `${maps}?watch=true&timeoutSeconds=120&resourceVersion=${list.metadata.resourceVersion}`;
  const stops = await Promise.all(
    Array.from({ length: watchers }, () =>
      many.watch(path, () => {
        arrivals.push(performance.now());
        if (arrivals.length === expected) done();
      }),
    ),
  );
  const latest: number[] = [];
  const spread: number[] = [];
  for (let round = 0; round < 10; round++) {
    arrivals.length = 0;
    expected = watchers;
    const all = new Promise<void>((resolve) => (done = resolve));
    const began = performance.now();
    await must(api, 'POST', maps, configMap(`watched-${serial++}`));
    await all;
    const times = arrivals.map((at) => at - began);
    latest.push(percentile(times, 0.99));
    spread.push(median(times));
  }
  figures['watch, p99'] = median(latest);
  figures['watch, p50'] = median(spread);
  for (const stop of stops) stop();
  many.close();
}

async function listing(api: Api, figures: Figures): Promise<void> {
  await perSecond(listed, manyClients, async (index) => void (await must(api, 'POST', pods, pod(`pod-${index}`))));
  const list = async () => {
    const began = performance.now();
    const { bytes } = await must(api, 'GET', pods);
    if (bytes < listed * 500) throw new Error('the list is short');
    return performance.now() - began;
  };
  await list();
  figures['list'] = await medianOf(5, list);
}

async function measure(target: Target): Promise<Figures> {
  const figures: Figures = {};
  const api = connect(target, manyClients);
  figures['memory, fresh'] = residentMiB(target.pids);
  await writesAndReads(api, figures);
  await watching(target, api, figures);
  await listing(api, figures);
  figures['memory, loaded'] = residentMiB(target.pids);
  api.close();
  return figures;
}

async function barePuts(address: string): Promise<Figures> {
  const client = etcdClient(address);
  const value = Buffer.alloc(1100, 'x');
  const put = () => client.put(`/bench/${serial++}`, value);
  await perSecond(500, manyClients, put);
  const figures = {
    'writes, 1 client': await medianOf(runs, () => perSecond(400, 1, put)),
    'writes, 16 clients': await medianOf(runs, () => perSecond(3000, manyClients, put)),
  };
  client.close();
  return figures;
}

const units: Record<string, [string, Row['better']]> = {
  writes: ['requests/s', 'more'],
  reads: ['requests/s', 'more'],
  watch: ['ms', 'less'],
  list: ['ms', 'less'],
  memory: ['MiB', 'less'],
};
const labels: Record<string, string> = {
  'watch, p99': `watch, create to delivery to ${watchers} watchers, p99`,
  'watch, p50': `watch, create to delivery to ${watchers} watchers, p50`,
  list: `list of ${listed} pods`,
  'memory, loaded': `memory, API and store, with ${listed} pods`,
  'memory, fresh': 'memory, API and store, fresh',
};

/** `etcdAddress`: the peer's store, for the bare puts. */
export async function apiRows(slipway: Target, peer?: Target, etcdAddress?: string): Promise<Row[]> {
  const ours = await measure(slipway);
  const theirs = peer ? await measure(peer) : undefined;
  const bare = etcdAddress ? await barePuts(etcdAddress) : undefined;
  const row = (name: string, other: Figures | undefined, peerName: string): Row => {
    const [unit, better] = units[name.split(',')[0]!]!;
    const rest = other?.[name] === undefined ? {} : { peer: other[name], peerName };
    return { what: labels[name] ?? name, unit, better, slipway: ours[name]!, ...rest };
  };
  const rows = Object.keys(ours).map((name) => row(name, theirs, peer?.name ?? ''));
  return bare ? [...rows, ...Object.keys(bare).map((name) => row(name, bare, 'bare etcd puts'))] : rows;
}
