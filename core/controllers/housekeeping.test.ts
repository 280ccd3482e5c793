// The small controllers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from '../../test/golden-file.ts';
import type { KubeObject } from '../api/objects.ts';
import type { CoreV1Event } from '../api/types.gen.ts';
import { resources } from '../client/resources.ts';
import { decideApproval, type ObservedApproval, type StoredRequest } from './certificates/approve.ts';
import { decideSigning } from './certificates/sign.ts';
import { clusterRoleAggregationController } from './cluster-role-aggregation.ts';
import type { Action } from './controller.ts';
import { decideEventExpiry } from './event-expiry.ts';
import { at, makePod, nowMs } from './fixture/objects.ts';
import { decidePodGarbage } from './pod-gc.ts';
import { decideQuota, type ObservedQuota } from './resource-quota.ts';
import { rootCaController } from './root-ca.ts';
import { serviceAccountController } from './service-account.ts';
import { claimProtectionController, decideProtection } from './storage-protection.ts';

const deleted = (actions: Action[]): string[] =>
  actions.flatMap((action) => (action.do === 'delete' ? [action.key.name] : []));

test('a namespace without its default service account gets one', () => {
  const { decide } = serviceAccountController;
  assertGolden('controllers/service-account', decide({ namespace: 'n', exists: false }, nowMs));
  assert.deepEqual(decide({ namespace: 'n', exists: true }, nowMs), []);
});

test('the root CA is published, and set right when somebody changed it', () => {
  const { decide } = rootCaController('PEM');
  assertGolden('controllers/root-ca', decide({ namespace: 'n', bundle: 'PEM', standing: undefined }, nowMs));
  const standing = (data: Record<string, string>) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'x' },
    data,
  });
  assert.deepEqual(decide({ namespace: 'n', bundle: 'PEM', standing: standing({ 'ca.crt': 'PEM' }) }, nowMs), []);
  assert.equal(decide({ namespace: 'n', bundle: 'PEM', standing: standing({ 'ca.crt': 'OLD' }) }, nowMs).length, 1);
  assert.equal(
    decide({ namespace: 'n', bundle: 'PEM', standing: standing({ 'ca.crt': 'PEM', x: 'y' }) }, nowMs).length,
    1,
  );
});

test('pods that nobody ends are ended: of lost nodes as failed, unscheduled ones at once', () => {
  const observed = {
    orphans: [makePod('orphan', { node: 'gone' }), makePod('finished', { node: 'gone', phase: 'Succeeded' })],
    unscheduled: [makePod('unscheduled', { deleting: true, phase: 'Pending' })],
    outOfService: [],
    finished: [],
    waits: true,
  };
  assertGolden('controllers/pod-garbage', decidePodGarbage(observed, nowMs));
});

test('of too many finished pods the oldest go', () => {
  const finished = Array.from({ length: 12_502 }, (_, i) => makePod(`p${i}`, { phase: 'Failed', age: i }));
  const observed = { orphans: [], unscheduled: [], outOfService: [], finished, waits: false };
  assert.deepEqual(deleted(decidePodGarbage(observed, nowMs)), ['p12501', 'p12500']);
});

test('events go an hour after they were last said', () => {
  const event = (name: string, more: Partial<CoreV1Event>): CoreV1Event => ({
    metadata: { name, namespace: 'default', creationTimestamp: at(-9_000) },
    involvedObject: {},
    ...more,
  });
  const events = [
    event('old', { lastTimestamp: at(-3_600) }),
    event('repeated', { firstTimestamp: at(-9_000), lastTimestamp: at(-3_599) }),
    event('series', { eventTime: at(-9_000), series: { count: 2, lastObservedTime: at(-10) } }),
    event('bare', {}),
  ];
  assert.deepEqual(deleted(decideEventExpiry({ events }, nowMs)), ['old', 'bare']);
});

function makeRequest(more: Partial<StoredRequest> = {}): StoredRequest {
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'csr', uid: 'uid-csr', resourceVersion: '2', creationTimestamp: at(-10) },
    spec: {
      request: '',
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature', 'client auth'],
      username: 'system:bootstrap:abcdef',
    },
    ...more,
  };
}
const subject = {
  commonName: 'system:node:n1',
  organizations: ['system:nodes'],
  dnsNames: [],
  addresses: [],
  emails: [],
  uris: [],
};

test('a joining node gets its certificate approved if it may have one', () => {
  const observed: ObservedApproval = {
    request: makeRequest(),
    subject,
    allowed: { nodeClient: true, selfNodeClient: false },
    node: undefined,
  };
  assertGolden('controllers/certificate-approval', decideApproval(observed, nowMs));
  const refused = { ...observed, allowed: { nodeClient: false, selfNodeClient: true } };
  assert.deepEqual(decideApproval(refused, nowMs), []);
  assert.deepEqual(
    decideApproval({ ...observed, subject: { ...subject, organizations: ['system:masters'] } }, nowMs),
    [],
  );
  const own = makeRequest();
  own.spec.username = 'system:node:n1';
  assert.equal(decideApproval({ ...refused, request: own }, nowMs).length, 1);
});

test('a signed certificate is handed out, an objection is told, old requests go', () => {
  assertGolden('controllers/certificate-signed', decideSigning({ request: makeRequest(), certificate: 'PEM' }, nowMs));
  assertGolden(
    'controllers/certificate-refused',
    decideSigning({ request: makeRequest(), objection: 'not so' }, nowMs),
  );
  const age = (seconds: number, status = {}): StoredRequest =>
    makeRequest({ metadata: { name: 'csr', uid: 'u', creationTimestamp: at(-seconds) }, status });
  assert.deepEqual(deleted(decideSigning({ request: age(24 * 3600) }, nowMs)), ['csr']);
  assert.deepEqual(decideSigning({ request: age(3_000, { certificate: 'x' }) }, nowMs), [
    { do: 'requeue', afterMs: 600_000 },
  ]);
  assert.deepEqual(deleted(decideSigning({ request: age(3_600, { certificate: 'x' }) }, nowMs)), ['csr']);
});

test('an aggregated role holds the rules of those that it selects', () => {
  const rule = (resource: string) => ({ apiGroups: [''], resources: [resource], verbs: ['get'] });
  const role = (name: string, more: object): KubeObject => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name, uid: name },
    ...more,
  });
  const sum = role('sum', { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: 'yes' } }] } });
  const part = role('part', { metadata: { name: 'part', labels: { part: 'yes' } }, rules: [rule('pods')] });
  type Observed = Parameters<typeof clusterRoleAggregationController.decide>[0];
  const observed = { role: sum, all: [sum, part] } as unknown as Observed;
  const [action] = clusterRoleAggregationController.decide(observed, nowMs);
  assert.deepEqual(action?.do === 'update' && action.object['rules'], [rule('pods')]);
});

test('a quota counts what is there; what admission has just counted is not taken back at once', () => {
  const quota = (used: Record<string, string>): ObservedQuota['quota'] => ({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'q', namespace: 'default', uid: 'uid-q', resourceVersion: '3' },
    spec: { hard: { pods: '5', 'requests.cpu': '2' } },
    status: { hard: { pods: '5', 'requests.cpu': '2' }, used },
  });
  const container = { name: 'c', image: 'v1', resources: { requests: { cpu: '300m' } } };
  const pods = [makePod('a', { spec: { containers: [container] } }), makePod('b', { phase: 'Failed' })];
  const observed = (used: Record<string, string>, unchangedMs = 0): ObservedQuota => ({
    quota: quota(used),
    objects: { pods: pods as unknown as KubeObject[] },
    unchangedMs,
  });
  assertGolden('controllers/resource-quota', decideQuota(observed({}), nowMs));
  assert.deepEqual(decideQuota(observed({ pods: '1', 'requests.cpu': '300m' }), nowMs), []);
  assert.deepEqual(decideQuota(observed({ pods: '3', 'requests.cpu': '900m' }), nowMs), [
    { do: 'requeue', afterMs: 1_000 },
  ]);
  assert.equal(decideQuota(observed({ pods: '3', 'requests.cpu': '900m' }, 1_000), nowMs)[0]?.do, 'update');
});

test('a deleted claim goes once no pod on a node uses it', async () => {
  const finalizer = 'kubernetes.io/pvc-protection';
  const claim: KubeObject = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: 'data',
      namespace: 'default',
      uid: 'c',
      resourceVersion: '3',
      deletionTimestamp: at(0),
      finalizers: [finalizer, 'x'],
    },
  };
  const of = resources.persistentVolumeClaims;
  const [action] = decideProtection({ of, object: claim, finalizer, inUse: false });
  assert.deepEqual(action?.do === 'patch' && action.patch, {
    metadata: { resourceVersion: '3', uid: 'c', finalizers: ['x'] },
  });
  assert.deepEqual(decideProtection({ of, object: claim, finalizer, inUse: true }), []);
  const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }];
  const inUse = async (pods: unknown[]): Promise<boolean | undefined> => {
    const cache = { get: () => claim, list: () => [] } as never;
    const client = { list: async () => ({ items: pods }) } as never;
    return (await claimProtectionController.observe({ namespace: 'default', name: 'data' }, cache, client))?.inUse;
  };
  assert.equal(await inUse([makePod('p', { node: 'n', spec: { volumes } })]), true);
  assert.equal(await inUse([makePod('p', { spec: { volumes } }), makePod('q', { node: 'n' })]), false);
});
