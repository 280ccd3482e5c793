// Which file holds the rules of which kind; a kind that is not listed has none.
import { certificateSigningRequestRules } from './access/certificate-signing-request.ts';
import { clusterRoleBindingRules, clusterRoleRules, roleBindingRules, roleRules } from './access/rbac.ts';
import * as admission from './admission/registration.ts';
import { autoscalerRules, autoscalerV1Rules } from './autoscaling/rules.ts';
import type { Rules } from './build.ts';
import { configMapRules, secretRules, serviceAccountRules } from './config/config.ts';
import { coreEventRules, newEventRules } from './config/event.ts';
import { leaseRules } from './config/lease.ts';
import { limitRangeRules, resourceQuotaRules } from './config/limits.ts';
import { namespaceRules } from './config/namespace.ts';
import { nodeRules } from './config/node.ts';
import { deviceClassRules, resourceClaimRules, resourceClaimTemplateRules, resourceSliceRules } from './devices.ts';
import { flowSchemaRules, priorityLevelRules } from './flowcontrol.ts';
import { nodeMetricsRules, podMetricsRules } from './metrics.ts';
import { ipAddressRules, serviceCidrRules } from './network/addresses.ts';
import { endpointSliceRules } from './network/endpoint-slice.ts';
import { endpointsRules } from './network/endpoints.ts';
import { ingressClassRules, ingressRules } from './network/ingress.ts';
import { networkPolicyRules } from './network/network-policy.ts';
import { serviceRules } from './network/service.ts';
import { podRules } from './pod/rules.ts';
import { componentStatusRules, podDisruptionBudgetRules, priorityClassRules, runtimeClassRules } from './policy.ts';
import * as storage from './storage/classes.ts';
import { persistentVolumeClaimRules, persistentVolumeRules } from './storage/volumes.ts';
import { cronJobRules } from './workloads/cron-job.ts';
import { daemonSetRules } from './workloads/daemon-set.ts';
import { deploymentRules } from './workloads/deployment.ts';
import { jobRules } from './workloads/job.ts';
import { replicaSetRules } from './workloads/replica-set.ts';
import { replicationControllerRules } from './workloads/replication-controller.ts';
import { statefulSetRules } from './workloads/stateful-set.ts';
import { controllerRevisionRules, podTemplateRules } from './workloads/templates.ts';

const core = {
  ComponentStatus: componentStatusRules,
  ConfigMap: configMapRules,
  Endpoints: endpointsRules,
  Event: coreEventRules,
  LimitRange: limitRangeRules,
  Namespace: namespaceRules,
  Node: nodeRules,
  PersistentVolume: persistentVolumeRules,
  PersistentVolumeClaim: persistentVolumeClaimRules,
  Pod: podRules,
  PodTemplate: podTemplateRules,
  ReplicationController: replicationControllerRules,
  ResourceQuota: resourceQuotaRules,
  Secret: secretRules,
  Service: serviceRules,
  ServiceAccount: serviceAccountRules,
};

const groups: Record<string, Record<string, unknown>> = {
  '/v1': core,
  'admissionregistration.k8s.io/v1': {
    MutatingAdmissionPolicy: admission.mutatingPolicyRules,
    MutatingAdmissionPolicyBinding: admission.mutatingPolicyBindingRules,
    MutatingWebhookConfiguration: admission.mutatingWebhookRules,
    ValidatingAdmissionPolicy: admission.validatingPolicyRules,
    ValidatingAdmissionPolicyBinding: admission.validatingPolicyBindingRules,
    ValidatingWebhookConfiguration: admission.validatingWebhookRules,
  },
  'apps/v1': {
    ControllerRevision: controllerRevisionRules,
    DaemonSet: daemonSetRules,
    Deployment: deploymentRules,
    ReplicaSet: replicaSetRules,
    StatefulSet: statefulSetRules,
  },
  'autoscaling/v1': { HorizontalPodAutoscaler: autoscalerV1Rules },
  'autoscaling/v2': { HorizontalPodAutoscaler: autoscalerRules },
  'batch/v1': { CronJob: cronJobRules, Job: jobRules },
  'certificates.k8s.io/v1': { CertificateSigningRequest: certificateSigningRequestRules },
  'coordination.k8s.io/v1': { Lease: leaseRules },
  'discovery.k8s.io/v1': { EndpointSlice: endpointSliceRules },
  'events.k8s.io/v1': { Event: newEventRules },
  'flowcontrol.apiserver.k8s.io/v1': { FlowSchema: flowSchemaRules, PriorityLevelConfiguration: priorityLevelRules },
  'metrics.k8s.io/v1beta1': { NodeMetrics: nodeMetricsRules, PodMetrics: podMetricsRules },
  'networking.k8s.io/v1': {
    IPAddress: ipAddressRules,
    Ingress: ingressRules,
    IngressClass: ingressClassRules,
    NetworkPolicy: networkPolicyRules,
    ServiceCIDR: serviceCidrRules,
  },
  'node.k8s.io/v1': { RuntimeClass: runtimeClassRules },
  'policy/v1': { PodDisruptionBudget: podDisruptionBudgetRules },
  'rbac.authorization.k8s.io/v1': {
    ClusterRole: clusterRoleRules,
    ClusterRoleBinding: clusterRoleBindingRules,
    Role: roleRules,
    RoleBinding: roleBindingRules,
  },
  'resource.k8s.io/v1': {
    DeviceClass: deviceClassRules,
    ResourceClaim: resourceClaimRules,
    ResourceClaimTemplate: resourceClaimTemplateRules,
    ResourceSlice: resourceSliceRules,
  },
  'scheduling.k8s.io/v1': { PriorityClass: priorityClassRules },
  'storage.k8s.io/v1': {
    CSIDriver: storage.csiDriverRules,
    CSINode: storage.csiNodeRules,
    CSIStorageCapacity: storage.csiStorageCapacityRules,
    StorageClass: storage.storageClassRules,
    VolumeAttachment: storage.volumeAttachmentRules,
    VolumeAttributesClass: storage.volumeAttributesClassRules,
  },
};

/** Rules of a kind, each typed by its own object; the builder reads them as rules of any object. */
export const rulesOf = (group: string, version: string, kind: string): Rules<never> =>
  (groups[`${group}/${version}`]?.[kind] ?? {}) as Rules<never>;
