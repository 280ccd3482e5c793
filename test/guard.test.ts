import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { guard } from './guard.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-guard-'));
after(() => rmSync(folder, { recursive: true }));
const ours = new URL('guard.ts', import.meta.url).href;

test('a test that is killed is cleared up after', async () => {
  const file = join(folder, 'killed');
  const program = `const { guard } = await import(${JSON.stringify(ours)});
    guard(['touch', ${JSON.stringify(file)}]);
    console.log('guarded');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  assert.equal(existsSync(file), false);
  child.kill('SIGKILL');
  for (let i = 0; i < 6_000 && !existsSync(file); i++) await sleep(10);
  assert.ok(existsSync(file));
});

test('one that clears up by itself has the command run once, or not at all', async () => {
  const made = join(folder, 'made');
  await guard(['mkdir', made]).clear();
  assert.ok(existsSync(made));
  await assert.rejects(guard(['mkdir', made]).clear(), /mkdir .*: exit code 1/);
  await guard(['rmdir', made]).dismiss();
  assert.ok(existsSync(made));
});
