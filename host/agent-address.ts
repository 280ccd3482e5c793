// Where a node's agent is called.
import type { KubeObject } from '../core/api/objects.ts';
import type { Node } from '../core/api/types.gen.ts';

export interface AgentAddress {
  host: string;
  port: number;
  /** The name that the agent's certificate must carry. */
  name: string;
}

/** The agent's port on every node unless its Node object says otherwise (status.daemonEndpoints.kubeletEndpoint.Port). */
export const agentPort = 10250;

/** Throws an Error that says what the node lacks. */
export function agentAddressOf(node: KubeObject): AgentAddress {
  const { addresses = [], daemonEndpoints } = (node as unknown as Node).status ?? {};
  const of = (type: string): string | undefined => addresses.find((address) => address.type === type)?.address;
  const host = of('InternalIP') ?? of('ExternalIP') ?? of('Hostname');
  const name = node.metadata.name ?? '';
  if (!host) throw new Error(`node "${name}" has no address yet`);
  return { host, port: daemonEndpoints?.kubeletEndpoint?.Port ?? agentPort, name };
}
