// GET of metrics.k8s.io: which nodes or pods are meant is read from the store, what they use is asked of the nodes.
// Follows metrics-server (https://github.com/kubernetes-sigs/metrics-server) in what is found and what is not.
import { notFound } from '../../api/errors.ts';
import { findKind } from '../../api/kinds/index.ts';
import type { Kind, Verb } from '../../api/kinds/kind.ts';
import type { NodeUsageAnswer } from '../../api/node-usage.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { Pod } from '../../api/types.gen.ts';
import type { Call } from '../call.ts';
import { listOptions } from '../options.ts';
import { respondList, respondObject } from '../respond.ts';
import { selectionOf } from '../selection.ts';
import { nodeMetrics, podMetrics } from '../usage/metrics-objects.ts';
import { current } from './get.ts';
import { listObjects } from './list.ts';

export const metricsGroup = 'metrics.k8s.io';

/** The revision of what is not stored. */
const notStored = 0;

/** The kind that is measured: pods and nodes have their names in both groups. */
function measuredKind({ kind }: Call): Kind {
  const found = findKind('', 'v1', kind.plural);
  if (!found) throw new Error(`the kind of ${kind.plural} is not registered`);
  return found;
}

const nodeOf = (pod: KubeObject): string => (pod as unknown as Pod).spec?.nodeName ?? '';
const isOver = (pod: KubeObject): boolean =>
  ['Succeeded', 'Failed'].includes((pod as unknown as Pod).status?.phase ?? '');

async function nodesNamed({ deps }: Call, names: ReadonlySet<string>): Promise<KubeObject[]> {
  const found = await Promise.all([...names].map((name) => deps.store.get('nodes', { namespace: '', name })));
  return found.flatMap((stored) => (stored ? [stored.object] : []));
}

/** Metrics of those that have some, in the order of the objects. Asks only the nodes that are concerned. */
async function metricsOf(call: Call, objects: readonly KubeObject[], withinMs?: number): Promise<KubeObject[]> {
  const now = call.deps.clock.now();
  const { usages } = call.server;
  if (call.kind.plural === 'nodes') {
    const answers = await usages.of(objects, withinMs);
    return objects.flatMap((node) => found(answers.get(node.metadata.name ?? ''), (it) => nodeMetrics(node, it, now)));
  }
  const pods = objects.filter((pod) => nodeOf(pod) !== '' && !isOver(pod));
  const answers = await usages.of(await nodesNamed(call, new Set(pods.map(nodeOf))), withinMs);
  return pods.flatMap((pod) => found(answers.get(nodeOf(pod)), (it) => podMetrics(pod, it, now)));
}

function found(
  answer: NodeUsageAnswer | undefined,
  of: (answer: NodeUsageAnswer) => KubeObject | undefined,
): KubeObject[] {
  const object = answer && of(answer);
  return object ? [object] : [];
}

/** Throws NotFound for an object that is not there, and in other words for one that has no metrics. */
async function get(call: Call): Promise<Response> {
  const { kind, info } = call;
  const { object } = await current({ ...call, kind: measuredKind(call) });
  const [metrics] = await metricsOf(call, [object]);
  if (metrics) return respondObject(call, 200, { object: metrics, revision: notStored });
  const name = kind.namespaced ? `${info.namespace}/${info.name}` : info.name;
  throw notFound({ plural: kind.singular, group: kind.group }, name);
}

/** One answer without pages, as metrics-server gives it. Selectors are those of nodes and pods; timeoutSeconds holds for the nodes. */
async function list(call: Call): Promise<Response> {
  const kind = measuredKind(call);
  const options = {
    ...listOptions(call.query, false),
    limit: 0,
    continue: '',
    resourceVersion: '',
    resourceVersionMatch: '',
  };
  const selection = selectionOf(kind, options.labelSelector, options.fieldSelector);
  const { items } = await listObjects({ ...call, kind }, options, selection);
  const measured = items.map(({ object }) => object);
  const metrics = await metricsOf(call, measured, options.timeoutSeconds ? options.timeoutSeconds * 1_000 : undefined);
  return respondList(call, {
    items: metrics.map((object) => ({ object, revision: notStored })),
    revision: notStored,
    continue: '',
    remaining: undefined,
  });
}

export const metricsVerbs: Readonly<Partial<Record<Verb, (call: Call) => Promise<Response>>>> = { get, list };
