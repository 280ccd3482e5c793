// The admission plugins of this server, in the order in which kube-apiserver runs them.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
import { escalationCheck } from '../authorize/escalation.ts';
import type { AdmissionPlugin } from '../server.ts';
import { defaultTolerationSeconds } from './default-tolerations.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { priority } from './priority.ts';
import type { AdmissionDeps } from './request.ts';
import { serviceAccountPlugin } from './service-account.ts';
import { taintNodesByCondition } from './taint-nodes.ts';

export const admissionPlugins = (deps: AdmissionDeps): AdmissionPlugin[] => [
  escalationCheck(deps),
  namespaceLifecycle(deps),
  serviceAccountPlugin(deps),
  taintNodesByCondition,
  priority(deps),
  defaultTolerationSeconds,
];
