// A new node takes no pods until its condition says that it is ready.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#taintnodesbycondition
import { nodeTaints } from '../../api/node-taints.ts';
import type { Node } from '../../api/types.gen.ts';
import type { AdmissionPlugin } from '../server.ts';
import { concerns } from './request.ts';

const taint = { key: nodeTaints.notReady, effect: 'NoSchedule' } as const;

export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  async mutate(request) {
    if (!concerns(request, 'nodes') || request.operation !== 'CREATE') return;
    const node = request.object as unknown as Node;
    node.spec ??= {};
    const taints = node.spec.taints ?? [];
    if (taints.some(({ key, effect }) => key === taint.key && effect === taint.effect)) return;
    node.spec.taints = [...taints, { ...taint }];
  },
};
