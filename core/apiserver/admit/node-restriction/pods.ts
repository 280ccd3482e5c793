// A node creates only mirror pods of its own, and reports on, deletes and evicts only pods bound to it.
import { notFound } from '../../../api/errors.ts';
import { mirrorPodAnnotation, podReferences } from '../../../api/pod-references.ts';
import type { Pod } from '../../../api/types.gen.ts';
import type { AdmissionRequest } from '../../server.ts';
import { type AdmissionDeps, podOf, refusal } from '../request.ts';
import { type Rule, same } from './rule.ts';

export const pods: Rule = async (node, request, deps) => {
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
