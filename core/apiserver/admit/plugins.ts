// The admission plugins of this server, in the order in which kube-apiserver runs them.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
import { escalationCheck } from '../authorize/escalation.ts';
import type { AdmissionPlugin } from '../server.ts';
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from './certificates.ts';
import { defaultIngressClass } from './default-ingress-class.ts';
import { defaultTolerationSeconds } from './default-tolerations.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction/plugin.ts';
import { podSecurity } from './pod-security/plugin.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { priority } from './priority.ts';
import type { AdmissionDeps } from './request.ts';
import { resourceQuota } from './resource-quota.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccountPlugin } from './service-account.ts';
import { defaultStorageClass, persistentVolumeClaimResize, storageObjectInUseProtection } from './storage.ts';
import { taintNodesByCondition } from './taint-nodes.ts';

/** The check against escalation comes first: in kube-apiserver it is no plugin but part of the write itself. */
export const admissionPlugins = (deps: AdmissionDeps): AdmissionPlugin[] => [
  escalationCheck(deps),
  namespaceLifecycle(deps),
  limitRanger(deps),
  serviceAccountPlugin(deps),
  nodeRestriction(deps),
  taintNodesByCondition,
  podSecurity(deps),
  priority(deps),
  defaultTolerationSeconds(deps.defaultTolerations),
  defaultStorageClass(deps),
  storageObjectInUseProtection,
  persistentVolumeClaimResize(deps),
  runtimeClass(deps),
  certificateApproval(deps),
  certificateSigning(deps),
  certificateSubjectRestriction,
  defaultIngressClass(deps),
  podTopologyLabels(deps),
  resourceQuota(deps),
];
