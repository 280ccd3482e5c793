import { tolerates } from '../../api/tolerations.ts';
import type { StaticFilter } from './filter.ts';

const cordoned = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' } as const;

/** A cordoned node takes only pods that tolerate the taint that stands for it. */
export const nodeUnschedulable: StaticFilter = {
  name: 'NodeUnschedulable',
  refuse({ pod }, { node }) {
    if (!node.spec?.unschedulable) return undefined;
    if (pod.spec?.tolerations?.some((toleration) => tolerates(toleration, cordoned))) return undefined;
    return 'node(s) were unschedulable';
  },
  isHelpedBy: (event) => event.what === 'node-added' || (event.what === 'node-updated' && event.taints),
};
