// What kinds refuse, each in its own words: pods, deployments, services, secrets, limits, roles.
import { containerWith, deployment, deployments, map, maps, pod, pods } from '../objects.ts';
import { patch, post, type Scenario, scenario } from '../scenario.ts';

export const validationScenarios: readonly Scenario[] = [
  scenario(
    'deployment-validation',
    post(deployments, deployment({ selector: { matchLabels: { app: 'other' } } })),
    post(deployments, deployment({ selector: {} })),
    post(deployments, { ...deployment(), spec: {} }),
    post(
      deployments,
      deployment({ replicas: -1, minReadySeconds: -2, revisionHistoryLimit: -3, progressDeadlineSeconds: 0 }),
    ),
    post(deployments, deployment({ strategy: { type: 'Sideways' } })),
    post(deployments, deployment({ strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } })),
    post(deployments, deployment({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } })),
    post(deployments, deployment({ strategy: { rollingUpdate: { maxSurge: 'ten', maxUnavailable: '101%' } } })),
  ),
  scenario(
    'pod-validation',
    post(pods, pod('empty', { containers: [] })),
    post(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'no-spec' } }),
    post(pods, pod('a', containerWith({ name: 'Not A Name', image: '' }))),
    post(pods, pod('a', containerWith({ image: ' padded ' }))),
    post(pods, pod('a', containerWith({ imagePullPolicy: 'Sometimes', terminationMessagePolicy: 'Loud' }))),
    post(
      pods,
      pod('a', {
        restartPolicy: 'Maybe',
        dnsPolicy: 'Nope',
        terminationGracePeriodSeconds: -1,
        activeDeadlineSeconds: 0,
      }),
    ),
    post(
      pods,
      pod(
        'a',
        containerWith({
          ports: [
            { containerPort: 0 },
            { containerPort: 70000, protocol: 'ICMP' },
            { containerPort: 80, name: 'TOO-long-port-name-here' },
          ],
        }),
      ),
    ),
    post(
      pods,
      pod(
        'a',
        containerWith({
          env: [{ name: '' }, { name: '1=2', value: 'x', valueFrom: { fieldRef: { fieldPath: 'spec.nothing' } } }],
        }),
      ),
    ),
    post(pods, pod('a', containerWith({ resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }))),
    post(pods, pod('a', containerWith({ resources: { requests: { cpu: 'lots', memory: '-1' } } }))),
    // One wrong key a map: kube-apiserver names several in any order.
    post(pods, pod('a', containerWith({ resources: { limits: { 'example.com/gpu': '1.5' } } }))),
    post(pods, pod('a', containerWith({ resources: { limits: { unknown: '1' } } }))),
    post(
      pods,
      pod(
        'a',
        containerWith({
          volumeMounts: [
            { name: 'missing', mountPath: '/x' },
            { name: 'v', mountPath: '' },
          ],
        }),
      ),
    ),
    post(
      pods,
      pod('a', {
        volumes: [
          { name: 'v', emptyDir: {}, hostPath: { path: '/x' } },
          { name: 'v' },
          { name: 'Bad_Name', configMap: { name: '' } },
        ],
      }),
    ),
    post(pods, pod('a', { volumes: [{ name: 'v', hostPath: { path: '/x/../y', type: 'Odd' } }] })),
    post(
      pods,
      pod(
        'a',
        containerWith({
          livenessProbe: { httpGet: { path: '/', port: 0 }, exec: { command: ['x'] }, periodSeconds: -1 },
        }),
      ),
    ),
    post(pods, pod('a', containerWith({ livenessProbe: {}, lifecycle: { preStop: {} } }))),
    post(
      pods,
      pod(
        'a',
        containerWith({ securityContext: { runAsUser: -1, privileged: true, allowPrivilegeEscalation: false } }),
      ),
    ),
    post(
      pods,
      pod('a', {
        tolerations: [
          { operator: 'Exists', key: 'x', value: 'y' },
          { operator: 'Equal', effect: 'Never' },
        ],
      }),
    ),
    post(pods, pod('a', { nodeSelector: { 'bad key': 'x' }, hostAliases: [{ ip: 'nonsense', hostnames: ['-'] }] })),
    post(
      pods,
      pod('a', {
        affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } },
      }),
    ),
    post(
      pods,
      pod('a', {
        containers: [
          { name: 'x', image: 'i' },
          { name: 'x', image: 'i' },
        ],
        initContainers: [{ name: 'x', image: 'i' }],
      }),
    ),
    post(pods, pod('a', { serviceAccountName: 'none' })),
    post(pods, pod('a', { priorityClassName: 'none' })),
    post(
      pods,
      pod('a', {
        hostNetwork: true,
        containers: [{ name: 'x', image: 'i', ports: [{ containerPort: 80, hostPort: 81 }] }],
      }),
    ),
    post(pods, { ...pod('a'), spec: { containers: 'one' } }),
    post(pods, { ...pod('a'), spec: { containers: [{ name: 5 }] } }),
  ),
  scenario(
    'immutable',
    post(maps, { ...map('fixed', { a: 'b' }), immutable: true }),
    patch('merge', `${maps}/fixed`, { data: { a: 'c' } }),
    patch('merge', `${maps}/fixed`, { immutable: false }),
    post('/api/v1/namespaces/{ns}/secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      data: { a: 'not base64!' },
    }),
    post('/api/v1/namespaces/{ns}/secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      type: 'kubernetes.io/tls',
      data: {},
    }),
    post('/api/v1/namespaces/{ns}/secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      type: 'Opaque',
      data: { a: 'Yg==' },
    }),
    patch('merge', '/api/v1/namespaces/{ns}/secrets/s', { type: 'other' }),
    post('/api/v1/namespaces/{ns}/secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'd' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': 'Yg==' },
    }),
  ),
  scenario(
    'services',
    ...[
      { ports: [] },
      { ports: [{ port: 80 }, { port: 81 }] },
      {
        ports: [
          { port: 80, name: 'a' },
          { port: 80, name: 'b' },
        ],
      },
      { ports: [{ port: 0, nodePort: 5, targetPort: 'x'.repeat(20) }] },
      { type: 'Sideways', ports: [{ port: 80 }] },
      { type: 'ExternalName' },
      { type: 'ExternalName', externalName: 'db.example.com' },
      { clusterIP: 'None', ports: [{ port: 80 }] },
      { clusterIP: '1.2.3.4', ports: [{ port: 80 }] },
      { type: 'NodePort', ports: [{ port: 80 }] },
      { type: 'LoadBalancer', ports: [{ port: 443, protocol: 'TCP' }] },
      { sessionAffinity: 'ClientIP', ports: [{ port: 80 }] },
      { externalTrafficPolicy: 'Local', ports: [{ port: 80 }] },
    ].map((spec, index) =>
      post('/api/v1/namespaces/{ns}/services', {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: `s${index}` },
        spec,
      }),
    ),
    patch('merge', '/api/v1/namespaces/{ns}/services/s7', { spec: { clusterIP: '10.0.0.77' } }),
    patch('merge', '/api/v1/namespaces/{ns}/services/s11', { spec: { type: 'NodePort' } }),
    patch('merge', '/api/v1/namespaces/{ns}/services/s9', { spec: { type: 'ClusterIP' } }),
  ),
  scenario(
    'quota-and-limits',
    post('/api/v1/namespaces/{ns}/limitranges', {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'limits' },
      spec: {
        limits: [
          {
            type: 'Container',
            default: { cpu: '200m' },
            defaultRequest: { cpu: '100m' },
            max: { cpu: '1' },
            min: { cpu: '50m' },
          },
        ],
      },
    }),
    post(pods, pod('defaulted')),
    post(pods, pod('too-big', containerWith({ resources: { limits: { cpu: '2' } } }))),
    post(pods, pod('too-small', containerWith({ resources: { requests: { cpu: '1m' }, limits: { cpu: '1' } } }))),
    post('/api/v1/namespaces/{ns}/limitranges', {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'wrong' },
      spec: {
        limits: [
          { type: 'Container', max: { cpu: '1' }, min: { cpu: '2' } },
          { type: 'Pod', default: { cpu: '1' } },
        ],
      },
    }),
    post('/api/v1/namespaces/{ns}/resourcequotas', {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'bad' },
      spec: { hard: { pods: '1.5' } },
    }),
    post('/api/v1/namespaces/{ns}/resourcequotas', {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'bad' },
      spec: { hard: { nonsense: '1' } },
    }),
  ),
  scenario(
    'rbac-validation',
    post('/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'r' },
      rules: [{ verbs: [] }, { verbs: ['get'], nonResourceURLs: ['/x'] }, { verbs: ['get'], resources: ['pods'] }],
    }),
    post('/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'b' },
      roleRef: { apiGroup: 'x', kind: 'Thing', name: '' },
      subjects: [{ kind: 'User' }, { kind: 'ServiceAccount', name: 'x' }],
    }),
  ),
];
