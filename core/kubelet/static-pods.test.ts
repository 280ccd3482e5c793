import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { mirrorPodAnnotation } from '../api/pod-references.ts';
import type { Pod } from '../api/types.gen.ts';
import { staticPod } from './static-manifest.ts';
import { endedStaticPod, mirrorOf, planMirrors, planStaticPods } from './static-pods.ts';

const manifest = `
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web}
spec:
  containers:
  - name: c
    image: i:1
    ports: [{containerPort: 80}]
`;
const read = (text: string, file = '/m/web.yaml'): Pod =>
  staticPod(text, { nodeName: 'node-1', file, hash: (of) => hash('sha256', of) });
const node = { name: 'node-1', uid: 'node-uid' };
const uid = (pod: Pod): string => pod.metadata!.uid!;
/** As the API gives a mirror back. */
const stored = (pod: Pod, more: Pod['metadata'] = {}): Pod => {
  const mirror = mirrorOf(pod, node);
  return { ...mirror, metadata: { ...mirror.metadata, uid: `api-${uid(pod)}`, ...more } };
};

test('a manifest becomes a pod of this node, defaulted as by the API', () => {
  const pod = read(manifest);
  const { name, namespace, annotations, labels } = pod.metadata!;
  assert.deepEqual([name, namespace, labels], ['web-node-1', 'default', { app: 'web' }]);
  assert.match(uid(pod), /^[0-9a-f]{32}$/);
  assert.deepEqual(annotations, { 'kubernetes.io/config.hash': uid(pod), 'kubernetes.io/config.source': 'file' });
  const { nodeName, restartPolicy, dnsPolicy, terminationGracePeriodSeconds, tolerations, containers } = pod.spec!;
  assert.deepEqual([nodeName, restartPolicy, dnsPolicy], ['node-1', 'Always', 'ClusterFirst']);
  assert.equal(terminationGracePeriodSeconds, 30);
  assert.deepEqual(tolerations, [{ operator: 'Exists', effect: 'NoExecute' }]);
  assert.equal(containers[0]!.ports?.[0]?.protocol, 'TCP');
  const { status: _, ...json } = read(
    JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'j' }, spec: { containers } }),
  );
  assert.equal(json.metadata?.name, 'j-node-1');
});

test('what a manifest says, and where it stands, is its identity', () => {
  assert.equal(uid(read(manifest)), uid(read(manifest)));
  assert.equal(uid(read(manifest)), uid(read(`# a remark\n${manifest}`)));
  assert.notEqual(uid(read(manifest)), uid(read(manifest.replace('i:1', 'i:2'))));
  assert.notEqual(uid(read(manifest)), uid(read(manifest, '/m/other.yaml')));
  assert.equal(uid(read(manifest.replace('name: web', 'name: web\n  uid: mine'))), 'mine');
});

test('what is no pod, or needs the API, is refused in words', () => {
  const volume = (source: string): string => `${manifest}  volumes: [{name: v, ${source}}]\n`;
  const refused: [string, RegExp][] = [
    ['', /it must be one Pod of apiVersion v1/],
    ['{"apiVersion":"v1","kind":"Pod"', /unexpected end|EOF/],
    [manifest.replace('kind: Pod', 'kind: Service'), /it must be one Pod/],
    [manifest.replace('name: web', 'generateName: web'), /name is needed for the pod/],
    [manifest.replace('containerPort: 80', 'containerPort: many'), /cannot unmarshal|containerPort/],
    [
      manifest.replace('i:1', 'i:1\n    imagePullPolicy: Maybe'),
      /^invalid pod: spec.containers\[0\].imagePullPolicy: Unsupp/,
    ],
    [manifest.replace('spec:', 'spec:\n  serviceAccountName: builder'), /may not reference serviceaccounts$/],
    [volume('secret: {secretName: s}'), /may not reference secrets$/],
    [volume('configMap: {name: s}'), /may not reference configmaps$/],
    [volume('persistentVolumeClaim: {claimName: s}'), /may not reference persistentvolumeclaims$/],
    [volume('csi: {driver: d}'), /may not reference csidrivers \(via CSI volumes\)$/],
    [
      volume('projected: {sources: [{clusterTrustBundle: {name: b, path: p}}]}'),
      /may not reference clustertrustbundles$/,
    ],
  ];
  for (const [text, message] of refused)
    assert.throws(
      () => read(text),
      (error: Error) => message.test(error.message),
      text,
    );
});

test('files that came, changed and went', () => {
  const one = read(manifest);
  const changed = read(manifest.replace('i:1', 'i:2'));
  const twice = read(manifest, '/m/z.yaml');
  assert.deepEqual(planStaticPods([one, twice], []), { start: [one], end: [] }, 'the first of two with one name');
  assert.deepEqual(planStaticPods([one], [one]), { start: [], end: [] });
  assert.deepEqual(planStaticPods([changed], [one]), { start: [], end: [uid(one)] }, 'its successor waits');
  const ending = endedStaticPod(one, '2026-01-01T00:00:00Z');
  assert.equal(ending.metadata?.deletionGracePeriodSeconds, 30);
  assert.deepEqual(planStaticPods([changed], [ending]), { start: [], end: [] });
  assert.deepEqual(planStaticPods([one], [ending]), { start: [], end: [] }, 'put back while it ends');
  assert.deepEqual(planStaticPods([changed], []), { start: [changed], end: [] });
  assert.deepEqual(planStaticPods([], [one]), { start: [], end: [uid(one)] });
});

test('mirrors are made, and made anew when they are not of what runs', () => {
  const pod = read(manifest);
  const mirror = mirrorOf(pod, node);
  assert.equal(mirror.metadata?.uid, undefined);
  assert.equal(mirror.metadata?.annotations?.[mirrorPodAnnotation], uid(pod));
  assert.deepEqual(mirror.metadata?.ownerReferences, [
    { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'node-uid', controller: true },
  ]);
  const plan = (present: Pod[], known: Pod[], nodeUid = 'node-uid') => {
    const { create, remove } = planMirrors(present, known, nodeUid);
    return [create.map(uid), remove.map(uid)];
  };
  const api = stored(pod);
  assert.deepEqual(plan([pod], []), [[uid(pod)], []]);
  assert.deepEqual(plan([pod], [api]), [[], []]);
  assert.deepEqual(plan([pod], [stored(pod, { deletionTimestamp: 'now' })]), [[], [uid(api)]], 'deleted by somebody');
  assert.deepEqual(plan([pod], [stored(read(manifest.replace('i:1', 'i:2')))])[1]!.length, 1, 'of another manifest');
  assert.deepEqual(plan([pod], [api], 'new-uid'), [[], [uid(api)]], 'of a node that was registered anew');
  const ending = endedStaticPod(pod, '2026-01-01T00:00:00Z');
  assert.deepEqual(plan([ending], [api]), [[], []], 'shown until it has ended');
  assert.deepEqual(plan([ending], []), [[], []]);
  assert.deepEqual(plan([], [api]), [[], [uid(api)]]);
});
