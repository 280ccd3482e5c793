// What a node may write, beyond what its authorizer can see from the path: only itself, its own pods and what is theirs.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction

import { decodeBase64, subjectOfRequest } from '../../api/certificates.ts';
import { notFound } from '../../api/errors.ts';
import { mirrorPodAnnotation, podReferences } from '../../api/pod-references.ts';
import type {
  CertificateSigningRequest,
  Node,
  PersistentVolumeClaim,
  Pod,
  AuthenticationV1TokenRequest as TokenRequest,
} from '../../api/types.gen.ts';
import { nodeNameOf } from '../authenticate/users.ts';
import { sameJson } from '../json.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../server.ts';
import { type AdmissionDeps, nameOf, podOf, refusal, resourceOf } from './request.ts';

type Rule = (node: string, request: AdmissionRequest, deps: AdmissionDeps) => void | Promise<void>;

export const nodeRestriction = (deps: AdmissionDeps): AdmissionPlugin => ({
  name: 'NodeRestriction',
  async mutate(request) {
    const node = nodeNameOf(request.user);
    const rule = rules[resourceOf(request)];
    if (node !== undefined && rule) await rule(node, request, deps);
  },
});

const same = (a: unknown, b: unknown): boolean => sameJson(a ?? null, b ?? null);

const pods: Rule = async (node, request, deps) => {
  switch (request.subresource) {
    case '':
      if (request.operation === 'CREATE') return mirrorPod(node, request, deps);
      if (request.operation === 'DELETE') {
        if ((request.old as Pod | undefined)?.spec?.nodeName === node) return;
        throw refusal(request, `node "${node}" can only delete pods with spec.nodeName set to itself`);
      }
      throw refusal(
        request,
        `unexpected operation "${request.operation}", node "${node}" can only create and delete mirror pods`,
      );
    case 'status':
      return podStatus(node, request);
    case 'eviction': {
      const key = { namespace: request.namespace, name: request.name };
      const found = await deps.store.get('pods', key);
      if (!found) throw notFound({ plural: 'pods', group: '' }, request.name);
      if ((found.object as Pod).spec?.nodeName === node) return;
      throw refusal(request, `node ${node} can only evict pods with spec.nodeName set to itself`);
    }
    default:
      throw refusal(
        request,
        `unexpected pod subresource "${request.subresource}", only 'status' and 'eviction' are allowed`,
      );
  }
};

/** A node shows its static pods to the cluster, and such a pod opens nothing to the node. */
async function mirrorPod(node: string, request: AdmissionRequest, { store }: AdmissionDeps): Promise<void> {
  const pod = podOf(request);
  if (pod.metadata?.annotations?.[mirrorPodAnnotation] === undefined) {
    const why = `pod does not have "${mirrorPodAnnotation}" annotation, node "${node}" can only create mirror pods`;
    throw refusal(request, why);
  }
  if (pod.spec?.nodeName !== node) {
    throw refusal(request, `node "${node}" can only create pods with spec.nodeName set to itself`);
  }
  const owners = pod.metadata.ownerReferences ?? [];
  const [owner] = owners;
  const itself = owner?.apiVersion === 'v1' && owner.kind === 'Node' && owner.name === node;
  if (owners.length > 1) {
    throw refusal(request, `node "${node}" can only create pods with a single owner reference set to itself`);
  }
  if (!owner || !itself) {
    throw refusal(request, `node "${node}" can only create pods with an owner reference set to itself`);
  }
  if (!owner.controller) {
    throw refusal(request, `node "${node}" can only create pods with a controller owner reference set to itself`);
  }
  if (owner.blockOwnerDeletion) {
    throw refusal(request, `node "${node}" must not set blockOwnerDeletion on an owner reference`);
  }
  const found = await store.get('nodes', { namespace: '', name: node });
  if (!found) throw notFound({ plural: 'nodes', group: '' }, node);
  const { uid } = found.object.metadata;
  if (owner.uid !== uid) {
    throw refusal(request, `node ${node} UID mismatch: expected ${owner.uid} got ${uid}`);
  }
  const { secrets, configMaps, claims, resourceClaims, serviceAccount } = podReferences(pod);
  const named = Object.entries({
    secrets,
    configmaps: configMaps,
    persistentvolumeclaims: claims,
    resourceclaims: resourceClaims,
  })
    .filter(([, names]) => names.size > 0)
    .map(([resource]) => resource);
  const referenced = serviceAccount ? 'serviceaccounts' : named[0];
  if (referenced) throw refusal(request, `node "${node}" can not create pods that reference ${referenced}`);
}

function podStatus(node: string, request: AdmissionRequest): void {
  if (request.operation !== 'UPDATE') throw refusal(request, `unexpected operation "${request.operation}"`);
  const old = request.old as Pod;
  const pod = podOf(request);
  if (old.spec?.nodeName !== node) {
    throw refusal(request, `node "${node}" can only update pod status for pods with spec.nodeName set to itself`);
  }
  if (!same(pod.metadata?.labels, old.metadata?.labels)) {
    throw refusal(request, `node "${node}" cannot update labels through pod status`);
  }
  if (!same(pod.status?.resourceClaimStatuses, old.status?.resourceClaimStatuses)) {
    throw refusal(request, `node "${node}" cannot update resource claim statues`);
  }
  if (!same(pod.status?.extendedResourceClaimStatus, old.status?.extendedResourceClaimStatus)) {
    throw refusal(request, `node "${node}" cannot update extended resource claim status`);
  }
}

const nodes: Rule = (node, request) => {
  const name = nameOf(request);
  if (name !== node) throw refusal(request, `node "${node}" is not allowed to modify node "${name}"`);
  if (request.operation !== 'CREATE' && request.operation !== 'UPDATE') return;
  const object = request.object as Node;
  const old = request.old as Node | undefined;
  const labels = forbiddenLabels(object.metadata?.labels ?? {}, old?.metadata?.labels ?? {});
  if (!old) {
    if (labels.length === 0) return;
    throw refusal(request, `node "${node}" is not allowed to set the following labels: ${labels.join(', ')}`);
  }
  // Taints and labels decide what is placed where: a node must not draw workloads to itself.
  if (!same(object.spec?.taints ?? [], old.spec?.taints ?? [])) {
    throw refusal(request, `node "${node}" is not allowed to modify taints`);
  }
  if (!same(object.metadata?.ownerReferences ?? [], old.metadata?.ownerReferences ?? [])) {
    throw refusal(request, `node "${node}" is not allowed to modify ownerReferences`);
  }
  if (labels.length > 0) throw refusal(request, `is not allowed to modify labels: ${labels.join(', ')}`);
};

/** Labels of Kubernetes' own domains that a node sets about itself. */
const ownLabels = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
]);
const ownDomains = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const restrictedDomain = 'node-restriction.kubernetes.io';

const within = (domain: string, parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);

function forbiddenLabels(labels: Record<string, string>, old: Record<string, string>): string[] {
  const keys = new Set([...Object.keys(labels), ...Object.keys(old)]);
  return [...keys]
    .filter((key) => labels[key] !== old[key])
    .filter((key) => {
      const domain = key.includes('/') ? (key.split('/', 1)[0] ?? '') : '';
      if (within(domain, restrictedDomain)) return true;
      if (!within(domain, 'kubernetes.io') && !within(domain, 'k8s.io')) return false;
      return !ownLabels.has(key) && !ownDomains.some((own) => within(domain, own));
    })
    .sort();
}

const tokens: Rule = async (node, request, { store, authorize }) => {
  if (request.operation !== 'CREATE' || request.subresource !== 'token') return;
  const { spec } = request.object as unknown as TokenRequest;
  const ref = spec?.boundObjectRef;
  if (ref?.apiVersion !== 'v1' || ref.kind !== 'Pod' || !ref.name) {
    throw refusal(request, 'node requested token not bound to a pod');
  }
  if (!ref.uid) throw refusal(request, 'node requested token with a pod binding without a uid');
  const found = await store.get('pods', { namespace: request.namespace, name: ref.name });
  if (!found) throw notFound({ plural: 'pods', group: '' }, ref.name);
  const pod = found.object as Pod;
  if (ref.uid !== pod.metadata?.uid) {
    const why = `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw refusal(request, why);
  }
  if (pod.spec?.nodeName !== node) {
    throw refusal(request, 'node requested token bound to a pod scheduled on a different node');
  }
  const audiences = spec?.audiences ?? [];
  if (audiences.length > 1) throw refusal(request, 'node may only request 0 or 1 audiences');
  const audience = audiences[0] ?? '';
  const projected = (pod.spec?.volumes ?? []).some((volume) =>
    (volume.projected?.sources ?? []).some(
      ({ serviceAccountToken: token }) => token && (token.audience ?? '') === audience,
    ),
  );
  if (projected) return;
  const { allowed } = await authorize({
    user: request.user,
    verb: 'request-serviceaccounts-token-audience',
    isResource: true,
    group: '',
    version: 'v1',
    plural: audience,
    subresource: '',
    namespace: request.namespace,
    name: request.name,
    path: '',
  });
  if (allowed) return;
  const who = `${request.user.username} is not authorized to request tokens for this audience`;
  throw refusal(request, `audience "${audience}" not found in pod spec volume, ${who}`);
};

const leaseNamespace = 'kube-node-lease';

const leases: Rule = (node, request) => {
  if (request.namespace !== leaseNamespace) {
    throw refusal(request, `can only access leases in the "${leaseNamespace}" system namespace`);
  }
  if (nameOf(request) !== node) {
    throw refusal(request, 'can only access node lease with the same name as the requesting node');
  }
};

const csiNodes: Rule = (node, request) => {
  if (nameOf(request) !== node) {
    throw refusal(request, 'can only access CSINode with the same name as the requesting node');
  }
};

const resourceSlices: Rule = (node, request) => {
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
const claims: Rule = (node, request) => {
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

const certificateRequests: Rule = async (node, request) => {
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
