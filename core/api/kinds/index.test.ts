import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import schemas from '../schema/schemas-1.36.json' with { type: 'json' };
import { findKind, kindFor, kinds } from './index.ts';

interface Discovered {
  groupVersion: string;
  name: string;
  kind: string;
  namespaced: boolean;
  verbs: string[];
  singularName?: string;
  shortNames?: string[];
  categories?: string[];
}

/** What the discovery of kube-apiserver 1.36 answered (kubectl get --raw /api/v1, /apis/...). */
const golden = JSON.parse(
  readFileSync(new URL('../../../test/golden/kinds/discovery.json', import.meta.url), 'utf8'),
) as Discovered[];

const groupVersionOf = (kind: { group: string; version: string }): string =>
  kind.group ? `${kind.group}/${kind.version}` : kind.version;

test('the table says what discovery of the real API server says', () => {
  // Its own server has them, and no singular names for them.
  const ours = kinds
    .filter(({ group }) => group !== 'metrics.k8s.io')
    .map((kind) => ({
      groupVersion: groupVersionOf(kind),
      name: kind.plural,
      kind: kind.kind,
      namespaced: kind.namespaced,
      verbs: [...kind.verbs].sort(),
      singularName: kind.singular,
      ...(kind.shortNames.length > 0 ? { shortNames: [...kind.shortNames] } : {}),
      ...(kind.categories.length > 0 ? { categories: [...kind.categories] } : {}),
    }));
  const order = (a: { groupVersion: string; name: string }, b: { groupVersion: string; name: string }) =>
    `${a.groupVersion} ${a.name}` < `${b.groupVersion} ${b.name}` ? -1 : 1;
  const real = golden.filter((resource) => !resource.name.includes('/'));
  assert.deepEqual(ours.sort(order), real.sort(order));
});

test('status and scale subresources are those of the real API server', () => {
  const having = (subresource: string) =>
    golden.filter((r) => r.name.endsWith(`/${subresource}`)).map((r) => `${r.groupVersion} ${r.name.split('/')[0]}`);
  const ours = (has: (kind: (typeof kinds)[number]) => boolean) =>
    kinds.filter(has).map((kind) => `${groupVersionOf(kind)} ${kind.plural}`);
  assert.deepEqual(ours((kind) => kind.hasStatus).sort(), having('status').sort());
  assert.deepEqual(ours((kind) => kind.scale !== undefined).sort(), having('scale').sort());
});

test('every kind has a schema', () => {
  for (const kind of kinds) assert.ok(kind.schema in schemas, kind.schema);
});

test('a kind is found by its path and by what an object says of itself', () => {
  assert.equal(findKind('', 'v1', 'pods'), kindFor('v1', 'Pod'));
  assert.equal(findKind('apps', 'v1', 'deployments'), kindFor('apps/v1', 'Deployment'));
  assert.equal(findKind('apps', 'v1beta1', 'deployments'), undefined);
  assert.equal(kindFor('v1', 'Nothing'), undefined);
});

test('versions that are views of one another share their storage', () => {
  assert.equal(findKind('events.k8s.io', 'v1', 'events')?.resource, findKind('', 'v1', 'events')?.resource);
  const versions = ['v1', 'v2'].map(
    (version) => findKind('autoscaling', version, 'horizontalpodautoscalers')?.resource,
  );
  assert.deepEqual(versions, ['horizontalpodautoscalers.autoscaling', 'horizontalpodautoscalers.autoscaling']);
});
