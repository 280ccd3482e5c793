// The days that are played.
import type { SimulatedNode } from '../../agent/simulated/fleet.ts';
import type { Count } from '../../aws/cost/meter.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import type { Client } from '../../core/client/client.ts';
import { resources } from '../../core/client/resources.ts';
import type { SimulatedTime } from './time.ts';
import { addNode, kubectl } from './users.ts';
import { type Model, World } from './world.ts';

export interface Day {
  durationMs: number;
  counts: Count[];
  /** Pods whose containers were started. */
  starts: number;
  coldStarts: string;
}

export interface Scenario {
  name: string;
  nodes: number;
  /** Deployments that are there, and how often one of them is given another image. */
  deployments: number;
  rolloutEveryMs?: number;
  /** Somebody watches the pods all the time. */
  watch?: boolean;
}

const minuteMs = 60_000;
export const dayMs = 24 * 60 * minuteMs;
export const nodeCount = 10;

export const scenarios = {
  idle: { name: 'an idle cluster', nodes: 0, deployments: 0 },
  nodes: { name: `${nodeCount} idle nodes`, nodes: nodeCount, deployments: 0 },
  rollouts: {
    name: '200 deployments rolled out a day, on 10 nodes',
    nodes: nodeCount,
    deployments: 20,
    rolloutEveryMs: dayMs / 200,
  },
  watch: { name: 'an open kubectl get pods -w', nodes: 0, deployments: 0, watch: true },
} as const satisfies Record<string, Scenario>;

const replicas = 3;

/** How long a cluster is left to itself before it is looked at. */
const restMs = 10 * minuteMs;

/** Plays so much of a scenario's day. Whatever was planned in `time` before is forgotten. */
export async function play(scenario: Scenario, durationMs: number, time: SimulatedTime, model: Model): Promise<Day> {
  time.clear();
  const world = new World(time, model);
  await world.setUp();
  const nodes: SimulatedNode[] = [];
  world.onRing = (name) => nodes.find((node) => node.name === name)?.ring();
  for (let index = 0; index < scenario.nodes; index++) {
    nodes.push(await time.settle(addNode(world, index)));
    // Spread over the interval of their calls, as those of machines that were started at different times are.
    await time.pass(time.now + 75_000 / scenario.nodes);
  }
  const user = kubectl(world, 'kubectl');
  for (let index = 0; index < scenario.deployments; index++) {
    await time.settle(user.create(resources.deployments, deployment(index)));
    await time.pass(time.now + 15_000);
  }
  await time.pass(time.now + restMs);
  // Days begin at a full hour, so that each holds as many of the things that are done once an hour.
  const wholeMs = Math.min(60 * minuteMs, durationMs);
  await time.pass(Math.ceil(time.now / wholeMs) * wholeMs + 1);
  if (scenario.watch) void watchPods(world);
  world.total.take();
  const startedBefore = world.podsStarted;
  const fromMs = time.now;
  if (scenario.rolloutEveryMs) rollOutAgainAndAgain(world, user, scenario.deployments, scenario.rolloutEveryMs);
  await time.pass(fromMs + durationMs);
  world.chargeFor(durationMs);
  return {
    durationMs,
    counts: world.total.counts(),
    starts: world.podsStarted - startedBefore,
    coldStarts: world.coldStarts(),
  };
}

const nameOf = (index: number): string => `web-${index}`;

const image = (version: number): string => `123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/web:v${version}`;

function deployment(index: number): KubeObject {
  const labels = { app: nameOf(index) };
  const probe = { httpGet: { path: '/healthz', port: 8080 } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: nameOf(index), namespace: 'default', labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            {
              name: 'web',
              image: image(1),
              ports: [{ containerPort: 8080 }],
              env: [{ name: 'MODE', value: 'production' }],
              resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '128Mi' } },
              readinessProbe: probe,
              livenessProbe: probe,
            },
          ],
        },
      },
    },
  };
}

function rollOutAgainAndAgain(world: World, user: Client, deployments: number, everyMs: number): void {
  let count = 0;
  const next = (): void => {
    void rollOut(user, nameOf(count % deployments), image(2 + count));
    count++;
    world.time.after(everyMs, next);
  };
  world.time.after(everyMs / 2, next);
}

/** `kubectl set image` and `kubectl rollout status`. */
async function rollOut(user: Client, name: string, to: string): Promise<void> {
  const key = { namespace: 'default', name };
  await user.get(resources.deployments, key);
  const patch = { spec: { template: { spec: { containers: [{ name: 'web', image: to }] } } } };
  await user.patch(resources.deployments, key, patch, { type: 'strategic' });
  const selection = { namespace: 'default', fieldSelector: `metadata.name=${name}` };
  const { items, resourceVersion } = await user.list<Rolled>(resources.deployments, selection);
  if (items.every(isDone)) return;
  const ended = new AbortController();
  for await (const event of user.watch<Rolled>(resources.deployments, resourceVersion, selection, ended.signal)) {
    if (event.type !== 'BOOKMARK' && isDone(event.object)) break;
  }
  ended.abort();
}

interface Rolled {
  metadata: { generation?: number };
  spec: { replicas?: number };
  status?: { observedGeneration?: number; updatedReplicas?: number; availableReplicas?: number; replicas?: number };
}

const isDone = ({ metadata, spec, status }: Rolled): boolean =>
  status?.observedGeneration === metadata.generation &&
  status?.updatedReplicas === spec.replicas &&
  status?.availableReplicas === spec.replicas &&
  status?.replicas === spec.replicas;

/** As kubectl does: a list, then watches one after the other. */
async function watchPods(world: World): Promise<void> {
  const user = kubectl(world, 'kubectl get -w');
  let { resourceVersion } = await user.list(resources.pods, { namespace: 'default' });
  for (;;) {
    for await (const event of user.watch<KubeObject>(resources.pods, resourceVersion, { namespace: 'default' })) {
      const { resourceVersion: seen } = event.type === 'BOOKMARK' ? event : event.object.metadata;
      resourceVersion = seen ?? resourceVersion;
    }
  }
}
