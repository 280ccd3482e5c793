import type { Node } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, nameColumn, text, wide } from '../columns.ts';
import { roundResources } from '../pod/defaults.ts';
import { validateNode, validateNodeUpdate } from './validate-node.ts';

const rolePrefix = 'node-role.kubernetes.io/';

function statusCell(node: Node): string {
  const ready = node.status?.conditions?.findLast((condition) => condition.type === 'Ready');
  const status = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown';
  return node.spec?.unschedulable ? `${status},SchedulingDisabled` : status;
}

function rolesCell(node: Node): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata?.labels ?? {})) {
    if (key.startsWith(rolePrefix)) roles.add(key.slice(rolePrefix.length));
    else if (key === 'kubernetes.io/role') roles.add(value);
  }
  roles.delete('');
  return [...roles].sort().join(',') || '<none>';
}

const address = (type: string) => (node: Node) =>
  node.status?.addresses?.find((entry) => entry.type === type)?.address ?? '<none>';

function kernelCell(node: Node): string {
  const info = node.status?.nodeInfo;
  const kernel = info?.kernelVersion || '<unknown>';
  return info?.architecture ? `${kernel} (${info.architecture})` : kernel;
}

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/node-v1/ */
export const nodeRules: Rules<Node> = {
  fieldLabels: { 'spec.unschedulable': (node) => node.spec?.unschedulable ?? false },
  columns: [
    nameColumn,
    text('Status', statusCell),
    text('Roles', rolesCell),
    ageColumn,
    text('Version', (node) => node.status?.nodeInfo?.kubeletVersion ?? ''),
    wide('Internal-IP', address('InternalIP')),
    wide('External-IP', address('ExternalIP')),
    wide('OS-Image', (node) => node.status?.nodeInfo?.osImage || '<unknown>'),
    wide('Kernel-Version', kernelCell),
    wide('Container-Runtime', (node) => node.status?.nodeInfo?.containerRuntimeVersion || '<unknown>'),
  ],
  // A node registers with its status.
  newStatus: 'kept',
  setDefaults(node) {
    node.spec ??= {};
    const { spec } = node;
    if (spec.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
    else if (!spec.podCIDR && spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0];
    const { status } = node;
    roundResources(status?.capacity);
    roundResources(status?.allocatable);
    if (status?.capacity && !status.allocatable) status.allocatable = { ...status.capacity };
  },
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
};
