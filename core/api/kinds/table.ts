// Every stable built-in resource of Kubernetes 1.36 as data, one a line, and those of metrics-server. index.test.ts compares it with
// what kube-apiserver's discovery answered.
import type { ScalePaths, Verb } from './kind.ts';

export interface Row {
  group: string;
  version: string;
  kind: string;
  plural: string;
  namespaced: boolean;
  shortNames?: readonly string[];
  categories?: readonly string[];
  verbs?: readonly Verb[];
  hasStatus?: boolean;
  scale?: ScalePaths;
  /** Schema of the object when its group's prefix and the kind do not give it. */
  schema?: string;
  /** 'none': no generation is kept. */
  generation?: 'none';
  deprecation?: string;
  /** Sequence in the store when it is not the resource's own. */
  resource?: string;
}

type Extra = Omit<Row, 'group' | 'version' | 'kind' | 'plural' | 'namespaced'>;

const createOnly: Extra = { verbs: ['create'] };
const status: Extra = { hasStatus: true };
const all = ['all'] as const;
const apiExtensions: Extra = { categories: ['api-extensions'] };
/** Paths as a custom resource definition writes them. */
const scale: ScalePaths = {
  specReplicas: '.spec.replicas',
  statusReplicas: '.status.replicas',
  selector: '.spec.selector',
};

/** Kinds whose metadata.generation stays empty. */
const withoutGeneration = new Set([
  'CSIDriver',
  'ConfigMap',
  'Endpoints',
  'Event',
  'LimitRange',
  'Namespace',
  'Node',
  'PersistentVolumeClaim',
  'PersistentVolume',
  'ResourceQuota',
  'Secret',
  'ServiceAccount',
  'Service',
  'ControllerRevision',
  'HorizontalPodAutoscaler',
  'CertificateSigningRequest',
  'Lease',
  'IPAddress',
  'ServiceCIDR',
  'RuntimeClass',
  'ClusterRoleBinding',
  'ClusterRole',
  'RoleBinding',
  'Role',
  'ResourceClaim',
  'ResourceClaimTemplate',
  'CSINode',
  'CSIStorageCapacity',
  'StorageClass',
  'VolumeAttachment',
  'VolumeAttributesClass',
  'ComponentStatus',
  'Binding',
]);

const of =
  (group: string, version: string) =>
  (namespaced: boolean, kind: string, plural: string, extra: Extra = {}): Row => ({
    group,
    version,
    kind,
    plural,
    namespaced,
    ...(withoutGeneration.has(kind) ? { generation: 'none' as const } : {}),
    ...extra,
  });

const core = of('', 'v1');
const apps = of('apps', 'v1');
const admission = of('admissionregistration.k8s.io', 'v1');
const authentication = of('authentication.k8s.io', 'v1');
const authorization = of('authorization.k8s.io', 'v1');
const batch = of('batch', 'v1');
const flowcontrol = of('flowcontrol.apiserver.k8s.io', 'v1');
const metrics = of('metrics.k8s.io', 'v1beta1');
const networking = of('networking.k8s.io', 'v1');
const rbac = of('rbac.authorization.k8s.io', 'v1');
const devices = of('resource.k8s.io', 'v1');
const storage = of('storage.k8s.io', 'v1');

const metricsSchemas = 'io.k8s.metrics.pkg.apis.metrics.v1beta1';

export const rows: readonly Row[] = [
  core(true, 'Binding', 'bindings', createOnly),
  core(false, 'ComponentStatus', 'componentstatuses', {
    shortNames: ['cs'],
    verbs: ['get', 'list'],
    deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
  }),
  core(true, 'ConfigMap', 'configmaps', { shortNames: ['cm'] }),
  core(true, 'Endpoints', 'endpoints', {
    shortNames: ['ep'],
    deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  }),
  core(true, 'Event', 'events', { shortNames: ['ev'] }),
  core(true, 'LimitRange', 'limitranges', { shortNames: ['limits'] }),
  core(false, 'Namespace', 'namespaces', {
    ...status,
    shortNames: ['ns'],
    verbs: ['create', 'get', 'list', 'watch', 'update', 'patch', 'delete'],
  }),
  core(false, 'Node', 'nodes', { ...status, shortNames: ['no'] }),
  core(true, 'PersistentVolumeClaim', 'persistentvolumeclaims', { ...status, shortNames: ['pvc'] }),
  core(false, 'PersistentVolume', 'persistentvolumes', { ...status, shortNames: ['pv'] }),
  core(true, 'Pod', 'pods', { ...status, shortNames: ['po'], categories: all }),
  core(true, 'PodTemplate', 'podtemplates'),
  core(true, 'ReplicationController', 'replicationcontrollers', {
    ...status,
    shortNames: ['rc'],
    categories: all,
    scale,
  }),
  core(true, 'ResourceQuota', 'resourcequotas', { ...status, shortNames: ['quota'] }),
  core(true, 'Secret', 'secrets'),
  core(true, 'ServiceAccount', 'serviceaccounts', { shortNames: ['sa'] }),
  core(true, 'Service', 'services', { ...status, shortNames: ['svc'], categories: all }),
  apps(true, 'ControllerRevision', 'controllerrevisions'),
  apps(true, 'DaemonSet', 'daemonsets', { ...status, shortNames: ['ds'], categories: all }),
  apps(true, 'Deployment', 'deployments', { ...status, shortNames: ['deploy'], categories: all, scale }),
  apps(true, 'ReplicaSet', 'replicasets', { ...status, shortNames: ['rs'], categories: all, scale }),
  apps(true, 'StatefulSet', 'statefulsets', { ...status, shortNames: ['sts'], categories: all, scale }),
  admission(false, 'MutatingAdmissionPolicy', 'mutatingadmissionpolicies', apiExtensions),
  admission(false, 'MutatingAdmissionPolicyBinding', 'mutatingadmissionpolicybindings', apiExtensions),
  admission(false, 'MutatingWebhookConfiguration', 'mutatingwebhookconfigurations', apiExtensions),
  admission(false, 'ValidatingAdmissionPolicy', 'validatingadmissionpolicies', { ...status, ...apiExtensions }),
  admission(false, 'ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings', apiExtensions),
  admission(false, 'ValidatingWebhookConfiguration', 'validatingwebhookconfigurations', apiExtensions),
  authentication(false, 'SelfSubjectReview', 'selfsubjectreviews', createOnly),
  authentication(false, 'TokenReview', 'tokenreviews', createOnly),
  authorization(true, 'LocalSubjectAccessReview', 'localsubjectaccessreviews', createOnly),
  authorization(false, 'SelfSubjectAccessReview', 'selfsubjectaccessreviews', createOnly),
  authorization(false, 'SelfSubjectRulesReview', 'selfsubjectrulesreviews', createOnly),
  authorization(false, 'SubjectAccessReview', 'subjectaccessreviews', createOnly),
  // v2 first: it is the preferred version and the stored form; v1 is a view of it.
  of('autoscaling', 'v2')(true, 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', {
    ...status,
    shortNames: ['hpa'],
    categories: all,
  }),
  of('autoscaling', 'v1')(true, 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', {
    ...status,
    shortNames: ['hpa'],
    categories: all,
  }),
  batch(true, 'CronJob', 'cronjobs', { ...status, shortNames: ['cj'], categories: all }),
  batch(true, 'Job', 'jobs', { ...status, categories: all }),
  of('certificates.k8s.io', 'v1')(false, 'CertificateSigningRequest', 'certificatesigningrequests', {
    ...status,
    shortNames: ['csr'],
  }),
  of('coordination.k8s.io', 'v1')(true, 'Lease', 'leases'),
  of('discovery.k8s.io', 'v1')(true, 'EndpointSlice', 'endpointslices'),
  // A view of core events.
  of('events.k8s.io', 'v1')(true, 'Event', 'events', { shortNames: ['ev'], resource: 'events' }),
  flowcontrol(false, 'FlowSchema', 'flowschemas', status),
  flowcontrol(false, 'PriorityLevelConfiguration', 'prioritylevelconfigurations', status),
  // As metrics-server has them: computed when somebody asks, never stored.
  metrics(false, 'NodeMetrics', 'nodes', { verbs: ['get', 'list'], schema: `${metricsSchemas}.NodeMetrics` }),
  metrics(true, 'PodMetrics', 'pods', { verbs: ['get', 'list'], schema: `${metricsSchemas}.PodMetrics` }),
  networking(false, 'IngressClass', 'ingressclasses'),
  networking(true, 'Ingress', 'ingresses', { ...status, shortNames: ['ing'] }),
  networking(false, 'IPAddress', 'ipaddresses', { shortNames: ['ip'] }),
  networking(true, 'NetworkPolicy', 'networkpolicies', { shortNames: ['netpol'] }),
  networking(false, 'ServiceCIDR', 'servicecidrs', status),
  of('node.k8s.io', 'v1')(false, 'RuntimeClass', 'runtimeclasses'),
  of('policy', 'v1')(true, 'PodDisruptionBudget', 'poddisruptionbudgets', { ...status, shortNames: ['pdb'] }),
  rbac(false, 'ClusterRoleBinding', 'clusterrolebindings'),
  rbac(false, 'ClusterRole', 'clusterroles'),
  rbac(true, 'RoleBinding', 'rolebindings'),
  rbac(true, 'Role', 'roles'),
  devices(false, 'DeviceClass', 'deviceclasses'),
  devices(true, 'ResourceClaim', 'resourceclaims', status),
  devices(true, 'ResourceClaimTemplate', 'resourceclaimtemplates'),
  devices(false, 'ResourceSlice', 'resourceslices'),
  of('scheduling.k8s.io', 'v1')(false, 'PriorityClass', 'priorityclasses', { shortNames: ['pc'] }),
  storage(false, 'CSIDriver', 'csidrivers'),
  storage(false, 'CSINode', 'csinodes'),
  storage(true, 'CSIStorageCapacity', 'csistoragecapacities'),
  storage(false, 'StorageClass', 'storageclasses', { shortNames: ['sc'] }),
  storage(false, 'VolumeAttachment', 'volumeattachments', status),
  storage(false, 'VolumeAttributesClass', 'volumeattributesclasses', { shortNames: ['vac'] }),
];
