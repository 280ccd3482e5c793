import { matchesRequiredAffinity } from '../../api/node-selector.ts';
import type { StaticFilter } from './filter.ts';

export const nodeAffinity: StaticFilter = {
  name: 'NodeAffinity',
  refuse: ({ pod }, { node }) =>
    matchesRequiredAffinity(pod, node) ? undefined : "node(s) didn't match Pod's node affinity/selector",
  isHelpedBy: (event, { pod }) =>
    (event.what === 'node-added' || (event.what === 'node-updated' && event.labels)) &&
    matchesRequiredAffinity(pod, event.node.node),
};
