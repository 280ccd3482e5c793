// Watches from a known revision: which events a watcher sees of changes that have happened, and how pages of a list go on.
import { get, patch, post, remove, type Scenario, type Step, settle } from '../scenario.ts';

const scenario = (name: string, ...steps: Step[]): Scenario => ({ name, steps });
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
];
