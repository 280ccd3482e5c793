// certificatesigningrequests/NAME/approval: an update of the conditions alone, which its own permission guards. The kind's
// rules know what an approval may change; CertificateApproval (admission) asks whether the caller may approve.
import type { Call } from '../call.ts';
import type { SubresourceHandler } from '../server.ts';
import { get } from '../verbs/get.ts';
import { patch } from '../verbs/patch.ts';
import { update } from '../verbs/update.ts';

const verbs = { get, patch, update } as const;

export const approvalHandler: SubresourceHandler = {
  verbs: ['get', 'patch', 'update'],
  discovery: { group: 'certificates.k8s.io', version: 'v1', kind: 'CertificateSigningRequest' },
  handle: (context) => verbs[context.info.verb as keyof typeof verbs](context as Call),
};
