import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { ServerPort } from '../server-port.ts';
import { servePodProxy, splicePodProxy } from './pod-proxy.ts';
import type { ServingError } from './serving-error.ts';

let application: Server;
let agent: Server;
const portOf = (server: Server) => (server.address() as AddressInfo).port;
const listen = (server: Server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

before(async () => {
  application = createServer((incoming, response) => {
    response.writeHead(201, { 'x-seen': `${incoming.method} ${incoming.url}` });
    incoming.pipe(response);
  });
  application.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
  await listen(application);
  const pod = { pod: {}, sandboxId: 's', podIP: '127.0.0.1', containers: [] };
  const forged = { ...pod, pod: { status: { podIP: '127.0.0.1' } }, podIP: undefined };
  const pods: Record<string, object> = { web: pod, forged };
  const port = { pod: (_: string, name: string) => pods[name] } as unknown as ServerPort;
  agent = createServer((incoming, response) => {
    servePodProxy(port, incoming, response).catch((error: ServingError) =>
      response.writeHead(error.status).end(error.message),
    );
  });
  agent.on('upgrade', (incoming, socket, head) => void splicePodProxy(port, incoming, socket, head));
  await listen(agent);
});
after(() => {
  agent.close().closeAllConnections();
  application.close().closeAllConnections();
});

const url = (rest: string) => `http://127.0.0.1:${portOf(agent)}/podProxy/default/${rest}`;

test('method, path, query, body and answer pass both ways', async () => {
  const answer = await fetch(url(`web/http/${portOf(application)}/a%2Fb?c=d`), { method: 'POST', body: 'hello' });
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.get('x-seen'), 'POST /a%2Fb?c=d');
  assert.equal(await answer.text(), 'hello');
});

test('a pod that is not here, and a port where nothing listens, are told', async () => {
  assert.equal((await fetch(url('gone/http/80/'))).status, 404);
  const refused = await fetch(url('web/http/1/'));
  assert.equal(refused.status, 503);
  assert.match(await refused.text(), /error trying to reach service/);
});

test('an address that stands in the status alone is not gone to', async () => {
  const refused = await fetch(url(`forged/http/${portOf(application)}/`));
  assert.equal(refused.status, 503);
  assert.match(await refused.text(), /has no address yet/);
});

test('a connection that changes its protocol is joined', async () => {
  const call = request(url(`web/http/${portOf(application)}/`), {
    headers: { connection: 'Upgrade', upgrade: 'echo' },
  });
  const echoed = new Promise<string>((resolve) => {
    call.on('upgrade', (_answer: IncomingMessage, socket) => {
      socket.once('data', (chunk: Buffer) => {
        socket.destroy();
        resolve(chunk.toString());
      });
      socket.write('round trip');
    });
  });
  call.end();
  assert.equal(await echoed, 'round trip');
});
