// Rows about the API: writes and reads a second, a list of 10,000 pods, delivery to 1,000 watchers, memory.
import { etcdClient } from './etcd.ts';
import { type Api, connect, must, type Target } from './http.ts';
import { inTurns, median, percentile, perSecond, type Row, residentMiB } from './measure.ts';

const runs = 5;
const watchRounds = 15;
const listRuns = 5;
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

/** One side of the table. Each has objects of its own, which grow in number as it is written to. */
interface Side {
  target: Target;
  api: Api;
  maps: number;
}

type Figures = Map<string, number>;

const write = async (side: Side): Promise<void> => {
  await must(side.api, 'POST', maps, configMap(`bench-${side.maps++}`));
};

const read = async ({ api, maps: count }: Side, index: number): Promise<void> => {
  await must(api, 'GET', `${maps}/bench-${index % count}`);
};

/** A gRPC put of a config map's size, with no API before it. */
function barePut(address: string): { put(): Promise<void>; close(): void } {
  const client = etcdClient(address);
  const value = Buffer.alloc(1100, 'x');
  let serial = 0;
  return { put: () => client.put(`/bench/${serial++}`, value), close: () => client.close() };
}

/** Figures of each side, and of bare puts behind them if there are any. */
async function writing(sides: readonly Side[], bare?: () => Promise<void>): Promise<Figures[]> {
  const writers = [...sides.map((side) => () => write(side)), ...(bare ? [bare] : [])];
  for (const one of writers) await perSecond(500, manyClients, one);
  const single = await inTurns(
    runs,
    writers.map((one) => () => perSecond(400, 1, one)),
  );
  const many = await inTurns(
    runs,
    writers.map((one) => () => perSecond(2000, manyClients, one)),
  );
  return writers.map(
    (_, i) =>
      new Map([
        ['writes, 1 client', single[i]!],
        ['writes, 16 clients', many[i]!],
      ]),
  );
}

async function reading(sides: readonly Side[], figures: readonly Figures[]): Promise<void> {
  const rows = [
    ['reads, 1 client', 1, 1000],
    ['reads, 16 clients', manyClients, 4000],
  ] as const;
  for (const [what, clients, count] of rows) {
    const takes = sides.map((side) => () => perSecond(count, clients, (index) => read(side, index)));
    const medians = await inTurns(runs, takes);
    figures.forEach((of, i) => {
      of.set(what, medians[i]!);
    });
  }
}

/** A crowd of watchers on one side: one create is timed to its arrival at all of them. */
async function watchersOf(side: Side): Promise<{ deliver(): Promise<number[]>; close(): void }> {
  const many = connect(side.target, watchers + 1);
  let arrivals: number[] = [];
  let done: () => void = () => {};
  const list = JSON.parse((await must(side.api, 'GET', `${maps}?limit=1`)).text) as {
    metadata: { resourceVersion: string };
  };
  const path = `${maps}?watch=true&timeoutSeconds=300&resourceVersion=${list.metadata.resourceVersion}`;
  const stops = await Promise.all(
    Array.from({ length: watchers }, () =>
      many.watch(path, () => {
        if (arrivals.push(performance.now()) === watchers) done();
      }),
    ),
  );
  return {
    async deliver() {
      arrivals = [];
      const all = new Promise<void>((resolve) => (done = resolve));
      const began = performance.now();
      await write(side);
      await all;
      return arrivals.map((at) => at - began);
    },
    close() {
      for (const stop of stops) stop();
      many.close();
    },
  };
}

async function watching(sides: readonly Side[], figures: readonly Figures[]): Promise<void> {
  const crowds = await Promise.all(sides.map(watchersOf));
  const spread: number[][] = sides.map(() => []);
  const last = await inTurns(
    watchRounds,
    crowds.map((crowd, i) => async () => {
      const times = await crowd.deliver();
      spread[i]!.push(median(times));
      return percentile(times, 0.99);
    }),
  );
  for (const crowd of crowds) crowd.close();
  figures.forEach((of, i) => {
    of.set('watch, p99', last[i]!).set('watch, p50', median(spread[i]!));
  });
}

async function listing(sides: readonly Side[], figures: readonly Figures[]): Promise<void> {
  for (const { api } of sides)
    await perSecond(listed, manyClients, async (index) => void (await must(api, 'POST', pods, pod(`pod-${index}`))));
  const list = async ({ api }: Side) => {
    const began = performance.now();
    const { bytes } = await must(api, 'GET', pods);
    if (bytes < listed * 500) throw new Error('the list is short');
    return performance.now() - began;
  };
  for (const side of sides) await list(side);
  const medians = await inTurns(
    listRuns,
    sides.map((side) => () => list(side)),
  );
  figures.forEach((of, i) => {
    of.set('list', medians[i]!);
  });
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
  const sides = [slipway, ...(peer ? [peer] : [])].map((target) => ({
    target,
    api: connect(target, manyClients),
    maps: 0,
  }));
  const fresh = sides.map(({ target }) => residentMiB(target.pids));
  const bare = etcdAddress ? barePut(etcdAddress) : undefined;
  const figures = await writing(sides, bare?.put);
  bare?.close();
  const own = figures.slice(0, sides.length);
  await reading(sides, own);
  await watching(sides, own);
  await listing(sides, own);
  sides.forEach(({ target, api }, i) => {
    own[i]!.set('memory, fresh', fresh[i]!).set('memory, loaded', residentMiB(target.pids));
    api.close();
  });
  const row = (what: string, other: Figures | undefined, peerName: string): Row => {
    const [unit, better] = units[what.split(',')[0]!]!;
    const value = other?.get(what);
    const beside = value === undefined ? {} : { peer: value, peerName };
    return { what: labels[what] ?? what, unit, better, slipway: own[0]!.get(what)!, ...beside };
  };
  const rows = [...own[0]!.keys()].map((what) => row(what, own[1], peer?.name ?? ''));
  const puts = figures[sides.length];
  return puts ? [...rows, ...[...puts.keys()].map((what) => row(what, puts, 'bare etcd puts'))] : rows;
}
