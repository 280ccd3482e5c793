// Watches from a known revision: which events a watcher sees of changes that have happened, and how pages of a list go on.
import { get, patch, post, put, remove, type Scenario, type Step, scenario, settle } from '../scenario.ts';

const maps = '/api/v1/namespaces/{ns}/configmaps';
const pods = '/api/v1/namespaces/{ns}/pods';
const map = (name: string, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels },
  data: {},
});
const pod = (name: string, spec: Record<string, unknown> = {}) => ({
  metadata: { name },
  spec: { containers: [{ name: 'main', image: 'example/app:1' }], ...spec },
});
/** What has happened since step `from`; the watch ends by itself. */
const since = (from: number, query = '', path = maps, accept?: string): Step =>
  get(`${path}?watch=true&timeoutSeconds=1&resourceVersion={rv:${from}}${query}`, accept);

const oldMaps = '/api/v1/watch/namespaces/{ns}/configmaps';
/** By the old paths, since step `from` where one is given. */
const old = (path: string, query = '', from?: number): Step =>
  get(`${path}?timeoutSeconds=1${from === undefined ? '' : `&resourceVersion={rv:${from}}`}${query}`);
const asAnn = (step: Step): Step => ({ ...step, headers: { 'impersonate-user': 'watch-ann' } });
const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}';
const mayWatchA: readonly Step[] = [
  post(`${rbac}/roles`, {
    metadata: { name: 'watch-a' },
    rules: [{ verbs: ['watch'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['a'] }],
  }),
  post(`${rbac}/rolebindings`, {
    metadata: { name: 'watch-a' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'watch-a' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'watch-ann' }],
  }),
];

export const watchingScenarios: readonly Scenario[] = [
  scenario(
    'watch-events',
    post(maps, map('a', { tier: 'web' })),
    patch('merge', `${maps}/a`, { data: { k: '1' } }),
    patch('merge', `${maps}/a`, { metadata: { labels: { tier: 'db' } } }),
    patch('merge', `${maps}/a`, { metadata: { labels: { tier: 'web' } } }),
    post(maps, map('b', { tier: 'db' })),
    remove(`${maps}/b`),
    patch('merge', `${maps}/a`, { metadata: { labels: { tier: null }, finalizers: ['example.com/x'] } }),
    remove(`${maps}/a`),
    patch('merge', `${maps}/a`, { metadata: { finalizers: null } }),
    since(0),
    since(0, '&labelSelector=tier%3Dweb'),
    since(0, '&labelSelector=tier%3Ddb'),
    since(0, '&fieldSelector=metadata.name%3Da'),
    since(0, '&labelSelector=tier', maps, 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io'),
    since(4, '', maps, 'application/json;as=Table;v=v1;g=meta.k8s.io'),
    since(0, '', `${maps}/a`),
    post(pods, pod('p', { nodeName: 'n1' })),
    patch('merge', `${pods}/p/status`, { status: { phase: 'Running' } }),
    patch('merge', `${pods}/p/status`, { status: { phase: 'Failed' } }),
    since(16, '&fieldSelector=status.phase%3DRunning', pods),
    since(16, '&fieldSelector=spec.nodeName%3Dn1,status.phase!%3DRunning', pods),
    get(`${maps}?watch=true&timeoutSeconds=1&resourceVersion=1`),
  ),
  scenario(
    'list-pages',
    ...['a', 'b', 'c', 'd', 'e'].map((name) => post(maps, map(name, { odd: 'ace'.includes(name) ? 'yes' : 'no' }))),
    settle,
    get(`${maps}?limit=2`),
    get(`${maps}?limit=2&continue={continue:5}`),
    remove(`${maps}/d`),
    post(maps, map('cc')),
    get(`${maps}?limit=2&continue={continue:5}`),
    get(`${maps}?continue={continue:5}`),
    get(`${maps}?limit=2&continue={continue:5}&resourceVersion=5`),
    get(`${maps}?limit=2&continue={continue:5}&resourceVersionMatch=Exact&resourceVersion=5`),
    get(`${maps}?limit=1&labelSelector=odd%3Dyes`),
    get(`${maps}?limit=5&labelSelector=odd%3Dyes&continue={continue:12}`),
    get(`${maps}?resourceVersion={rv:4}&resourceVersionMatch=Exact`),
    get(`${maps}?resourceVersion={rv:4}&resourceVersionMatch=Exact&limit=4`),
    get(`${maps}?resourceVersion={rv:4}&resourceVersionMatch=NotOlderThan`),
    get(`${maps}?resourceVersion={rv:4}&limit=4`),
  ),
  scenario(
    'watch-paths',
    post(maps, map('a', { tier: 'web' })),
    post(maps, map('b', { tier: 'db' })),
    patch('merge', `${maps}/a`, { data: { k: '1' } }),
    post('/apis/coordination.k8s.io/v1/namespaces/{ns}/leases', { metadata: { name: 'l' }, spec: {} }),
    settle,
    old(oldMaps, '', 0),
    old('/api/v1/watch/configmaps', '&fieldSelector=metadata.namespace%3D{ns}', 0),
    old(`${oldMaps}/a`),
    old(`${oldMaps}/a`, '&labelSelector=tier%3Ddb', 0),
    old(`${oldMaps}/a`, '&fieldSelector=metadata.name%3Da', 0),
    old(`${oldMaps}/a`, '&fieldSelector=metadata.name%3Db', 0),
    old(`${oldMaps}/a`, '&fieldSelector=metadata.namespace%3D{ns}', 0),
    old(`${oldMaps}/a`, '&fieldSelector=spec.nodeName%3Dn1', 0),
    old('/api/v1/watch/namespaces/{ns}'),
    old('/apis/coordination.k8s.io/v1/watch/namespaces/{ns}/leases/l'),
    old('/api/v1/watch/namespaces/{ns}/endpoints'),
    // It is a watch whatever the option says, which only decides how the others are read.
    old(oldMaps, '&watch=false', 0),
    old(oldMaps, '&resourceVersionMatch=Exact', 0),
    old(oldMaps, '&resourceVersionMatch=Exact&watch=true', 0),
    old(oldMaps, '&sendInitialEvents=true&resourceVersionMatch=NotOlderThan', 0),
    get(`${oldMaps}?timeoutSeconds=soon`),
    get(`${maps}?watch=False&fieldSelector=metadata.name%3Da`),
    get(`${oldMaps}/b?timeoutSeconds=1`, 'application/json;as=Table;v=v1;g=meta.k8s.io'),
    // What nobody serves, and what nobody serves so.
    get('/api/v1/watch'),
    get('/api/v1/watch/nothing'),
    get('/apis/nothing.example.com/v1/watch/things'),
    get('/api/v1/watch/configmaps/a'),
    get('/api/v1/watch/namespaces/{ns}/status'),
    get('/api/v1/watch/namespaces/{ns}/pods/p/status'),
    get('/api/v1/watch/namespaces/{ns}/pods/p/log'),
    get('/api/v1/watch/namespaces/{ns}/pods/p/proxy/x'),
    get('/api/v1/watch/namespaces/{ns}/bindings'),
    get('/api/v1/watch/namespaces/{ns}/nodes/n'),
    post('/api/v1/watch/nodes/n/proxy', {}),
    post(oldMaps, map('c')),
    post('/api/v1/watch/configmaps/a', map('a')),
    put(`${oldMaps}/a`, map('a')),
    patch('merge', `${oldMaps}/a`, { data: { k: '2' } }),
    remove(oldMaps),
    remove(`${oldMaps}/a`),
    // Rights are asked for as for any watch; a name counts when the path says it, not when a selector does.
    ...mayWatchA,
    settle,
    asAnn(old(`${oldMaps}/a`)),
    asAnn(old(`${oldMaps}/b`)),
    asAnn(old(oldMaps, '&fieldSelector=metadata.name%3Da')),
    asAnn(old('/api/v1/watch/configmaps', '&fieldSelector=metadata.name%3Da')),
    asAnn(post(oldMaps, map('c'))),
    asAnn(remove(`${oldMaps}/a`)),
    asAnn(remove(`${oldMaps}/b`)),
    get(`${maps}/a`),
  ),
];
