import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ManifestFiles } from './manifest-files.ts';

const manifest = (name: string, image = 'i:1'): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {containers: [{name: c, image: "${image}"}]}\n`;

async function started(t: TestContext, path: (folder: string) => string) {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-static-'));
  const told: string[] = [];
  const warnings: string[] = [];
  const files = new ManifestFiles({
    path: path(folder),
    nodeName: 'n',
    changed: (pods) => void told.push(pods.map((p) => `${p.metadata?.name} ${p.spec?.containers[0]?.image}`).join()),
    log: (_level, _event, fields) => void warnings.push(JSON.stringify(fields)),
  });
  t.after(() => {
    files.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const until = async (wanted: string): Promise<void> => {
    for (let i = 0; i < 3000 && told.at(-1) !== wanted; i++) await sleep(10);
    assert.equal(told.at(-1), wanted);
  };
  return { folder, files, told, warnings, until };
}

test('a folder is read, and read again when it changes', async (t) => {
  const { folder, files, told, warnings, until } = await started(t, (f) => f);
  writeFileSync(join(folder, 'b.yaml'), manifest('b'));
  writeFileSync(
    join(folder, 'a.json'),
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a' },
      spec: { containers: [{ name: 'c', image: 'i:1' }] },
    }),
  );
  writeFileSync(join(folder, '.hidden.yaml'), manifest('hidden'));
  mkdirSync(join(folder, 'deeper'));
  writeFileSync(join(folder, 'deeper', 'c.yaml'), manifest('c'));
  await files.start();
  assert.deepEqual(told, ['a-n i:1,b-n i:1']);
  writeFileSync(join(folder, 'b.yaml'), manifest('b', 'i:2'));
  await until('a-n i:1,b-n i:2');
  rmSync(join(folder, 'a.json'));
  await until('b-n i:2');
  assert.deepEqual(warnings, []);
  writeFileSync(join(folder, 'b.yaml'), 'apiVersion: v1\nkind: Po');
  for (let i = 0; i < 3000 && warnings.length === 0; i++) await sleep(10);
  assert.match(warnings[0]!, /b\.yaml.*it must be one Pod/);
  await until('b-n i:2'); // half written, it leaves what was
  writeFileSync(join(folder, 'new'), manifest('d'));
  renameSync(join(folder, 'new'), join(folder, 'b.yaml'));
  await until('d-n i:1');
});

test('a path may be one file, and may come later', async (t) => {
  const { folder, files, told, until } = await started(t, (f) => join(f, 'pod.yaml'));
  await files.start();
  assert.deepEqual(told, ['']);
  writeFileSync(join(folder, 'pod.yaml'), manifest('one'));
  await files.reread();
  await until('one-n i:1');
});
