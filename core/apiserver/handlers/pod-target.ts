// The node and container that a call into a pod goes to.
import { badRequest, notFound, StatusError } from '../../api/errors.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { Pod } from '../../api/types.gen.ts';
import type { HandlerContext } from '../server.ts';

type Lookup = Pick<HandlerContext, 'deps' | 'info'>;

/** Throws NotFound. */
export async function podOf({ deps, info }: Lookup, name = info.name): Promise<Pod> {
  const stored = await deps.store.get('pods', { namespace: info.namespace, name });
  if (!stored) throw notFound({ plural: 'pods', group: '' }, name);
  return stored.object as Pod;
}

function containerNames({ spec }: Pod): string[] {
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
  return all.map(({ name }) => name);
}

/** The container that was named, or the only one there is. Throws BadRequest. */
export function containerOf(pod: Pod, named: string): string {
  const podName = pod.metadata?.name ?? '';
  if (named) {
    if (containerNames(pod).includes(named)) return named;
    throw badRequest(`container ${named} is not valid for pod ${podName}`);
  }
  const containers = pod.spec?.containers ?? [];
  if (containers.length === 1) return containers[0]!.name;
  throw badRequest(
    `a container name must be specified for pod ${podName}, choose one of: [${containerNames(pod).join(' ')}]`,
  );
}

/** Throws BadRequest for a pod that runs nowhere and NotFound for a node that is not there. */
export async function nodeOf({ deps }: Lookup, pod: Pod): Promise<KubeObject> {
  const name = pod.spec?.nodeName;
  if (!name) throw badRequest(`pod ${pod.metadata?.name} does not have a host assigned`);
  return await nodeNamed(deps, name);
}

export async function nodeNamed(deps: HandlerContext['deps'], name: string): Promise<KubeObject> {
  const node = await deps.store.get('nodes', { namespace: '', name });
  if (!node) throw notFound({ plural: 'nodes', group: '' }, name);
  return node.object;
}

/** An exchange with a node's agent; what keeps it from being reached becomes an error of its own. */
export async function askNode(
  context: Pick<HandlerContext, 'deps'>,
  node: KubeObject,
  path: string,
  init?: RequestInit,
): Promise<Response> {
  try {
    return await context.deps.nodes.fetch(node, path, init);
  } catch (error) {
    if (error instanceof StatusError) throw error;
    context.deps.log('warn', 'node.unreachable', { node: node.metadata.name, error: String(error) });
    throw new StatusError('ServiceUnavailable', `the node ${node.metadata.name} cannot be reached: ${String(error)}`);
  }
}
