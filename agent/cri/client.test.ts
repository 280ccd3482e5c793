import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectCri } from './client.ts';

test('a hook may take as long as it takes, and a long grace is told in eight digits', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-cri-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const asked: (string | undefined)[] = [];
  const server = createServer().on('stream', (stream, headers) => {
    asked.push(headers['grpc-timeout'] as string | undefined);
    stream.respond({ ':status': 200, 'grpc-status': '12', 'grpc-message': 'not here' }, { endStream: true });
  });
  server.listen(join(dir, 's'));
  await once(server, 'listening');
  const cri = connectCri(join(dir, 's'));
  t.after(() => {
    cri.close();
    server.close();
  });
  const refused = { code: 'UNIMPLEMENTED', message: 'not here' };
  await assert.rejects(cri.execSync('c', ['true'], 0), refused);
  await assert.rejects(cri.execSync('c', ['true'], 5), refused);
  await assert.rejects(cri.stopContainer('c', 30 * 86_400), refused);
  assert.deepEqual(asked, [undefined, '20000m', '2592240S']);
});
