import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { controlPlaneProgram } from './control-plane-program.ts';
import { run } from './run.ts';

const place = mkdtempSync(join(tmpdir(), 'slipway-programs-'));
after(() => rmSync(place, { recursive: true }));

test('a program is one file, which is kept as long as its sources are what they were', () => {
  const file = controlPlaneProgram(place);
  assert.deepEqual(readdirSync(place).sort(), [basename(file), 'control-plane.json']);
  rmSync(file);
  writeFileSync(file, 'kept');
  assert.equal(controlPlaneProgram(place), file);
  assert.equal(readFileSync(file, 'utf8'), 'kept');
});

test('a source that has changed makes it anew, and the old one is gone', () => {
  const file = controlPlaneProgram(place);
  const stamp = JSON.parse(readFileSync(join(place, 'control-plane.json'), 'utf8'));
  assert.ok('local/control-plane.ts' in stamp.inputs && 'core/apiserver/app.ts' in stamp.inputs);
  const changed = { ...stamp, inputs: { ...stamp.inputs, 'local/control-plane.ts': '1 1' } };
  writeFileSync(join(place, 'control-plane.json'), '');
  assert.equal(controlPlaneProgram(place), file, 'a damaged stamp is made anew');
  const old = join(place, 'control-plane-000000000000.mjs');
  writeFileSync(old, '');
  writeFileSync(join(place, 'control-plane.json'), JSON.stringify({ ...changed, file: basename(old) }));
  assert.equal(controlPlaneProgram(place), file);
  assert.notEqual(readFileSync(file, 'utf8'), 'kept');
  assert.deepEqual(readdirSync(place).sort(), [basename(file), 'control-plane.json']);
});

test('it runs from where it stands, and says what it says as sources', async () => {
  const said = [];
  for (const file of [controlPlaneProgram(), fileURLToPath(new URL('control-plane-main.ts', import.meta.url))]) {
    const { code, stderr } = await run(process.execPath, [file, '/nowhere/config.json']);
    said.push([code, /^.*ENOENT.*nowhere.*$/m.exec(stderr)?.[0]]);
  }
  assert.deepEqual(said[0], said[1]);
  assert.ok(said[0]?.[1], 'it says that there is no such file');
});

test('where nothing can be written the sources are started', () => {
  const file = join(place, 'a-file');
  writeFileSync(file, '');
  assert.match(controlPlaneProgram(join(file, 'below')), /local\/control-plane-main\.ts$/);
});
