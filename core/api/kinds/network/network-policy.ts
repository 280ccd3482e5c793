import type { NetworkPolicy } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, formatSelector, nameColumn, text } from '../columns.ts';
import { validateNetworkPolicy } from './validate-network-policy.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/ */
export const networkPolicyRules: Rules<NetworkPolicy> = {
  columns: [nameColumn, text('Pod-Selector', (policy) => formatSelector(policy.spec?.podSelector)), ageColumn],
  setDefaults({ spec }) {
    if (!spec) return;
    if ((spec.policyTypes ?? []).length === 0) {
      spec.policyTypes = (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
    }
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
    }
  },
  validate: validateNetworkPolicy,
  validateUpdate: validateNetworkPolicy,
};
