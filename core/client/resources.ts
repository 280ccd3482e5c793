// The built-in resources that controllers, the scheduler and the agent name in calls of the Client.
import type { ResourceRef } from './client.ts';

const core = (plural: string): ResourceRef => ({ group: '', version: 'v1', plural });
const ref = (group: string, plural: string, version = 'v1'): ResourceRef => ({ group, version, plural });

export const resources = {
  configMaps: core('configmaps'),
  endpoints: core('endpoints'),
  events: core('events'),
  namespaces: core('namespaces'),
  nodes: core('nodes'),
  pods: core('pods'),
  replicationControllers: core('replicationcontrollers'),
  resourceQuotas: core('resourcequotas'),
  secrets: core('secrets'),
  serviceAccounts: core('serviceaccounts'),
  services: core('services'),
  persistentVolumeClaims: core('persistentvolumeclaims'),
  persistentVolumes: core('persistentvolumes'),
  controllerRevisions: ref('apps', 'controllerrevisions'),
  daemonSets: ref('apps', 'daemonsets'),
  deployments: ref('apps', 'deployments'),
  replicaSets: ref('apps', 'replicasets'),
  statefulSets: ref('apps', 'statefulsets'),
  jobs: ref('batch', 'jobs'),
  cronJobs: ref('batch', 'cronjobs'),
  leases: ref('coordination.k8s.io', 'leases'),
  certificateSigningRequests: ref('certificates.k8s.io', 'certificatesigningrequests'),
  clusterRoles: ref('rbac.authorization.k8s.io', 'clusterroles'),
  endpointSlices: ref('discovery.k8s.io', 'endpointslices'),
  nodeMetrics: ref('metrics.k8s.io', 'nodes', 'v1beta1'),
  podDisruptionBudgets: ref('policy', 'poddisruptionbudgets'),
  priorityClasses: ref('scheduling.k8s.io', 'priorityclasses'),
  volumeAttributesClasses: ref('storage.k8s.io', 'volumeattributesclasses'),
} as const;

/** `pods`, `deployments.apps`: what logs and maps of resources use as a key. */
export const resourceName = (of: ResourceRef): string => (of.group ? `${of.plural}.${of.group}` : of.plural);

/** '/api/v1' or '/apis/apps/v1'. */
export const groupVersionPath = (of: Pick<ResourceRef, 'group' | 'version'>): string =>
  of.group ? `/apis/${of.group}/${of.version}` : `/api/${of.version}`;
