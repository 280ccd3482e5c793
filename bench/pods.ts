// Pods as the rows about nodes make them, and how a watcher sees them.
import { type Api, must } from './http.ts';

export const podsPath = '/api/v1/namespaces/default/pods';
export const sample = 'slipway/sample:1';
const giveUpMs = 180_000;

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
  metadata: { name: string; resourceVersion: string };
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

/** Every change of a pod in the default namespace from now on. A watch that the server ends is taken up where it ended. */
export async function watchPods(api: Api, onPod: (pod: SeenPod) => void): Promise<() => void> {
  const list = JSON.parse((await must(api, 'GET', `${podsPath}?limit=1`)).text) as {
    metadata: { resourceVersion: string };
  };
  let from = list.metadata.resourceVersion;
  let stopped = false;
  let stopCurrent = () => {};
  const follow = async (): Promise<void> => {
    const onLine = (line: string) => {
      const { object } = JSON.parse(line) as { object: SeenPod };
      from = object.metadata.resourceVersion;
      onPod(object);
    };
    const path = `${podsPath}?watch=true&timeoutSeconds=900&resourceVersion=${from}`;
    stopCurrent = await api.watch(path, onLine, () => {
      if (!stopped) void follow();
    });
    if (stopped) stopCurrent();
  };
  await follow();
  return () => {
    stopped = true;
    stopCurrent();
  };
}

/** Resolves when so many different pods were seen by one watcher as wanted; rejects after three minutes. */
export async function seen(
  api: Api,
  count: number,
  wanted: (pod: SeenPod) => boolean,
): Promise<{ all: Promise<void>; stop: () => void }> {
  const names = new Set<string>();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`only ${names.size} of ${count} pods came so far`)), giveUpMs);
  const stop = await watchPods(api, (pod) => {
    if (wanted(pod) && names.add(pod.metadata.name).size === count) resolve();
  });
  const all = promise.finally(() => clearTimeout(timer));
  all.catch(() => {}); // nobody may be waiting yet
  return { all, stop };
}

export const isRunning = (pod: SeenPod): boolean => pod.status.phase === 'Running';

/** Milliseconds from the create to Running as a watcher sees it. The pod is deleted again. */
export async function podStartMs(api: Api, name: string): Promise<number> {
  const one = await seen(api, 1, isRunning);
  // The watch has taken the connection that stood; a client's next request finds one, and does not pay for TLS again.
  await must(api, 'GET', `${podsPath}?limit=1`);
  const began = performance.now();
  await createPod(api, name);
  await one.all;
  const took = performance.now() - began;
  one.stop();
  await must(api, 'DELETE', `${podsPath}/${name}`);
  return took;
}
