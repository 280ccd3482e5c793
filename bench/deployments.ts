// Deployments as rows make them, and when they are as asked.
import { type Api, must } from './http.ts';
import { podsPath, rest, sample } from './pods.ts';

const deploymentsPath = '/apis/apps/v1/namespaces/default/deployments';
const giveUpMs = 300_000;
const pollMs = 50;

export interface ReadyPod {
  name: string;
  uid: string;
  node: string;
  ip: string;
}

interface Pods {
  items: {
    metadata: { name: string; uid: string; deletionTimestamp?: string };
    spec: { nodeName?: string };
    status: { podIP?: string; conditions?: { type: string; status: string }[] };
  }[];
}

interface Deployment {
  metadata: { generation: number };
  status: { observedGeneration?: number; replicas?: number; updatedReplicas?: number; availableReplicas?: number };
}

export interface PodsAre {
  annotations?: Record<string, string>;
  /** Absent: wherever the scheduler puts them. */
  onNode?: string;
}

export const createDeployment = (
  api: Api,
  name: string,
  replicas: number,
  { annotations, onNode }: PodsAre = {},
): Promise<unknown> =>
  must(
    api,
    'POST',
    deploymentsPath,
    JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name }, annotations },
          spec: {
            nodeSelector: onNode === undefined ? undefined : { 'kubernetes.io/hostname': onNode },
            terminationGracePeriodSeconds: 0,
            containers: [{ name: 'main', image: sample, command: ['sleep', '3600'] }],
          },
        },
      },
    }),
  );

/** Asks until the answer is as wanted; throws after five minutes. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const giveUp = performance.now() + giveUpMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > giveUp) throw new Error(`${what}: not within ${giveUpMs / 1000} s`);
    await rest(pollMs);
  }
}

/** Pods with this label that are ready, and are not being deleted. */
export async function readyPods(api: Api, app: string): Promise<ReadyPod[]> {
  const { items } = JSON.parse((await must(api, 'GET', `${podsPath}?labelSelector=app%3D${app}`)).text) as Pods;
  return items.flatMap(({ metadata, spec, status }) => {
    const isReady = status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
    if (!isReady || metadata.deletionTimestamp) return [];
    return [{ name: metadata.name, uid: metadata.uid, node: spec.nodeName ?? '', ip: status.podIP ?? '' }];
  });
}

/** `kubectl rollout status` is content: all replicas are of the newest template and available, and no old one is left. */
export const rolledOut = (api: Api, name: string, replicas: number): Promise<true> =>
  until(`${name} is rolled out`, async () => {
    const { text } = await must(api, 'GET', `${deploymentsPath}/${name}`);
    const { metadata, status } = JSON.parse(text) as Deployment;
    const counts = [status.replicas, status.updatedReplicas, status.availableReplicas];
    const isDone = status.observedGeneration === metadata.generation && counts.every((count) => count === replicas);
    return isDone ? true : undefined;
  });

/** As `kubectl rollout restart`. */
export async function restart(api: Api, name: string, mark: string): Promise<void> {
  const patch = { spec: { template: { metadata: { annotations: { 'bench/restarted': mark } } } } };
  const type = 'application/strategic-merge-patch+json';
  const { status, text } = await api.call('PATCH', `${deploymentsPath}/${name}`, JSON.stringify(patch), type);
  if (status !== 200) throw new Error(`restart of ${name}: ${status} ${text.slice(0, 300)}`);
}
