// Admission: what is added to objects, and what is refused, in whose words.
import { patch, post, put, remove, type Scenario, type Step, scenario, settle } from '../scenario.ts';

const pods = '/api/v1/namespaces/{ns}/pods';
const main = { name: 'main', image: 'example/app:1' };
const pod = (name: string, spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...metadata },
  spec: { containers: [main], ...spec },
});
const withResources = (resources: Record<string, unknown>) => ({ containers: [{ ...main, resources }] });
const secure = (securityContext: Record<string, unknown>, spec: Record<string, unknown> = {}) => ({
  containers: [{ ...main, securityContext }],
  ...spec,
});
const priorityClasses = '/apis/scheduling.k8s.io/v1/priorityclasses';
const labelNamespace = (labels: Record<string, string>) =>
  patch('merge', '/api/v1/namespaces/{ns}', { metadata: { labels } });
const level = (mode: string, value: string): Record<string, string> => ({
  [`pod-security.kubernetes.io/${mode}`]: value,
});
const quotas = '/api/v1/namespaces/{ns}/resourcequotas';
const quota = (name: string, hard: Record<string, string>, spec: Record<string, unknown> = {}): Step =>
  post(quotas, { metadata: { name }, spec: { hard, ...spec } });
/** What the quota controller would write. */
const counted = (name: string, hard: Record<string, string>, used: Record<string, string>): Step =>
  patch('merge', `${quotas}/${name}/status`, { status: { hard, used } });
const maps = '/api/v1/namespaces/{ns}/configmaps';
const service = (name: string, type: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { type, ports: [{ port: 80 }], selector: { a: 'b' } },
});

export const admissionScenarios: readonly Scenario[] = [
  scenario(
    'admission-service-accounts',
    post('/api/v1/namespaces/{ns}/serviceaccounts', {
      metadata: { name: 'quiet' },
      automountServiceAccountToken: false,
      imagePullSecrets: [{ name: 'pull' }],
    }),
    settle,
    post(pods, pod('default')),
    post(pods, pod('quiet', { serviceAccountName: 'quiet' })),
    post(
      pods,
      pod('loud', {
        serviceAccountName: 'quiet',
        automountServiceAccountToken: true,
        imagePullSecrets: [{ name: 'own' }],
      }),
    ),
    post(pods, pod('none', { serviceAccountName: 'none' })),
    post(
      pods,
      pod('mounted', {
        initContainers: [{ name: 'first', image: 'a' }],
        containers: [
          { ...main, volumeMounts: [{ name: 'own', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }] },
        ],
        volumes: [{ name: 'own', emptyDir: {} }],
      }),
    ),
    post(pods, pod('mirror', { serviceAccountName: 'quiet' }, { annotations: { 'kubernetes.io/config.mirror': 'x' } })),
    post(
      pods,
      pod(
        'mirror',
        { volumes: [{ name: 's', secret: { secretName: 'x' } }] },
        { annotations: { 'kubernetes.io/config.mirror': 'x' } },
      ),
    ),
    post(pods, {
      ...pod('generated'),
      metadata: { generateName: 'generated-' },
      spec: { serviceAccountName: 'none', containers: [main] },
    }),
  ),
  scenario(
    'admission-priority',
    post(priorityClasses, { metadata: { name: 'diff-high' }, value: 1000, description: 'x' }),
    post(priorityClasses, { metadata: { name: 'diff-polite' }, value: 500, preemptionPolicy: 'Never' }),
    post(priorityClasses, { metadata: { name: 'system-mine' }, value: 1 }),
    post(priorityClasses, { metadata: { name: 'diff-too-high' }, value: 2000000000 }),
    settle,
    post(pods, pod('high', { priorityClassName: 'diff-high' })),
    post(pods, pod('polite', { priorityClassName: 'diff-polite' })),
    post(pods, pod('none', { priorityClassName: 'diff-none' })),
    post(pods, pod('critical', { priorityClassName: 'system-node-critical' })),
    post(pods, pod('forged', { priority: 7 })),
    post(pods, pod('agreed', { priorityClassName: 'diff-high', priority: 1000 })),
    post(pods, pod('pushy', { priorityClassName: 'diff-polite', preemptionPolicy: 'PreemptLowerPriority' })),
    patch('merge', `${priorityClasses}/diff-high`, { value: 5 }),
    post(priorityClasses, { metadata: { name: 'diff-default' }, value: 10, globalDefault: true }),
    settle,
    post(priorityClasses, { metadata: { name: 'diff-default-2' }, value: 10, globalDefault: true }),
    patch('merge', `${priorityClasses}/diff-high`, { globalDefault: true }),
    post(pods, pod('usual')),
    remove(`${priorityClasses}/diff-default`),
    settle,
  ),
  scenario(
    'admission-tolerations',
    post(
      pods,
      pod('own', { tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' }] }),
    ),
    post(pods, pod('any', { tolerations: [{ operator: 'Exists' }] })),
    post(
      pods,
      pod('other', {
        tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoSchedule' }],
      }),
    ),
    post('/api/v1/nodes', {
      metadata: { name: 'admission-n1' },
      spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] },
    }),
  ),
  scenario(
    'admission-limits',
    post('/api/v1/namespaces/{ns}/limitranges', {
      metadata: { name: 'limits' },
      spec: {
        limits: [
          {
            type: 'Container',
            min: { cpu: '100m' },
            max: { cpu: '2', memory: '1Gi' },
            default: { cpu: '500m', memory: '256Mi' },
            defaultRequest: { cpu: '200m' },
            maxLimitRequestRatio: { cpu: '4' },
          },
          { type: 'Pod', max: { cpu: '3' } },
          { type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '10Gi' } },
        ],
      },
    }),
    settle,
    post(pods, pod('defaulted')),
    post(
      pods,
      pod('both', {
        initContainers: [{ name: 'first', image: 'a' }],
        containers: [main, { name: 'second', image: 'b', resources: { limits: { cpu: '1' } } }],
      }),
    ),
    post(pods, pod('small', withResources({ requests: { cpu: '50m' }, limits: { cpu: '100m' } }))),
    post(pods, pod('large', withResources({ requests: { cpu: '1' }, limits: { cpu: '4' } }))),
    post(pods, pod('ratio', withResources({ requests: { cpu: '100m' }, limits: { cpu: '1' } }))),
    post(
      pods,
      pod('sum', {
        containers: [1, 2].map((n) => ({
          name: `c${n}`,
          image: 'a',
          resources: { requests: { cpu: '1' }, limits: { cpu: '2' } },
        })),
      }),
    ),
    ...['500Mi', '5Gi', '11Gi'].map((storage) =>
      post('/api/v1/namespaces/{ns}/persistentvolumeclaims', {
        metadata: { name: `c-${storage.toLowerCase()}` },
        spec: { accessModes: ['ReadWriteOnce'], storageClassName: '', resources: { requests: { storage } } },
      }),
    ),
  ),
  scenario(
    'admission-quota',
    quota('compute', { 'requests.cpu': '1', 'limits.memory': '1Gi', pods: '3' }),
    quota('objects', {
      'count/configmaps': '2',
      services: '2',
      'services.nodeports': '1',
      'count/deployments.apps': '1',
    }),
    quota('best', { pods: '1' }, { scopes: ['BestEffort'] }),
    settle,
    post(maps, { metadata: { name: 'uncounted' } }),
    counted(
      'compute',
      { 'requests.cpu': '1', 'limits.memory': '1Gi', pods: '3' },
      { 'requests.cpu': '0', 'limits.memory': '0', pods: '0' },
    ),
    counted(
      'objects',
      { 'count/configmaps': '2', services: '2', 'services.nodeports': '1', 'count/deployments.apps': '1' },
      { 'count/configmaps': '1', services: '0', 'services.nodeports': '0' },
    ),
    counted('best', { pods: '1' }, { pods: '0' }),
    settle,
    post(pods, pod('unset')),
    post(
      pods,
      pod('partly', {
        ...withResources({ requests: { cpu: '100m' } }),
        initContainers: [{ name: 'first', image: 'a' }],
      }),
    ),
    post(pods, pod('fits', withResources({ requests: { cpu: '600m' }, limits: { memory: '512Mi' } }))),
    settle,
    post(pods, pod('exceeds', withResources({ requests: { cpu: '600m' }, limits: { memory: '512Mi' } }))),
    post(pods, pod('exceeds-both', withResources({ requests: { cpu: '600m' }, limits: { memory: '2Gi' } }))),
    post(`${pods}?dryRun=All`, pod('dry', withResources({ requests: { cpu: '600m' }, limits: { memory: '1Mi' } }))),
    post(maps, { metadata: { name: 'second' } }),
    settle,
    post(maps, { metadata: { name: 'third' } }),
    post('/api/v1/namespaces/{ns}/services', service('a', 'NodePort')),
    settle,
    post('/api/v1/namespaces/{ns}/services', service('b', 'NodePort')),
    post('/apis/apps/v1/namespaces/{ns}/deployments', {
      metadata: { name: 'web' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [main] } },
      },
    }),
  ),
  scenario(
    'admission-runtime-classes',
    post('/apis/node.k8s.io/v1/runtimeclasses', {
      metadata: { name: 'diff-gvisor' },
      handler: 'runsc',
      overhead: { podFixed: { cpu: '250m', memory: '64Mi' } },
      scheduling: {
        nodeSelector: { runtime: 'gvisor' },
        tolerations: [{ key: 'gvisor', operator: 'Exists', effect: 'NoSchedule' }],
      },
    }),
    settle,
    post(pods, pod('with', { runtimeClassName: 'diff-gvisor' })),
    post(
      pods,
      pod('merged', {
        runtimeClassName: 'diff-gvisor',
        nodeSelector: { disk: 'ssd' },
        tolerations: [{ key: 'own', operator: 'Exists' }],
      }),
    ),
    post(pods, pod('conflict', { runtimeClassName: 'diff-gvisor', nodeSelector: { runtime: 'other' } })),
    post(pods, pod('overhead', { runtimeClassName: 'diff-gvisor', overhead: { cpu: '1' } })),
    post(pods, pod('alone', { overhead: { cpu: '1' } })),
    post(pods, pod('none', { runtimeClassName: 'diff-none' })),
  ),
  scenario(
    'admission-storage',
    post('/apis/storage.k8s.io/v1/storageclasses', {
      metadata: { name: 'diff-fast', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: 'example.com/fast',
      allowVolumeExpansion: true,
    }),
    post('/apis/networking.k8s.io/v1/ingressclasses', {
      metadata: { name: 'diff-web', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
      spec: { controller: 'example.com/web' },
    }),
    settle,
    post('/api/v1/namespaces/{ns}/persistentvolumeclaims', {
      metadata: { name: 'claim' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    }),
    patch('merge', '/api/v1/namespaces/{ns}/persistentvolumeclaims/claim', {
      spec: { resources: { requests: { storage: '2Gi' } } },
    }),
    post('/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses', {
      metadata: { name: 'web' },
      spec: { defaultBackend: { service: { name: 'a', port: { number: 80 } } } },
    }),
    remove('/apis/storage.k8s.io/v1/storageclasses/diff-fast'),
    remove('/apis/networking.k8s.io/v1/ingressclasses/diff-web'),
    settle,
  ),
  scenario(
    'admission-pod-security',
    labelNamespace(level('enforce', 'nonsense')),
    labelNamespace({ ...level('enforce', 'baseline'), ...level('warn', 'restricted') }),
    settle,
    post(pods, pod('plain')),
    post(pods, pod('privileged', secure({ privileged: true, capabilities: { add: ['NET_ADMIN', 'SYS_TIME'] } }))),
    post(
      pods,
      pod('host', {
        hostNetwork: true,
        hostPID: true,
        containers: [{ ...main, ports: [{ containerPort: 80, hostPort: 80 }] }],
        volumes: [{ name: 'root', hostPath: { path: '/' } }],
      }),
    ),
    post(
      pods,
      pod(
        'options',
        secure(
          {
            seLinuxOptions: { type: 'bad_t', user: 'u' },
            procMount: 'Unmasked',
            seccompProfile: { type: 'Unconfined' },
          },
          {
            hostUsers: false,
            securityContext: {
              sysctls: [{ name: 'kernel.msgmax', value: '1' }],
              seccompProfile: { type: 'Unconfined' },
            },
          },
        ),
      ),
    ),
    post(pods, pod('apparmor', secure({ appArmorProfile: { type: 'Unconfined' } }))),
    post(
      pods,
      pod('probes', { containers: [{ ...main, livenessProbe: { httpGet: { port: 80, host: 'example.com' } } }] }),
    ),
    post('/apis/apps/v1/namespaces/{ns}/deployments', {
      metadata: { name: 'web' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: secure({ runAsUser: 0, runAsNonRoot: false }) },
      },
    }),
    labelNamespace(level('enforce', 'restricted')),
    settle,
    post(pods, pod('plain-2')),
    post(
      pods,
      pod(
        'hard',
        secure(
          {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'], add: ['CHOWN'] },
            runAsNonRoot: true,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          {
            volumes: [
              { name: 'nfs', nfs: { server: 'a', path: '/' } },
              { name: 'ok', emptyDir: {} },
            ],
          },
        ),
      ),
    ),
    post(
      pods,
      pod(
        'fine',
        secure(
          { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          { securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } },
        ),
      ),
    ),
  ),
  scenario(
    'admission-namespaces',
    post('/api/v1/namespaces', { metadata: { name: '{ns}-end' } }),
    post('/api/v1/namespaces/{ns}-end/configmaps', { metadata: { name: 'before' } }),
    remove('/api/v1/namespaces/{ns}-end'),
    settle,
    post('/api/v1/namespaces/{ns}-end/configmaps', { metadata: { name: 'after' } }),
    put('/api/v1/namespaces/{ns}-end/configmaps/before', { metadata: { name: 'before' }, data: { a: 'b' } }),
    remove('/api/v1/namespaces/{ns}-end/configmaps/before'),
    post('/api/v1/namespaces/{ns}-none/pods', pod('x')),
    remove('/api/v1/namespaces/default'),
    remove('/api/v1/namespaces/kube-public'),
  ),
];
