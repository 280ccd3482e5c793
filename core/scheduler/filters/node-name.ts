import type { StaticFilter } from './filter.ts';

export const nodeName: StaticFilter = {
  name: 'NodeName',
  refuse({ pod }, { node }) {
    const wanted = pod.spec?.nodeName;
    return !wanted || wanted === node.metadata.name ? undefined : "node(s) didn't match the requested node name";
  },
  isHelpedBy: (event, { pod }) => event.what === 'node-added' && event.node.node.metadata.name === pod.spec?.nodeName,
};
