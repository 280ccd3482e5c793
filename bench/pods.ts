// Pods as the rows about nodes make them, and how a watcher sees them.
import { type Api, must } from './http.ts';
import { median } from './measure.ts';

export const podsPath = '/api/v1/namespaces/default/pods';
export const sample = 'slipway/sample:1';
const giveUpMs = 300_000;

const podNamed = (name: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'main', image: sample, command: ['sleep', '3600'] }],
    },
  });

export interface SeenPod {
  metadata: { name: string };
  spec: { nodeName?: string };
  status: { phase?: string };
}

export const createPod = (api: Api, name: string): Promise<unknown> => must(api, 'POST', podsPath, podNamed(name));

/** The controller manager makes it a moment after the API serves; pods are refused until then. */
export async function untilPodsAreAdmitted(api: Api): Promise<void> {
  const giveUp = performance.now() + 30_000;
  while ((await api.call('GET', '/api/v1/namespaces/default/serviceaccounts/default')).status !== 200) {
    if (performance.now() > giveUp) throw new Error('the default service account was not made');
    await rest(50);
  }
}

export const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Every change of a pod in the default namespace from now on. */
export async function watchPods(api: Api, onPod: (pod: SeenPod) => void): Promise<() => void> {
  const list = JSON.parse((await must(api, 'GET', `${podsPath}?limit=1`)).text) as {
    metadata: { resourceVersion: string };
  };
  const path = `${podsPath}?watch=true&timeoutSeconds=900&resourceVersion=${list.metadata.resourceVersion}`;
  return api.watch(path, (line) => onPod((JSON.parse(line) as { object: SeenPod }).object));
}

/** Resolves when so many pods were seen Running by one watcher; rejects after five minutes. */
export async function running(api: Api, count: number): Promise<{ all: Promise<void>; stop: () => void }> {
  const seen = new Set<string>();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`only ${seen.size} of ${count} pods are Running`)), giveUpMs);
  const stop = await watchPods(api, (pod) => {
    if (pod.status.phase === 'Running' && seen.add(pod.metadata.name).size === count) resolve();
  });
  return { all: promise.finally(() => clearTimeout(timer)), stop };
}

/** Between two pods, so that the end of one does not weigh on the start of the next. */
const betweenMs = 500;

/** Median of milliseconds from the create to Running as a watcher sees it, one pod after the other. */
export async function podStartMs(api: Api, count: number): Promise<number> {
  const figures: number[] = [];
  // the first finds out which images there are, and is not counted
  for (let index = 0; index <= count; index++) {
    const name = `start-${index}`;
    const one = await running(api, 1);
    const began = performance.now();
    await createPod(api, name);
    await one.all;
    if (index > 0) figures.push(performance.now() - began);
    one.stop();
    await must(api, 'DELETE', `${podsPath}/${name}`);
    await rest(betweenMs);
  }
  return median(figures);
}
