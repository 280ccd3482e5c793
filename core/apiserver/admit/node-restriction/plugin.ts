// What a node may write, beyond what its authorizer can see from the path: only itself, its own pods and what is theirs.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
import { nodeNameOf } from '../../authenticate/users.ts';
import type { AdmissionPlugin } from '../../server.ts';
import { type AdmissionDeps, resourceOf } from '../request.ts';
import { nodes } from './nodes.ts';
import { certificateRequests, claims, csiNodes, leases, resourceSlices } from './own-objects.ts';
import { pods } from './pods.ts';
import type { Rule } from './rule.ts';
import { tokens } from './tokens.ts';

export const nodeRestriction = (deps: AdmissionDeps): AdmissionPlugin => ({
  name: 'NodeRestriction',
  async mutate(request) {
    const node = nodeNameOf(request.user);
    const rule = rules[resourceOf(request)];
    if (node !== undefined && rule) await rule(node, request, deps);
  },
});

const rules: Readonly<Record<string, Rule | undefined>> = {
  pods,
  nodes,
  serviceaccounts: tokens,
  persistentvolumeclaims: claims,
  'leases.coordination.k8s.io': leases,
  'csinodes.storage.k8s.io': csiNodes,
  'resourceslices.resource.k8s.io': resourceSlices,
  'certificatesigningrequests.certificates.k8s.io': certificateRequests,
};
