// Every kind walks the same path: create, again, read, select, change, collide, delete, gone.
import { get, patch, post, put, remove, type Scenario } from '../scenario.ts';

interface Sample {
  /** Path of the collection; `{ns}` where namespaced. */
  path: string;
  apiVersion: string;
  kind: string;
  /** All but apiVersion, kind and metadata. */
  fields?: Record<string, unknown>;
}

const container = { name: 'main', image: 'example/app:1' };
const labels = { app: 'sample' };
const template = { metadata: { labels }, spec: { containers: [container] } };
const workload = { selector: { matchLabels: labels }, template };
const rule = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
const core = (plural: string, kind: string, fields?: Record<string, unknown>): Sample => ({
  path: `/api/v1/namespaces/{ns}/${plural}`,
  apiVersion: 'v1',
  kind,
  ...(fields ? { fields } : {}),
});
const cluster = (group: string, plural: string, kind: string, fields?: Record<string, unknown>): Sample => ({
  path: group === 'v1' ? `/api/v1/${plural}` : `/apis/${group}/${plural}`,
  apiVersion: group,
  kind,
  ...(fields ? { fields } : {}),
});
const grouped = (group: string, plural: string, kind: string, fields?: Record<string, unknown>): Sample => ({
  path: `/apis/${group}/namespaces/{ns}/${plural}`,
  apiVersion: group,
  kind,
  ...(fields ? { fields } : {}),
});

export const samples: readonly Sample[] = [
  core('pods', 'Pod', { spec: { containers: [container] } }),
  core('configmaps', 'ConfigMap', { data: { key: 'value' } }),
  core('secrets', 'Secret', { stringData: { key: 'value' } }),
  core('services', 'Service', { spec: { selector: labels, ports: [{ port: 80 }] } }),
  core('serviceaccounts', 'ServiceAccount'),
  core('endpoints', 'Endpoints', { subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ port: 80 }] }] }),
  core('persistentvolumeclaims', 'PersistentVolumeClaim', {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  }),
  core('replicationcontrollers', 'ReplicationController', { spec: { selector: labels, template } }),
  core('podtemplates', 'PodTemplate', { template }),
  core('limitranges', 'LimitRange', { spec: { limits: [{ type: 'Container', default: { cpu: '100m' } }] } }),
  core('resourcequotas', 'ResourceQuota', { spec: { hard: { pods: '10' } } }),
  core('events', 'Event', {
    involvedObject: { kind: 'Pod', name: 'x', namespace: '{ns}' },
    reason: 'Tested',
    message: 'a test',
    type: 'Normal',
  }),
  grouped('apps/v1', 'deployments', 'Deployment', { spec: workload }),
  grouped('apps/v1', 'replicasets', 'ReplicaSet', { spec: workload }),
  grouped('apps/v1', 'daemonsets', 'DaemonSet', { spec: workload }),
  grouped('apps/v1', 'statefulsets', 'StatefulSet', { spec: { ...workload, serviceName: 'sample' } }),
  grouped('apps/v1', 'controllerrevisions', 'ControllerRevision', { revision: 1, data: { any: 'thing' } }),
  grouped('batch/v1', 'jobs', 'Job', {
    spec: { template: { spec: { containers: [container], restartPolicy: 'Never' } } },
  }),
  grouped('batch/v1', 'cronjobs', 'CronJob', {
    spec: {
      schedule: '*/5 * * * *',
      jobTemplate: { spec: { template: { spec: { containers: [container], restartPolicy: 'OnFailure' } } } },
    },
  }),
  grouped('autoscaling/v2', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler', {
    spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } },
  }),
  grouped('autoscaling/v1', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler', {
    spec: {
      maxReplicas: 3,
      targetCPUUtilizationPercentage: 50,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    },
  }),
  grouped('policy/v1', 'poddisruptionbudgets', 'PodDisruptionBudget', {
    spec: { minAvailable: 1, selector: { matchLabels: labels } },
  }),
  grouped('networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy', { spec: { podSelector: {} } }),
  grouped('networking.k8s.io/v1', 'ingresses', 'Ingress', {
    spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
  }),
  grouped('discovery.k8s.io/v1', 'endpointslices', 'EndpointSlice', {
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.2.3'] }],
    ports: [{ port: 80 }],
  }),
  grouped('coordination.k8s.io/v1', 'leases', 'Lease', { spec: { holderIdentity: 'me', leaseDurationSeconds: 30 } }),
  grouped('rbac.authorization.k8s.io/v1', 'roles', 'Role', { rules: [rule] }),
  grouped('rbac.authorization.k8s.io/v1', 'rolebindings', 'RoleBinding', {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'sample' },
    subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: '{ns}' }],
  }),
  grouped('storage.k8s.io/v1', 'csistoragecapacities', 'CSIStorageCapacity', {
    storageClassName: 'fast',
    capacity: '1Gi',
  }),
  grouped('events.k8s.io/v1', 'events', 'Event', {
    eventTime: '2026-01-02T03:04:05.000000Z',
    reportingController: 'example.com/test',
    reportingInstance: 'test-1',
    action: 'Testing',
    reason: 'Tested',
    type: 'Normal',
    regarding: { kind: 'Pod', name: 'x', namespace: '{ns}' },
  }),
  grouped('resource.k8s.io/v1', 'resourceclaims', 'ResourceClaim', {
    spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'gpu' } }] } },
  }),
  grouped('resource.k8s.io/v1', 'resourceclaimtemplates', 'ResourceClaimTemplate', {
    spec: { spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'gpu' } }] } } },
  }),
  cluster('rbac.authorization.k8s.io/v1', 'clusterroles', 'ClusterRole', { rules: [rule] }),
  cluster('rbac.authorization.k8s.io/v1', 'clusterrolebindings', 'ClusterRoleBinding', {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'jane' }],
  }),
  cluster('v1', 'persistentvolumes', 'PersistentVolume', {
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/data' } },
  }),
  cluster('v1', 'nodes', 'Node'),
  cluster('storage.k8s.io/v1', 'storageclasses', 'StorageClass', { provisioner: 'example.com/disk' }),
  cluster('storage.k8s.io/v1', 'csidrivers', 'CSIDriver', { spec: {} }),
  cluster('storage.k8s.io/v1', 'csinodes', 'CSINode', { spec: { drivers: [] } }),
  cluster('storage.k8s.io/v1', 'volumeattachments', 'VolumeAttachment', {
    spec: { attacher: 'example.com', nodeName: 'n', source: { persistentVolumeName: 'pv' } },
  }),
  cluster('storage.k8s.io/v1', 'volumeattributesclasses', 'VolumeAttributesClass', {
    driverName: 'example.com',
    parameters: { a: 'b' },
  }),
  cluster('scheduling.k8s.io/v1', 'priorityclasses', 'PriorityClass', { value: 10 }),
  cluster('node.k8s.io/v1', 'runtimeclasses', 'RuntimeClass', { handler: 'runc' }),
  cluster('networking.k8s.io/v1', 'ingressclasses', 'IngressClass', { spec: { controller: 'example.com/ingress' } }),
  cluster('admissionregistration.k8s.io/v1', 'validatingwebhookconfigurations', 'ValidatingWebhookConfiguration', {
    webhooks: [
      {
        name: 'check.example.com',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        clientConfig: { url: 'https://hook.example.com/' },
        rules: [{ apiGroups: ['example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['things'] }],
      },
    ],
  }),
  cluster('certificates.k8s.io/v1', 'certificatesigningrequests', 'CertificateSigningRequest', {
    spec: { request: 'bm90IGEgcmVxdWVzdA==', signerName: 'example.com/signer', usages: ['client auth'] },
  }),
  cluster('resource.k8s.io/v1', 'deviceclasses', 'DeviceClass', { spec: {} }),
  cluster('flowcontrol.apiserver.k8s.io/v1', 'prioritylevelconfigurations', 'PriorityLevelConfiguration', {
    spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } },
  }),
  cluster('flowcontrol.apiserver.k8s.io/v1', 'flowschemas', 'FlowSchema', {
    spec: { priorityLevelConfiguration: { name: 'global-default' } },
  }),
];

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const metadataOnly = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';

export const kindScenarios: readonly Scenario[] = samples.map((sample) => {
  const name = '{ns}-one';
  const body = (metadata: Record<string, unknown>) => ({
    apiVersion: sample.apiVersion,
    kind: sample.kind,
    metadata,
    ...sample.fields,
  });
  const one = `${sample.path}/${name}`;
  return {
    name: `${sample.kind.toLowerCase()}-${sample.apiVersion.replace('/', '-')}`,
    steps: [
      post(sample.path, body({ name, labels: { tier: 'test' } })),
      post(sample.path, body({ name })),
      get(one),
      get(one, table),
      get(one, metadataOnly),
      get(`${sample.path}?labelSelector=tier%3Dtest&fieldSelector=metadata.name%3D{ns}-one`),
      get(`${sample.path}?labelSelector=tier%3Dnone`),
      patch('merge', one, { metadata: { annotations: { note: 'first' } } }),
      patch('json', one, [{ op: 'add', path: '/metadata/labels/extra', value: 'yes' }]),
      patch('strategic', one, { metadata: { labels: { tier: null } } }),
      put(one, body({ name, resourceVersion: '{rv:0}', labels: { stale: 'true' } })),
      put(one, body({ name: 'another' })),
      post(`${sample.path}?dryRun=All`, body({ generateName: 'generated-' })),
      post(`${sample.path}?fieldValidation=Strict`, { ...body({ name: '{ns}-two' }), unknownField: 1 }),
      post(`${sample.path}?fieldValidation=Warn&dryRun=All`, { ...body({ name: '{ns}-two' }), unknownField: 1 }),
      post(sample.path, body({ name: 'Not_A_Name' })),
      remove(one, { preconditions: { uid: '00000000-0000-0000-0000-000000000000' } }),
      remove(one),
      get(one),
      remove(one),
      put(`${sample.path}/{ns}-absent?dryRun=All`, body({ name: '{ns}-absent' })),
    ],
  };
});
