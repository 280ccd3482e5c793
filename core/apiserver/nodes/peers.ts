// Nodes as other nodes see them: by which address the way to their pods leads. Where every node finds that way itself (on AWS), a
// change of it rings all doorbells.
import type { NodePeer } from '../../api/node-sync.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { Node } from '../../api/types.gen.ts';
import type { Change, Resource } from '../../store/store.ts';

/** undefined for a node that has told no address yet. */
export function peerOf(object: KubeObject): NodePeer | undefined {
  const { metadata, status } = object as unknown as Node;
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  return metadata?.name && address ? { name: metadata.name, address } : undefined;
}

/**
 * A node's reports of how it is change nothing; that it is there, gone, or elsewhere does. Where nobody knows what stood before, it
 * most likely was such a report.
 */
export function ringsPeers(
  resource: Resource,
  { type, object, previous }: Pick<Change, 'type' | 'object' | 'previous'>,
): boolean {
  if (resource !== 'nodes') return false;
  if (type !== 'MODIFIED') return true;
  return previous !== undefined && peerOf(previous)?.address !== peerOf(object)?.address;
}
