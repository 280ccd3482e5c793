// Objects that a node has one of, or that its pods hold: its lease, CSI node, resource slices, certificate, their claims.
import { decodeBase64, subjectOfRequest } from '../../../api/certificates.ts';
import { agentUpdateLease } from '../../../api/node-sync.ts';
import type { CertificateSigningRequest, PersistentVolumeClaim } from '../../../api/types.gen.ts';
import { nameOf, refusal } from '../request.ts';
import { type Rule, same } from './rule.ts';

const leaseNamespace = 'kube-node-lease';

export const leases: Rule = (node, request) => {
  if (request.namespace !== leaseNamespace) {
    throw refusal(request, `can only access leases in the "${leaseNamespace}" system namespace`);
  }
  if (nameOf(request) !== node && nameOf(request) !== agentUpdateLease) {
    throw refusal(request, 'can only access node lease with the same name as the requesting node');
  }
};

export const csiNodes: Rule = (node, request) => {
  if (nameOf(request) !== node) {
    throw refusal(request, 'can only access CSINode with the same name as the requesting node');
  }
};

export const resourceSlices: Rule = (node, request) => {
  const of = (object: unknown): string | undefined =>
    (object as { spec?: { nodeName?: string } } | undefined)?.spec?.nodeName;
  if (request.operation === 'CREATE' && of(request.object) !== node) {
    throw refusal(request, 'can only create ResourceSlice with the same NodeName as the requesting node');
  }
  if (request.operation === 'DELETE' && of(request.old) !== node) {
    throw refusal(request, 'can only delete ResourceSlice with the same NodeName as the requesting node');
  }
};

/** A node reports how far the expansion of a claim's volume is, and nothing else about the claim. */
export const claims: Rule = (node, request) => {
  if (request.subresource !== 'status') throw refusal(request, 'may only update PVC status');
  if (request.operation !== 'UPDATE') throw refusal(request, `unexpected operation "${request.operation}"`);
  const rest = (object: unknown): unknown => {
    const { metadata, status, ...others } = object as PersistentVolumeClaim;
    const { resourceVersion: _, managedFields: __, ...kept } = metadata ?? {};
    const {
      capacity: _c,
      conditions: _d,
      allocatedResources: _a,
      allocatedResourceStatuses: _s,
      ...other
    } = status ?? {};
    return [kept, other, others];
  };
  if (!same(rest(request.object), rest(request.old))) {
    const why = `node "${node}" is not allowed to update fields other than status.quantity and status.conditions`;
    throw refusal(request, why);
  }
};

export const certificateRequests: Rule = async (node, request) => {
  if (request.operation !== 'CREATE' || request.subresource !== '') return;
  const { spec } = request.object as unknown as CertificateSigningRequest;
  const kubelet = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet'];
  if (!kubelet.includes(spec.signerName)) return;
  const subject = await subjectOfRequest(decodeBase64(spec.request));
  if (!subject) throw refusal(request, 'unable to parse csr');
  if (subject.commonName !== request.user.username) {
    const why = `can only create a node CSR with CN=system:node:${node}`;
    throw refusal(request, why);
  }
};
