import assert from 'node:assert/strict';
import { test } from 'node:test';
import protobuf from 'protobufjs/minimal.js';
import { kinds } from '../kinds/index.ts';
import { openapiV2 } from './v2.ts';
import { openapiV2Protobuf } from './v2-protobuf.ts';
import { openapiV3Document, openapiV3Index } from './v3.ts';

type Any = Record<string, never>;

function* references(value: unknown): Generator<string> {
  if (value === null || typeof value !== 'object') return;
  for (const [field, inner] of Object.entries(value)) {
    if (field === '$ref') yield inner as string;
    else yield* references(inner);
  }
}

test('the index names a document for every group and version, and each is there', () => {
  const { paths } = openapiV3Index(kinds) as { paths: Record<string, { serverRelativeURL: string }> };
  assert.match(paths['apis/apps/v1']!.serverRelativeURL, /^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{16}$/);
  for (const name of Object.keys(paths)) assert.ok(openapiV3Document(kinds, name), name);
  assert.equal(openapiV3Document(kinds, 'apis/apps/v9'), undefined);
});

test('a document holds every schema that it refers to', () => {
  const document = openapiV3Document(kinds, 'apis/apps/v1') as unknown as { components: { schemas: Any } };
  for (const ref of references(document))
    assert.ok(ref.slice('#/components/schemas/'.length) in document.components.schemas, ref);
  const all = openapiV2(kinds) as unknown as { definitions: Any };
  for (const ref of references(all)) assert.ok(ref.slice('#/definitions/'.length) in all.definitions, ref);
});

test('kubectl finds a kind by group, version and kind, and the parameters that it may send', () => {
  const document = openapiV3Document(kinds, 'apis/apps/v1') as unknown as {
    paths: Record<
      string,
      Record<string, { parameters: { name: string }[]; 'x-kubernetes-group-version-kind': unknown }>
    >;
    components: { schemas: Record<string, Record<string, unknown>> };
  };
  const gvk = { group: 'apps', kind: 'Deployment', version: 'v1' };
  const patch = document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']!['patch']!;
  assert.deepEqual(patch['x-kubernetes-group-version-kind'], gvk);
  const names = patch.parameters.map(({ name }) => name);
  for (const name of ['dryRun', 'fieldValidation']) assert.ok(names.includes(name));
  assert.deepEqual(document.components.schemas['io.k8s.api.apps.v1.Deployment']!['x-kubernetes-group-version-kind'], [
    gvk,
  ]);
});

test('no two operations of a document have one id', () => {
  const ids = [...JSON.stringify(openapiV2(kinds)).matchAll(/"operationId":"([^"]+)"/g)].map((match) => match[1]);
  assert.equal(new Set(ids).size, ids.length);
});

test('the protobuf form holds what the JSON form holds: every path and definition by its name', () => {
  const document = openapiV2(kinds);
  const reader = protobuf.Reader.create(openapiV2Protobuf(document));
  const found: Record<number, string[]> = { 8: [], 9: [] };
  while (reader.pos < reader.len) {
    const head = reader.uint32();
    const names = found[head >>> 3];
    if (!names) {
      reader.skipType(head & 7);
      continue;
    }
    const end = reader.uint32() + reader.pos;
    while (reader.pos < end) {
      reader.uint32();
      const entryEnd = reader.uint32() + reader.pos;
      reader.uint32();
      names.push(reader.string());
      reader.pos = entryEnd;
    }
  }
  assert.deepEqual(found[8], Object.keys(document['paths'] as object));
  assert.deepEqual(found[9], Object.keys(document['definitions'] as object));
});
