import type { Lease } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, nameColumn, text } from '../columns.ts';
import { validateLease } from '../validate-policy.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/ */
export const leaseRules: Rules<Lease> = {
  columns: [nameColumn, text('Holder', (lease) => lease.spec?.holderIdentity ?? ''), ageColumn],
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  setDefaults(lease) {
    lease.spec ??= {};
  },
  validate: validateLease,
  validateUpdate: validateLease,
};
