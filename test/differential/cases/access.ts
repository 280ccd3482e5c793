// Who may do what: RBAC, escalation, impersonation, nodes, tokens, certificate requests. Everything that the real one reads
// from its caches is made before a `settle` step.
import { get, patch, post, put, remove, type Scenario, type Step, scenario, settle } from '../scenario.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const reviews = '/apis/authorization.k8s.io/v1';
const group = 'rbac.authorization.k8s.io';

/** The step as another user; node's and service accounts' groups follow from their names where the API does so. */
const as = (user: string, step: Step, more: Record<string, string> = {}): Step => ({
  ...step,
  headers: { 'impersonate-user': user, ...more },
});
const asNode = (name: string, step: Step): Step =>
  as(`system:node:${name}`, step, { 'impersonate-group': 'system:nodes' });

type Rule = Record<string, readonly string[]>;
const role = (name: string, rules: readonly Rule[]) =>
  post(`${rbac}/namespaces/{ns}/roles`, { apiVersion: `${group}/v1`, kind: 'Role', metadata: { name }, rules });
const clusterRole = (name: string, rules: readonly Rule[], more: Record<string, unknown> = {}) =>
  post(`${rbac}/clusterroles`, { apiVersion: `${group}/v1`, kind: 'ClusterRole', metadata: { name }, rules, ...more });
const bind = (name: string, kind: string, to: string, ...subjects: Record<string, string>[]) =>
  post(`${rbac}/namespaces/{ns}/rolebindings`, {
    apiVersion: `${group}/v1`,
    kind: 'RoleBinding',
    metadata: { name },
    roleRef: { apiGroup: group, kind, name: to },
    subjects,
  });
const bindAll = (name: string, to: string, ...subjects: Record<string, string>[]) =>
  post(`${rbac}/clusterrolebindings`, {
    apiVersion: `${group}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: to },
    subjects,
  });
const user = (name: string) => ({ kind: 'User', apiGroup: group, name });
const groupOf = (name: string) => ({ kind: 'Group', apiGroup: group, name });

const ask = (spec: Record<string, unknown>): Step =>
  post(`${reviews}/subjectaccessreviews`, { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec });
const may = (who: string, verb: string, resource: string, more: Record<string, string> = {}): Step =>
  ask({ user: who, resourceAttributes: { verb, resource, namespace: '{ns}', ...more } });
const mayPath = (who: string, verb: string, path: string): Step =>
  ask({ user: who, groups: ['system:authenticated'], nonResourceAttributes: { verb, path } });
const whoAmI = post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'SelfSubjectReview',
});
const review = (token: string) =>
  post('/apis/authentication.k8s.io/v1/tokenreviews', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token },
  });

const pods = '/api/v1/namespaces/{ns}/pods';
const pod = (name: string, spec: Record<string, unknown> = {}, meta: Record<string, unknown> = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...meta },
  spec: { containers: [{ name: 'main', image: 'example/app:1' }], ...spec },
});
const node = (name: string, meta: Record<string, unknown> = {}, spec: Record<string, unknown> = {}) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, ...meta },
  spec,
});
const token = (account: string, spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}) =>
  post(`/api/v1/namespaces/{ns}/serviceaccounts/${account}/token`, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata,
    spec,
  });

const requests = {
  masters:
    'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIak1JR0tBZ0VBTUNneEZ6QVZCZ05WQkFvTURuTjVjM1JsYlRwdFlYTjBaWEp6TVEwd0N3WURWUVFEREFSbApkbWxzTUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemowREFRY0RRZ0FFeFNGaHB4NDlVS1p6bERyYitnL0I5bW1oCnFuNll4eWZtTXV2b0lleXo2MXpBQ2Rpck1zYTlQb1FGd2JBNUpJR1FGd2c2N0w2bTkzWlFLWk4wUnZoKzFxQUEKTUFvR0NDcUdTTTQ5QkFNQ0EwZ0FNRVVDSVFEcjVWV2trd2dWUjFIeGRpSzZxVzhUVFM2alpDQ1MzQkJXeEpDbApXRGhrbXdJZ1oxZmc2YWlKeStmWWtYK2ErN2xwaGVqVlVBWVg3UmZHUDIvaUJRQXBRZk09Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=',
  node: 'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIeU1JR1pBZ0VBTURjeEZUQVRCZ05WQkFvTURITjVjM1JsYlRwdWIyUmxjekVlTUJ3R0ExVUVBd3dWYzNsegpkR1Z0T201dlpHVTZZV05qWlhOekxXNHhNRmt3RXdZSEtvWkl6ajBDQVFZSUtvWkl6ajBEQVFjRFFnQUVnWTBMClE1SDlRd2w4c21YWVY5VVRSUFFiU3dyZG1RVlp0b2V3VEprWVJHR0d0ZTBiMXczbkRZRWlOOElIU1BoZ0h4RkEKa3dDYVdmSXdBWjlVdW4zcDVLQUFNQW9HQ0NxR1NNNDlCQU1DQTBnQU1FVUNJSDVjSWM5eU1aVHZRa1pDWFA3UAp4aWcrVWhCQjBRdy80OHNqanFPRFhIWVBBaUVBL0F3L0ZXNHpqSjBrbXhNN21kVkpQS0F5c2c1aWZ1aXhlNVd6CjZpK0o5Ujg9Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=',
  alice:
    'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWk1JR0JBZ0VBTUI4eERUQUxCZ05WQkFvTUJHUmxkbk14RGpBTUJnTlZCQU1NQldGc2FXTmxNRmt3RXdZSApLb1pJemowQ0FRWUlLb1pJemowREFRY0RRZ0FFd3VzWFY4RTI3ZWc3SC9weFVPc25VdCtyMHZMQlhsbFJFRTJVCkpERUkyRS9DejRkeHdCdjFqRzFnMFV1Ui9jK2NEV0lQSkdrS3VvQVNndllFalhsR0ZhQUFNQW9HQ0NxR1NNNDkKQkFNQ0EwY0FNRVFDSUN5dm1jTTJrS1JyT3NYMUtEd0p1L0IzTWx3VWU2RGxJckhVbEo1RU1mSTZBaUE3Z2U5Ywp4MGVTQW5va2lVZmNxUEg3clUxYklsbnhQWWo0dnJlNTlCWlN3Zz09Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=',
} as const;
const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const csr = (name: string, request: keyof typeof requests, signerName: string, usages: readonly string[]) => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name },
  spec: { request: requests[request], signerName, usages },
});
const condition = (type: string) => ({
  status: { conditions: [{ type, status: 'True', reason: 'Test', message: 'by the test' }] },
});

export const accessScenarios: readonly Scenario[] = [
  scenario(
    'access-rbac',
    role('reader', [
      { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods', 'pods/log'] },
      { verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['one', 'two'] },
    ]),
    clusterRole('access-scaler', [
      { verbs: ['update', 'patch'], apiGroups: ['*'], resources: ['*/scale'] },
      { verbs: ['*'], apiGroups: ['batch'], resources: ['*'] },
      { verbs: ['get'], nonResourceURLs: ['/metrics', '/debug/*'] },
    ]),
    bind('read', 'Role', 'reader', user('access-ann'), { kind: 'ServiceAccount', name: 'robot', namespace: '{ns}' }),
    bind('scale', 'ClusterRole', 'access-scaler', groupOf('access-team')),
    bind('ghost', 'Role', 'nowhere', user('access-gus')),
    bindAll('access-scale-all', 'access-scaler', user('access-bob')),
    settle,
    may('access-ann', 'get', 'pods'),
    may('access-ann', 'watch', 'pods'),
    may('access-ann', 'get', 'pods', { subresource: 'log' }),
    may('access-ann', 'get', 'pods', { subresource: 'exec' }),
    may('access-ann', 'get', 'secrets', { name: 'one' }),
    may('access-ann', 'get', 'secrets', { name: 'three' }),
    may('access-ann', 'get', 'secrets'),
    may('access-ann', 'get', 'pods', { namespace: 'elsewhere' }),
    may('access-ann', 'get', 'pods', { group: 'metrics.k8s.io' }),
    may('system:serviceaccount:{ns}:robot', 'list', 'pods'),
    may('system:serviceaccount:other:robot', 'list', 'pods'),
    may('access-gus', 'list', 'pods'),
    may('access-bob', 'update', 'deployments', { group: 'apps', subresource: 'scale' }),
    may('access-bob', 'update', 'deployments', { group: 'apps' }),
    may('access-bob', 'delete', 'jobs', { group: 'batch', namespace: '' }),
    may('access-bob', 'impersonate', 'users', { name: 'x', namespace: '' }),
    ask({
      user: 'x',
      groups: ['access-team'],
      resourceAttributes: { verb: 'create', resource: 'jobs', group: 'batch', namespace: '{ns}' },
    }),
    mayPath('access-bob', 'get', '/metrics'),
    mayPath('access-bob', 'get', '/metrics/cadvisor'),
    mayPath('access-bob', 'get', '/debug/pprof'),
    mayPath('access-bob', 'post', '/debug/pprof'),
    ask({ user: 'x', groups: ['system:unauthenticated'], nonResourceAttributes: { verb: 'get', path: '/healthz' } }),
    mayPath('access-ann', 'get', '/openapi/v3'),
    ask({ user: 'access-zed', nonResourceAttributes: { verb: 'get', path: '/version' } }),
    ask({
      user: 'x',
      resourceAttributes: { verb: 'get', resource: 'pods' },
      nonResourceAttributes: { path: '/x', verb: 'get' },
    }),
    as('access-ann', get(`${pods}/none`)),
    as('access-ann', get('/api/v1/pods')),
    as('access-ann', get(`${pods}?watch=true&timeoutSeconds=1`)),
    as('access-ann', get(`${pods}/x/exec`)),
    as('access-ann', post(pods, pod('x'))),
    as('access-ann', remove(pods)),
    as('access-ann', get('/apis/apps/v1/namespaces/{ns}/deployments')),
    as('access-ann', get('/api/v1/nodes')),
    as('access-ann', post('/api/v1/namespaces', { metadata: { name: 'x' } })),
    as('access-ann', get('/metrics')),
    as('access-ann', get('/api/v1/namespaces/{ns}/secrets/one')),
    as('access-gus', get(pods)),
    as('access-<b>', get(pods)),
    as(
      'access-ann',
      post(`${reviews}/selfsubjectaccessreviews`, {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { verb: 'get', resource: 'pods', namespace: '{ns}' } },
      }),
    ),
  ),
  scenario(
    'access-escalation',
    clusterRole('access-editor', [
      { verbs: ['create', 'update', 'patch', 'get'], apiGroups: [group], resources: ['roles', 'rolebindings'] },
      { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] },
    ]),
    clusterRole('access-binder', [
      { verbs: ['create'], apiGroups: [group], resources: ['rolebindings', 'clusterrolebindings', 'clusterroles'] },
      { verbs: ['bind'], apiGroups: [group], resources: ['clusterroles'], resourceNames: ['access-editor'] },
    ]),
    bind('editor', 'ClusterRole', 'access-editor', user('access-eve')),
    bindAll('access-binder-all', 'access-binder', user('access-ben')),
    settle,
    as('access-eve', role('mine', [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }])),
    as('access-eve', role('more', [{ verbs: ['get', 'delete'], apiGroups: [''], resources: ['pods', 'secrets'] }])),
    as(
      'access-eve',
      role('named', [{ verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['a'] }]),
    ),
    as('access-eve', role('all', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }])),
    as(
      'access-eve',
      patch('merge', `${rbac}/namespaces/{ns}/roles/mine`, {
        rules: [{ verbs: ['delete'], apiGroups: [''], resources: ['pods'] }],
      }),
    ),
    as('access-eve', patch('merge', `${rbac}/namespaces/{ns}/roles/mine`, { metadata: { labels: { a: 'b' } } })),
    as('access-eve', bind('self', 'ClusterRole', 'cluster-admin', user('access-eve'))),
    as('access-eve', bind('none', 'ClusterRole', 'access-none', user('access-eve'))),
    as('access-eve', bind('none', 'Role', 'access-none', user('access-eve'))),
    as('access-eve', bind('fine', 'Role', 'mine', user('access-eve'))),
    as('access-ben', bind('bound', 'ClusterRole', 'access-editor', user('access-ben'))),
    as('access-ben', bindAll('access-bound', 'access-editor', user('access-ben'))),
    as('access-ben', bindAll('access-bound', 'cluster-admin', user('access-ben'))),
    as(
      'access-ben',
      clusterRole('access-agg', [], { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] } }),
    ),
  ),
  scenario(
    'access-impersonation',
    clusterRole('access-actor', [
      { verbs: ['impersonate'], apiGroups: [''], resources: ['users'], resourceNames: ['access-jane'] },
      { verbs: ['impersonate'], apiGroups: [''], resources: ['groups'], resourceNames: ['access-devs'] },
    ]),
    bindAll('access-actor', 'access-actor', user('access-actor')),
    settle,
    as('access-jane', whoAmI),
    as('access-jane', whoAmI, { 'impersonate-group': 'access-devs', 'impersonate-uid': 'abc' }),
    as('access-jane', whoAmI, { 'impersonate-extra-scopes': 'view', 'impersonate-extra-acme.com%2fproject': 'p1' }),
    as('system:serviceaccount:{ns}:robot', whoAmI),
    as('system:serviceaccount:{ns}:robot', whoAmI, { 'impersonate-group': 'access-devs' }),
    as('system:anonymous', whoAmI),
    { ...whoAmI, headers: { 'impersonate-group': 'access-devs' } },
    { ...whoAmI, headers: { 'impersonate-uid': 'abc' } },
    as('access-jane', get('/api/v1/nodes')),
    as('system:anonymous', get('/api/v1/nodes')),
    as('system:anonymous', get('/livez')),
  ),
  scenario(
    'access-tokens',
    post('/api/v1/namespaces/{ns}/serviceaccounts', { metadata: { name: 'robot' } }),
    post('/api/v1/namespaces/{ns}/secrets', { metadata: { name: 'bound' } }),
    post(pods, pod('one')),
    settle,
    token('robot'),
    token('robot', { audiences: ['vault'], expirationSeconds: 7200 }),
    token('robot', { expirationSeconds: 599 }),
    token('robot', { expirationSeconds: 4294967297 }),
    token('none'),
    token('robot', { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'one' } }),
    token('default', { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'one' } }),
    token('default', { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'one', uid: 'wrong' } }),
    token('default', { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'none' } }),
    token('robot', { boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 'bound' } }),
    token('robot', { boundObjectRef: { kind: 'Deployment', apiVersion: 'apps/v1', name: 'x' } }),
    token('robot', {}, { name: 'other' }),
    token('robot', {}, { namespace: 'other' }),
    get('/api/v1/namespaces/{ns}/serviceaccounts/robot/token'),
    review('a.b.c'),
    review(''),
  ),
  scenario(
    'access-nodes',
    post('/api/v1/nodes', node('access-n1', { labels: { 'kubernetes.io/hostname': 'access-n1' } })),
    post('/api/v1/nodes', node('access-n2')),
    post('/api/v1/namespaces/{ns}/secrets', { metadata: { name: 'mine' } }),
    post('/api/v1/namespaces/{ns}/secrets', { metadata: { name: 'theirs' } }),
    post('/api/v1/namespaces/{ns}/configmaps', { metadata: { name: 'mine' } }),
    post(
      pods,
      pod('on-n1', {
        nodeName: 'access-n1',
        volumes: [
          { name: 's', secret: { secretName: 'mine' } },
          { name: 'c', configMap: { name: 'mine' } },
        ],
      }),
    ),
    post(pods, pod('on-n2', { nodeName: 'access-n2' })),
    settle,
    asNode('access-n1', get('/api/v1/namespaces/{ns}/secrets/mine')),
    asNode('access-n1', get('/api/v1/namespaces/{ns}/secrets/theirs')),
    asNode('access-n2', get('/api/v1/namespaces/{ns}/secrets/mine')),
    asNode('access-n1', get('/api/v1/namespaces/{ns}/secrets')),
    asNode('access-n1', get('/api/v1/secrets')),
    asNode('access-n1', get('/api/v1/namespaces/{ns}/configmaps/mine')),
    asNode('access-n1', post('/api/v1/namespaces/{ns}/configmaps', { metadata: { name: 'x' } })),
    asNode('access-n1', get('/api/v1/nodes')),
    asNode('access-n1', get('/api/v1/nodes/access-n2')),
    asNode('access-n1', get(pods)),
    asNode('access-n1', get(`${pods}/on-n2`)),
    asNode('access-n1', get(`${pods}?fieldSelector=spec.nodeName%3Daccess-n2`)),
    asNode('access-n1', remove(`${pods}/on-n2`)),
    asNode('access-n1', patch('merge', `${pods}/on-n2/status`, { status: { message: 'x' } })),
    asNode('access-n1', patch('merge', `${pods}/on-n1/status`, { metadata: { labels: { a: 'b' } } })),
    asNode('access-n1', patch('merge', `${pods}/on-n1`, { metadata: { labels: { a: 'b' } } })),
    asNode('access-n1', post(pods, pod('mirror', { nodeName: 'access-n1' }))),
    asNode(
      'access-n1',
      post(pods, pod('mirror', { nodeName: 'access-n2' }, { annotations: { 'kubernetes.io/config.mirror': 'x' } })),
    ),
    asNode(
      'access-n1',
      post(pods, pod('mirror', { nodeName: 'access-n1' }, { annotations: { 'kubernetes.io/config.mirror': 'x' } })),
    ),
    asNode('access-n1', patch('merge', '/api/v1/nodes/access-n2', { metadata: { annotations: { a: 'b' } } })),
    asNode(
      'access-n1',
      patch('merge', '/api/v1/nodes/access-n1', { metadata: { labels: { 'node-restriction.kubernetes.io/x': 'y' } } }),
    ),
    asNode(
      'access-n1',
      patch('merge', '/api/v1/nodes/access-n1', {
        metadata: { labels: { 'other.k8s.io/x': 'y', 'kubernetes.io/role': 'y' } },
      }),
    ),
    asNode('access-n1', patch('merge', '/api/v1/nodes/access-n1', { spec: { taints: [] } })),
    asNode('access-n1', patch('merge', '/api/v1/nodes/access-n1/status', { status: { phase: 'Running' } })),
    asNode('access-n1', remove('/api/v1/nodes/access-n1')),
    asNode(
      'access-n3',
      post('/api/v1/nodes', node('access-n3', { labels: { 'node-restriction.kubernetes.io/x': 'y' } })),
    ),
    asNode('access-n3', post('/api/v1/nodes', node('access-n4'))),
    asNode('access-n1', token('default')),
    asNode('access-n1', token('none')),
    asNode('access-n1', token('default', { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'on-n1' } })),
    asNode(
      'access-n1',
      token('default', { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'on-n2', uid: 'x' } }),
    ),
    asNode(
      'access-n1',
      post('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases', {
        metadata: { name: 'access-n2', namespace: 'kube-node-lease' },
        spec: { holderIdentity: 'access-n1', leaseDurationSeconds: 40 },
      }),
    ),
    asNode('access-n1', get('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/access-n2')),
    asNode('access-n1', get('/apis/coordination.k8s.io/v1/namespaces/{ns}/leases/access-n1')),
    asNode('access-n1', get('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases')),
    asNode('access-n1', get('/apis/apps/v1/namespaces/{ns}/deployments')),
    asNode(
      'access-n1',
      post(
        csrs,
        csr('access-node-other', 'alice', 'kubernetes.io/kube-apiserver-client-kubelet', [
          'client auth',
          'digital signature',
        ]),
      ),
    ),
    asNode(
      'access-n1',
      post(
        csrs,
        csr('access-node', 'node', 'kubernetes.io/kube-apiserver-client-kubelet', ['client auth', 'digital signature']),
      ),
    ),
  ),
  scenario(
    'access-certificates',
    clusterRole('access-approver', [
      {
        verbs: ['get', 'update', 'patch'],
        apiGroups: ['certificates.k8s.io'],
        resources: [
          'certificatesigningrequests',
          'certificatesigningrequests/approval',
          'certificatesigningrequests/status',
        ],
      },
    ]),
    bindAll('access-approver', 'access-approver', user('access-ap')),
    settle,
    post(csrs, csr('access-masters', 'masters', 'kubernetes.io/kube-apiserver-client', ['client auth'])),
    post(
      csrs,
      csr('access-alice', 'alice', 'kubernetes.io/kube-apiserver-client', ['client auth', 'digital signature']),
    ),
    as('access-ap', patch('merge', `${csrs}/access-alice/approval`, condition('Approved'))),
    as('access-ap', patch('merge', `${csrs}/access-alice/status`, { status: { certificate: 'eA==' } })),
    patch('merge', `${csrs}/access-alice/approval`, condition('Approved')),
    patch('merge', `${csrs}/access-alice/approval`, condition('Denied')),
    patch('merge', `${csrs}/access-alice/status`, condition('Failed')),
    get(`${csrs}/access-alice/approval`),
    put(
      `${csrs}/access-none/approval`,
      csr('access-none', 'alice', 'kubernetes.io/kube-apiserver-client', ['client auth']),
    ),
    remove(`${csrs}/access-alice`),
  ),
];
