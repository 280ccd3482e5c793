// The nodes that daemon pods are about to be taken from, as they are now: the cache of nodes may be behind that of pods.
import type { Client } from '../../client/client.ts';
import { resources } from '../../client/resources.ts';
import type { Action } from '../controller.ts';
import { findFresh } from '../fresh.ts';
import { belongs, type StoredNode, targetNodeOf } from './nodes.ts';
import type { ObservedDaemonSet } from './round.ts';

/**
 * All nodes, asked for anew those that lose a pod by `actions` because they are not known, or because no pod may stay there;
 * `nodes` itself when nothing is taken. Rejects with what the API answers.
 */
export async function sureNodes(
  { set, nodes, pods }: ObservedDaemonSet,
  actions: readonly Action[],
  client: Client,
): Promise<readonly StoredNode[]> {
  const taken = new Set(
    actions.flatMap((action) => (action.do === 'delete' && action.of === resources.pods ? [action.key.name] : [])),
  );
  if (taken.size === 0) return nodes;
  const known = new Map(nodes.map((node) => [node.metadata.name, node]));
  const targets = new Set(pods.flatMap((pod) => (taken.has(pod.metadata.name) ? (targetNodeOf(pod) ?? []) : [])));
  const ask = async (name: string): Promise<void> => {
    const cached = known.get(name);
    if (cached && belongs(set, cached).mayStay) return;
    const fresh = await findFresh(client, resources.nodes, { namespace: '', name });
    if (fresh) known.set(name, fresh as unknown as StoredNode);
    else known.delete(name);
  };
  await Promise.all([...targets].map(ask));
  return [...known.values()];
}
