// Which pods leave before an update, and how: as `kubectl drain --ignore-daemonsets` would have them, but pods that nobody would
// make again stay: containers go on while the agent is exchanged.
// https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/
import { isStatus } from '../../core/api/errors.ts';
import type { Pod } from '../../core/api/types.gen.ts';
import type { Client } from '../../core/client/client.ts';
import { resources } from '../../core/client/resources.ts';

const mirrorAnnotation = 'kubernetes.io/config.mirror';

export function mustLeave({ metadata, status }: Pod): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return false;
  if (metadata?.annotations?.[mirrorAnnotation] !== undefined) return false;
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller);
  return owner !== undefined && owner.kind !== 'DaemonSet' && owner.kind !== 'Node';
}

/** Asks for the eviction of those that are not on their way yet; a budget that says no is asked again later. */
export async function evict(client: Pick<Client, 'create'>, pods: readonly Pod[]): Promise<string[]> {
  const refused: string[] = [];
  for (const { metadata } of pods) {
    if (metadata?.deletionTimestamp) continue;
    const { namespace = '', name = '', uid } = metadata ?? {};
    const eviction = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { namespace, name },
      // another pod of that name is another pod
      deleteOptions: { preconditions: { uid } },
    };
    try {
      await client.create<unknown>(resources.pods, eviction, { namespace, name, subresource: 'eviction' });
    } catch (error) {
      if (isStatus(error, 'NotFound') || isStatus(error, 'Conflict')) continue;
      if (!isStatus(error, 'TooManyRequests')) throw error;
      refused.push(`${namespace}/${name}`);
    }
  }
  return refused;
}
