// What the cloud says of a node's machine, before the node's silence would tell. Follows Kubernetes' cloud node lifecycle
// controller: a machine that is gone takes its node object along (pods of nodes that are absent are garbage), one that is shut down
// is tainted. https://kubernetes.io/docs/concepts/architecture/cloud-controller/#node-controller
import { isShutDown, shutdownTaint } from '../../api/node-shutdown.ts';
import { resources } from '../../client/resources.ts';
import type { Action } from '../controller.ts';
import { asObject } from '../owner.ts';
import { type StoredNode, unknownConditions } from './health.ts';

/** `impaired`: it runs, and its status checks fail. `leaving`: it will be taken away within minutes (spot). */
export type MachineState = 'running' | 'impaired' | 'leaving' | 'down' | 'gone';

export function decideMachine(node: StoredNode, state: MachineState, nowMs: number): Action[] {
  switch (state) {
    case 'gone': {
      const { name, uid } = node.metadata;
      const message = `Deleting node ${name} because it does not exist in the cloud provider`;
      const event = { about: asObject(node), type: 'Normal' as const, reason: 'DeletingNode', message };
      return [{ do: 'delete', of: resources.nodes, key: { namespace: '', name }, options: { uid }, event }];
    }
    case 'down':
      return [...withTaint(node, true), ...notReady(node, nowMs)];
    case 'impaired':
      return notReady(node, nowMs);
    case 'leaving':
      return node.spec?.unschedulable ? [] : [patch(node, { spec: { unschedulable: true } })];
    case 'running':
      return withTaint(node, false);
  }
}

/** Taints for it follow from the conditions, as for a node that fell silent. The node itself may say otherwise later. */
function notReady(node: StoredNode, nowMs: number): Action[] {
  const conditions = unknownConditions(node, nowMs);
  if (!conditions) return [];
  const { name, uid } = node.metadata;
  const status = { metadata: { uid }, status: { conditions } };
  const message = `Node ${name} status is now: NodeNotReady`;
  const event = { about: asObject(node), type: 'Normal' as const, reason: 'NodeNotReady', message };
  const key = { namespace: '', name };
  return [{ do: 'patch', of: resources.nodes, key, patch: status, type: 'strategic', subresource: 'status', event }];
}

function withTaint(node: StoredNode, wanted: boolean): Action[] {
  if (isShutDown(node) === wanted) return [];
  const taints = node.spec?.taints ?? [];
  const others = taints.filter(({ key }) => key !== shutdownTaint);
  return [
    patch(node, { spec: { taints: wanted ? [...others, { key: shutdownTaint, effect: 'NoSchedule' }] : others } }),
  ];
}

/** Fails when somebody else wrote in between. */
function patch(node: StoredNode, change: object): Action {
  const { name, uid, resourceVersion } = node.metadata;
  const key = { namespace: '', name };
  return {
    do: 'patch',
    of: resources.nodes,
    key,
    patch: { metadata: { uid, resourceVersion }, ...change },
    type: 'merge',
  };
}
