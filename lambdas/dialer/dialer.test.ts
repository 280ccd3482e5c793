// The dialer and the API's way through it, against an agent that serves TLS: what is sent arrives, in both ways of answering.
import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import type { Invoker } from '../../aws/invoke.ts';
import { type KeyPair, makeAuthority, makeLeaf, nodeClientLeaf } from '../../core/api/cluster-certificates.ts';
import { isStatus } from '../../core/api/errors.ts';
import type { NodeUsageAnswer } from '../../core/api/node-usage.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import { testClock } from '../../core/apiserver/fixture/world.ts';
import { NodeUsages } from '../../core/apiserver/usage/ask-nodes.ts';
import { MemoryStore } from '../../core/store/memory.ts';
import { randomIds } from '../../host/ports.ts';
import type { DialEvent } from '../host/dial-frames.ts';
import { dialing, nodesThroughDialer } from '../host/dialer.ts';
import { bufferedDialer, streamingDialer } from './answers.ts';
import { connectionsCache } from './dial.ts';

let ca: KeyPair;
let client: KeyPair;
let listener: RequestListener;
const agent = createServer({ requestCert: true, rejectUnauthorized: true }, (request, response) =>
  listener(request, response),
);
const agentsFor = connectionsCache();
const clock = testClock(0);
const logged: unknown[] = [];
const parts = { agentsFor, clock, log: (_level: string, _event: string, fields?: unknown) => void logged.push(fields) };
const context = { getRemainingTimeInMillis: () => 60_000 };
const store = new MemoryStore();

before(async () => {
  const making = { nowMs: Date.now(), randomBytes: (length: number) => randomIds.bytes(length) };
  ca = await makeAuthority('shop', making);
  client = await makeLeaf(ca, nodeClientLeaf, making);
  const server = await makeLeaf(ca, { commonName: 'n1', names: ['n1', '127.0.0.1'] }, making);
  agent.setSecureContext({ cert: server.certificate, key: server.key, ca: ca.certificate });
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve));
  for (const node of [nodeAt(port()), { apiVersion: 'v1', kind: 'Node', metadata: { name: 'new' } }]) {
    const key = { namespace: '', name: node.metadata.name ?? '' };
    await store.commit({ op: 'put', resource: 'nodes', key, object: node, expected: 'absent' });
  }
});
after(() => {
  agentsFor(credentials()).close();
  agent.close();
  agent.closeAllConnections();
});

const port = (): number => (agent.address() as AddressInfo).port;
const credentials = () => ({ ca: ca.certificate, ...client });
const nodeAt = (agentsPort: number): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n1' },
  status: {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: agentsPort } },
  },
});

/** Lambda between the two: events and answers pass as JSON, streams as bytes. */
const lambda: Invoker = {
  later: async (event) => void (await bufferedDialer(parts)(passed(event), context)),
  whole: async (event) => passed(await bufferedDialer(parts)(passed(event), context)),
  async streamed(event, signal) {
    const stream = new PassThrough();
    signal?.addEventListener('abort', () => stream.destroy());
    const ended = streamingDialer(parts)(passed(event), stream, context);
    ended.catch((error: Error) => stream.destroy(error));
    return stream.iterator() as AsyncGenerator<Uint8Array, void>;
  },
};
const passed = <T>(value: unknown): T => JSON.parse(JSON.stringify(value)) as T;

const nodesOf = (responses: 'stream' | 'buffer') =>
  dialing(lambda, credentials(), { settings: { dialer: 'd', responses }, store, log: () => undefined });

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
};

for (const responses of ['stream', 'buffer'] as const) {
  describe(`answers ${responses === 'stream' ? 'as streams' : 'in one piece'}`, () => {
    test('a request arrives whole, and so does its answer', async () => {
      listener = async (request, response) => {
        const seen = [request.method, request.url, request.headers['x-asked'], await bodyOf(request)];
        response.writeHead(201, { 'x-answered': 'yes', 'content-type': 'application/json' }).end(JSON.stringify(seen));
      };
      const init = { method: 'POST', headers: { 'x-asked': 'yes' }, body: 'ä' };
      const response = await nodesOf(responses).fetch(nodeAt(port()), '/podProxy/x?y=%2F', init);
      assert.deepEqual([response.status, response.headers.get('x-answered')], [201, 'yes']);
      assert.deepEqual(await response.json(), ['POST', '/podProxy/x?y=%2F', 'yes', 'ä']);
    });

    test('what a node uses is asked through it, in one call', async () => {
      const answer: NodeUsageAnswer = { pods: [{ namespace: 'shop', name: 'web', uid: 'u', containers: [] }] };
      const seen: unknown[] = [];
      listener = (request, response) => {
        seen.push(request.method, request.url);
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      };
      const usages = new NodeUsages({ nodes: nodesOf(responses), clock, log: () => undefined });
      assert.deepEqual([...(await usages.of([nodeAt(port())]))], [['n1', answer]]);
      assert.deepEqual(seen, ['GET', '/usage']);
    });

    test('bytes are bytes, and an answer without a body has none', async () => {
      listener = (request, response) => {
        if (request.url === '/none') response.writeHead(204).end();
        else response.end(Buffer.from([10, 0, 255, 10]));
      };
      const nodes = nodesOf(responses);
      const bytes = await (await nodes.fetch(nodeAt(port()), '/bytes')).bytes();
      assert.deepEqual([...bytes], [10, 0, 255, 10]);
      assert.equal((await nodes.fetch(nodeAt(port()), '/none')).status, 204);
    });

    test('an agent that cannot be reached, and a node without an address, say so', async () => {
      const nodes = nodesOf(responses);
      await assert.rejects(nodes.fetch(nodeAt(1), '/stats'), /ECONNREFUSED/);
      await assert.rejects(nodes.fetch({ ...nodeAt(1), status: {} }, '/stats'), /has no address yet/);
    });

    test('a body that no invocation can carry is refused', async () => {
      const init = { method: 'POST', body: 'x'.repeat(5 * 1024 * 1024) };
      await assert.rejects(nodesOf(responses).fetch(nodeAt(port()), '/', init), (error) =>
        isStatus(error, 'RequestEntityTooLarge'),
      );
    });
  });
}

const settled = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
};

test('a followed log flows, and ends at its node when its reader goes', async () => {
  let closed: () => void;
  const ended = new Promise<void>((resolve) => (closed = resolve));
  let write: (text: string) => void = () => undefined;
  listener = (_request, response) => {
    write = (text) => void response.write(text);
    response.on('close', () => closed());
    write('one');
  };
  const response = await nodesOf('stream').fetch(nodeAt(port()), '/containerLogs/a/b/c?follow=true');
  const reader = response.body!.getReader();
  assert.equal(Buffer.from((await reader.read()).value!).toString(), 'one');
  write('two');
  assert.equal(Buffer.from((await reader.read()).value!).toString(), 'two');
  await reader.cancel();
  await ended;
});

test('a followed log that cannot flow is what came in a few seconds', async () => {
  let began: () => void;
  const begun = new Promise<void>((resolve) => (began = resolve));
  listener = (_request, response) => void response.write('one', () => began());
  const answer = nodesOf('buffer').fetch(nodeAt(port()), '/containerLogs/a/b/c?follow=true');
  await begun;
  // Until the dialer has read it, and waits for more.
  let text = '';
  void answer.then(async (response) => (text = await response.text()));
  while (text === '') {
    await settled();
    clock.pass(3_000);
  }
  assert.equal(text, 'one');
});

test('an answer that is too large for one piece, or takes too long, is an error that says so', async () => {
  listener = (_request, response) => void response.end('x'.repeat(5 * 1024 * 1024));
  await assert.rejects(nodesOf('buffer').fetch(nodeAt(port()), '/containerLogs/a/b/c'), /larger than/);
  listener = (_request, response) => void response.write('half');
  const answer = nodesOf('buffer').fetch(nodeAt(port()), '/stats');
  let failure: Error | undefined;
  answer.catch((error: Error) => (failure = error));
  while (!failure) {
    await settled();
    clock.pass(60_000);
  }
  assert.match(failure.message, /took too long/);
});

test('doorbells ring each node once, a second time where the first was not heard', async () => {
  const rung: string[] = [];
  let failures = 1;
  listener = (request, response) => {
    rung.push(`${request.method} ${request.url}`);
    if (failures-- > 0) request.socket.destroy();
    else response.end();
  };
  await nodesOf('buffer').ring(['n1', 'n1', 'gone', 'new']);
  assert.deepEqual(rung, ['POST /doorbell', 'POST /doorbell']);
  failures = 10;
  logged.length = 0;
  await nodesOf('buffer').ring(['n1']);
  assert.deepEqual(logged, [{ nodes: ['n1'] }]);
});

test('nobody is rung when no node has an address', async () => {
  const events: DialEvent[] = [];
  const none: Invoker = { ...lambda, later: async (event) => void events.push(event as DialEvent) };
  const options = { settings: { dialer: 'd', responses: 'stream' as const }, store, log: () => undefined };
  await dialing(none, credentials(), options).ring(['new', 'gone']);
  assert.deepEqual(events, []);
});

test('connections are kept for the same credentials, and given up with them', () => {
  const closed: string[] = [];
  const cache = connectionsCache(({ key }) => ({ close: () => closed.push(key) }) as never);
  const first = { ca: 'a', certificate: 'b', key: 'one' };
  assert.equal(cache(first), cache({ ...first }));
  cache({ ...first, key: 'two' });
  assert.deepEqual(closed, ['one']);
});

test('a cluster without a dialer says so', async () => {
  const nodes = nodesThroughDialer({
    settings: { dialer: undefined, responses: 'stream' },
    clients: undefined as never,
    keys: undefined as never,
    store,
    log: () => undefined,
  });
  await assert.rejects(nodes.fetch(nodeAt(1), '/'), (error) => isStatus(error, 'ServiceUnavailable'));
  await nodes.ring(['n1']);
});
