import type { DynamicFilter } from './filter.ts';

const reasons = ["node(s) didn't have free ports for the requested pod ports"];

export const nodePorts: DynamicFilter = {
  name: 'NodePorts',
  prepare({ ports }) {
    if (ports.length === 0) return undefined;
    return (node) => (ports.some((port) => node.hasPortConflict(port)) ? reasons : undefined);
  },
  isHelpedBy: (event) => event.what === 'node-added' || event.what === 'pod-removed',
};
