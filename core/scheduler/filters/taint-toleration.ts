import { findUntolerated } from '../../api/tolerations.ts';
import type { StaticFilter } from './filter.ts';

const effects = ['NoSchedule', 'NoExecute'];

export const taintToleration: StaticFilter = {
  name: 'TaintToleration',
  refuse({ pod }, { node }) {
    const taint = findUntolerated(node.spec?.taints, pod.spec?.tolerations, effects);
    return taint && `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
  },
  isHelpedBy: (event, { pod }) =>
    (event.what === 'node-added' || (event.what === 'node-updated' && event.taints)) &&
    !findUntolerated(event.node.node.spec?.taints, pod.spec?.tolerations, effects),
};
