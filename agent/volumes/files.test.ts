import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Volume } from '../../core/api/types.gen.ts';
import { ObjectCache } from '../objects.ts';
import type { Payload } from './atomic-writer.ts';
import { writeAtomically } from './atomic-writer.ts';
import { prepareHostPath } from './host-path.ts';
import { unmountBelow } from './mounts.ts';
import { applyFsGroup } from './ownership.ts';
import { payloadOf, usesObject } from './payload.ts';
import { removeTree } from './remove-tree.ts';
import { bindSubPath } from './subpath.ts';
import { diskUsage, overuse } from './usage.ts';

const root = mkdtempSync(join(tmpdir(), 'slipway-volumes-'));
after(() => rmSync(root, { recursive: true, force: true }));
const folder = (name: string): string => {
  const path = join(root, name);
  mkdirSync(path);
  return path;
};
const payload = (files: Record<string, string>): Payload =>
  new Map(Object.entries(files).map(([path, data]) => [path, { data, mode: 0o644 }]));
const nothing = async (): Promise<void> => undefined;

test('files change all at once: the link moves, old files and old names go', async () => {
  const at = folder('atomic');
  assert.equal(await writeAtomically(at, payload({ a: '1', 'deep/b': '2' }), nothing), true);
  const first = readlinkSync(join(at, '..data'));
  assert.equal(readFileSync(join(at, 'deep/b'), 'utf8'), '2');
  assert.equal(readlinkSync(join(at, 'a')), '..data/a');
  assert.equal(await writeAtomically(at, payload({ a: '1', 'deep/b': '2' }), nothing), false);
  assert.equal(await writeAtomically(at, payload({ a: 'new' }), nothing), true);
  assert.notEqual(readlinkSync(join(at, '..data')), first);
  assert.equal(existsSync(join(at, first)), false);
  assert.deepEqual(
    readdirSync(at).filter((n) => !n.startsWith('..')),
    ['a'],
  );
  assert.equal(readFileSync(join(at, 'a'), 'utf8'), 'new');
});

test('a path with dots and doubled slashes is shown by its plain name', async () => {
  const at = folder('plain');
  await writeAtomically(at, payload({ './a': '1', 'deep//b': '2' }), nothing);
  assert.deepEqual([readFileSync(join(at, 'a'), 'utf8'), readFileSync(join(at, 'deep/b'), 'utf8')], ['1', '2']);
  assert.equal(await writeAtomically(at, payload({ './a': '1', 'deep//b': '2' }), nothing), false);
});

test('a write that fails leaves nothing of itself, and the files as they were', async () => {
  const at = folder('failing');
  await writeAtomically(at, payload({ a: '1' }), nothing);
  const before = readdirSync(at);
  const full = (): Promise<void> => Promise.reject(new Error('no space'));
  await assert.rejects(writeAtomically(at, payload({ a: '2' }), full), /no space/);
  assert.deepEqual([readdirSync(at), readFileSync(join(at, 'a'), 'utf8')], [before, '1']);
});

test('names that would leave the volume are refused and nothing is written', async () => {
  const at = folder('refused');
  for (const path of ['../x', '/x', 'a/../../x', '..data', '']) {
    await assert.rejects(writeAtomically(at, payload({ [path]: 'x' }), nothing), /invalid path/);
  }
  assert.deepEqual(readdirSync(at), []);
});

const context = (cache: ObjectCache) => ({
  fields: {
    pod: { metadata: { name: 'p', namespace: 'ns', labels: { a: 'b' } } },
    podIPs: [],
    hostIPs: [],
    allocatable: {},
  },
  sources: cache,
  token: async (projection: { audience?: string }) => `token for ${projection.audience ?? 'the API'}`,
  commonUser: undefined,
  fsGroup: 2000,
});

function cache(): ObjectCache {
  const objects = new ObjectCache();
  const metadata = { namespace: 'ns', resourceVersion: '1' };
  objects.apply({
    full: true,
    node: {},
    configMaps: [{ metadata: { ...metadata, name: 'c' }, data: { k: 'v', l: 'w' }, binaryData: { bin: 'AAE=' } }],
    secrets: [{ metadata: { ...metadata, name: 's' }, data: { pw: Buffer.from('x').toString('base64') } }],
    missing: [],
  });
  return objects;
}

const filesOf = async (volume: Partial<Volume>) => {
  const files = await payloadOf(context(cache()), { name: 'v', ...volume });
  return Object.fromEntries([...files!].map(([path, file]) => [path, [String(file.data), file.mode.toString(8)]]));
};

test('a projected volume gathers config maps, secrets, fields and a token that is the group’s alone', async () => {
  const sources = [
    { configMap: { name: 'c', items: [{ key: 'k', path: 'x/y', mode: 0o400 }] } },
    { secret: { name: 's' } },
    { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    { serviceAccountToken: { path: 'token', audience: 'vault' } },
    { configMap: { name: 'gone', optional: true } },
  ];
  assert.deepEqual(await filesOf({ projected: { sources, defaultMode: 0o640 } }), {
    'x/y': ['v', '400'],
    pw: ['x', '640'],
    labels: ['a="b"', '640'],
    token: ['token for vault', '600'],
  });
});

test('what a volume names and does not exist is told; optional things are left out', async () => {
  await assert.rejects(filesOf({ configMap: { name: 'gone' } }), /configmap "gone" not found/);
  await assert.rejects(
    filesOf({ secret: { secretName: 's', items: [{ key: 'no', path: 'p' }] } }),
    /references non-existent secret key: no/,
  );
  assert.deepEqual(await filesOf({ configMap: { name: 'gone', optional: true } }), {});
  await assert.rejects(
    filesOf({ projected: { sources: [{ clusterTrustBundle: { path: 'p' } }] } }),
    /clusterTrustBundle is not supported/,
  );
});

test('a changed config map is found in the volumes that use it', () => {
  const changed = new Set(['ns/c']);
  assert.equal(usesObject({ name: 'v', configMap: { name: 'c' } }, changed, 'ns'), true);
  assert.equal(usesObject({ name: 'v', projected: { sources: [{ secret: { name: 'c' } }] } }, changed, 'ns'), true);
  assert.equal(usesObject({ name: 'v', configMap: { name: 'c' } }, changed, 'other'), false);
});

test('a sub path never leaves its volume, by dots or by links', async () => {
  const volume = folder('subpath');
  symlinkSync('/etc', join(volume, 'out'));
  mkdirSync(join(volume, 'real'));
  symlinkSync('../../..', join(volume, 'real/up'));
  const target = join(root, 'target');
  for (const path of ['../x', '/etc', 'out', 'out/passwd', 'out/new', 'real/up/etc']) {
    await assert.rejects(
      bindSubPath(volume, path, target, true),
      /not within volume path|must be a relative path/,
      path,
    );
  }
  assert.equal(existsSync('/etc/new'), false);
  assert.equal(existsSync(target), false);
});

test('missing folders of a sub path are made as open as the volume, and a link that leads nowhere is no way to make one', async () => {
  const volume = folder('made');
  chmodSync(volume, 0o777);
  mkdirSync(join(volume, 'here'));
  symlinkSync('here', join(volume, 'inside'));
  symlinkSync(join(root, 'nowhere'), join(volume, 'dangling'));
  // The mount itself needs root: what was made before it is looked at.
  await bindSubPath(volume, 'inside/./a/b', join(root, 'made-target'), true).catch(() => undefined);
  await unmountBelow(join(root, 'made-target')).catch(() => undefined);
  assert.equal(statSync(join(volume, 'here/a/b')).mode & 0o7777, 0o777);
  await assert.rejects(bindSubPath(volume, 'dangling/x', join(root, 'made-target'), true), /link/);
  assert.equal(existsSync(join(root, 'nowhere')), false);
});

test('the group of a volume gets its files and folders, and nothing that its links lead to', async () => {
  const volume = folder('owned');
  const outside = join(folder('outside'), 'file');
  writeFileSync(outside, '', { mode: 0o600 });
  mkdirSync(join(volume, 'deep'), { mode: 0o700 });
  writeFileSync(join(volume, 'deep/file'), '', { mode: 0o600 });
  symlinkSync(outside, join(volume, 'deep/link'));
  symlinkSync(join(root, 'outside'), join(volume, 'folder'));
  await applyFsGroup(volume, process.getgid!(), false);
  const mode = (path: string): string => (statSync(path).mode & 0o7777).toString(8);
  assert.equal(mode(join(volume, 'deep')), '2770');
  assert.equal(mode(join(volume, 'deep/file')), '660');
  assert.equal(mode(outside), '600');
});

test('host paths are checked by their type, and made when that is asked for', async () => {
  const at = folder('host');
  writeFileSync(join(at, 'file'), '');
  const check = (path: string, type: string) => prepareHostPath({ path: join(at, path), type });
  await assert.rejects(check('file', 'Directory'), /file is not a directory/);
  await assert.rejects(check('none', 'File'), /none is not a file/);
  await assert.rejects(check('file', 'Socket'), /is not a socket file/);
  assert.equal(await check('none', ''), join(at, 'none'));
  await check('made/deep', 'DirectoryOrCreate');
  await check('new', 'FileOrCreate');
  assert.equal(statSync(join(at, 'made/deep')).isDirectory() && statSync(join(at, 'new')).isFile(), true);
});

test('an emptyDir over its limit is named, links in it count nothing', async () => {
  const at = folder('pod');
  const volume = join(at, 'volumes/kubernetes.io~empty-dir/cache');
  mkdirSync(volume, { recursive: true });
  symlinkSync('/usr', join(volume, 'usr'));
  const pod = { spec: { containers: [], volumes: [{ name: 'cache', emptyDir: { sizeLimit: '1Mi' } }] } };
  assert.equal(await overuse(pod, at), undefined);
  writeFileSync(join(volume, 'big'), Buffer.alloc(2 * 1024 * 1024));
  chmodSync(join(volume, 'big'), 0o600);
  assert.equal(await overuse(pod, at), 'Usage of EmptyDir volume "cache" exceeds the limit "1Mi". ');
});

test('folders nested deeper than a path can say are measured, and removed', async () => {
  const at = folder('deep');
  const name = 'n'.repeat(200);
  mkdirSync(join(at, name));
  writeFileSync(join(at, name, 'file'), Buffer.alloc(1 << 20, 1));
  for (let depth = 0; depth < 30; depth++) {
    mkdirSync(join(at, 'above'));
    renameSync(join(at, name), join(at, 'above', name));
    renameSync(join(at, 'above'), join(at, name));
  }
  assert.ok((await diskUsage(at)) >= 1 << 20);
  await removeTree(at);
  assert.equal(existsSync(at), false);
});
