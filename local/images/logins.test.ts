import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { leftLogins } from './logins.ts';

test('logins that other tools left are found by the image’s registry; a file that is missing or broken has none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-logins-'));
  try {
    const file = join(folder, 'auth.json');
    const ask = (image: string) => leftLogins(image, { REGISTRY_AUTH_FILE: file });
    assert.deepEqual(ask('registry.example.com/web:1'), []);
    const auth = Buffer.from('ann:pass:word').toString('base64');
    writeFileSync(file, JSON.stringify({ auths: { 'registry.example.com': { auth } } }));
    assert.deepEqual(ask('registry.example.com/web:1'), [{ username: 'ann', password: 'pass:word' }]);
    assert.deepEqual(ask('other.example.com/web:1'), []);
    writeFileSync(file, '{');
    assert.deepEqual(ask('registry.example.com/web:1'), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
