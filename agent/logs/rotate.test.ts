import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { rotateLog } from './rotate.ts';

const limits = { maxBytes: 100, maxFiles: 4 };

test('a full log is moved away and reopened, older ones are compressed, the oldest go', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-logs-'));
  const path = join(dir, '0.log');
  const reopen = async (): Promise<void> => writeFileSync(path, '');
  writeFileSync(path, 'short');
  assert.equal(await rotateLog(path, limits, 0, reopen), false);
  for (let round = 1; round <= 6; round++) {
    writeFileSync(path, `${round}`.repeat(200));
    assert.equal(await rotateLog(path, limits, round * 60_000, reopen), true);
  }
  const names = readdirSync(dir).sort();
  assert.deepEqual(names, ['0.log', '0.log.19700101-000400.gz', '0.log.19700101-000500.gz', '0.log.19700101-000600']);
  assert.equal(gunzipSync(readFileSync(join(dir, names[2]!))).toString(), '5'.repeat(200));
  rmSync(dir, { recursive: true });
});

test('a runtime that cannot reopen keeps its file', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-logs-'));
  const path = join(dir, '0.log');
  writeFileSync(path, 'x'.repeat(200));
  await assert.rejects(
    rotateLog(path, limits, 0, () => Promise.reject(new Error('away'))),
    /away/,
  );
  assert.deepEqual(readdirSync(dir), ['0.log']);
  rmSync(dir, { recursive: true });
});
