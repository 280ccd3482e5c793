import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { makeAuthority, makeLeaf, nodeClientLeaf } from '../../core/api/cluster-certificates.ts';
import type { ServerPort } from '../server-port.ts';
import { startServer } from './server.ts';

test('a stranger is refused, and one who breaks off in the middle of an upgrade ends nothing but his own connection', async (t) => {
  const making = { nowMs: Date.now(), randomBytes };
  const authority = await makeAuthority('c', making);
  const serving = await makeLeaf(authority, { commonName: 'n', names: ['127.0.0.1'] }, making);
  const material = { key: serving.key, cert: serving.certificate, clientCa: authority.certificate };
  const quiet = { log: () => undefined, onTlsChange: () => undefined, tls: () => material, ring: () => undefined };
  const server = await startServer({ ...quiet, address: '127.0.0.1', port: 0 } as unknown as ServerPort);
  t.after(() => server.close());
  const say = async (method: string, more: string, client: object = {}): Promise<string> => {
    const socket = connectTcp(server.port, '127.0.0.1');
    const secure = connect({ socket, rejectUnauthorized: false, ...client });
    secure.on('error', () => undefined);
    secure.write(`${method} HTTP/1.1\r\nHost: node\r\n${more}\r\n`);
    const [answer] = (await once(secure, 'data')) as [Buffer];
    socket.resetAndDestroy();
    return answer.toString().split('\r\n')[0]!;
  };
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  for (let i = 0; i < 20; i++) assert.equal(await say('GET /exec/ns/p/c', upgrade), 'HTTP/1.1 401 Unauthorized');
  assert.equal(await say('POST /doorbell', 'Content-Length: 0\r\n'), 'HTTP/1.1 401 Unauthorized');
  const other = await makeLeaf(authority, { commonName: 'system:node:n' }, making);
  const nobody = { key: other.key, cert: other.certificate };
  assert.equal(await say('POST /doorbell', 'Content-Length: 0\r\n', nobody), 'HTTP/1.1 401 Unauthorized');
  const { key, certificate: cert } = await makeLeaf(authority, nodeClientLeaf, making);
  assert.equal(await say('POST /doorbell', 'Content-Length: 0\r\n', { key, cert }), 'HTTP/1.1 202 Accepted');
});
