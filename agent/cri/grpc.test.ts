import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Messages, RpcChannel, RpcError } from './grpc.ts';

const messages = new Messages({
  nested: { Word: { fields: { text: { type: 'string', id: 1 }, count: { type: 'int64', id: 2 } } } },
});
const framed = (body: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, 0, body.length]), body]);

/** Longer than an answer takes on a machine that does much else. */
const patientMs = 60_000;

type Answer = (stream: ServerHttp2Stream, request: Buffer, path: string) => void;

/** A server on a unix socket; `use` gets a channel to it, and may stop and start it. */
async function withServer(
  answer: Answer,
  use: (channel: RpcChannel, restart: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-grpc-'));
  const socket = `${dir}/s`;
  const sessions = new Set<{ destroy(): void }>();
  const start = async () => {
    const server = createServer();
    server.on('session', (session) => sessions.add(session));
    server.on('stream', (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => answer(stream, Buffer.concat(chunks).subarray(5), String(headers[':path'])));
      stream.on('error', () => undefined);
    });
    server.listen(socket);
    await once(server, 'listening');
    return server;
  };
  let server = await start();
  const stop = async () => {
    for (const session of sessions) session.destroy();
    const closed = once(server, 'close');
    server.close();
    await closed;
  };
  const channel = new RpcChannel({ at: { socket } });
  try {
    await use(channel, async () => {
      await stop();
      server = await start();
    });
  } finally {
    channel.close();
    await stop();
    rmSync(dir, { recursive: true });
  }
}

function reply(stream: ServerHttp2Stream, bodies: Buffer[], status: Record<string, string>): void {
  stream.on('wantTrailers', () => stream.sendTrailers(status));
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  for (const body of bodies) stream.write(framed(body));
  stream.end();
}

test('a call brings its answer, a refusal its code and its words', async () => {
  const answer: Answer = (stream, request, path) => {
    if (path === '/s/Fail')
      return stream.respond(
        { ':status': 200, 'grpc-status': '5', 'grpc-message': 'no such thing%3A x' },
        { endStream: true },
      );
    const { text } = messages.decode('Word', request);
    return reply(stream, [messages.encode('Word', { text: `${text}!`, count: '9007199254740993' })], {
      'grpc-status': '0',
    });
  };
  await withServer(answer, async (channel) => {
    const body = messages.encode('Word', { text: 'ahoy' });
    assert.deepEqual(messages.decode('Word', await channel.unary('/s/Say', body, patientMs)), {
      text: 'ahoy!',
      count: '9007199254740993',
    });
    const failure = await channel.unary('/s/Fail', body, patientMs).catch((error: RpcError) => error);
    assert.ok(failure instanceof RpcError);
    assert.deepEqual([failure.code, failure.message], ['NOT_FOUND', 'no such thing: x']);
  });
});

test('a server that does not answer is given up, one that is gone is UNAVAILABLE, one that is back is found', async () => {
  let silent = true;
  const answer: Answer = (stream) => {
    if (!silent) reply(stream, [messages.encode('Word', {})], { 'grpc-status': '0' });
  };
  await withServer(answer, async (channel, restart) => {
    const call = (withinMs: number) =>
      channel.unary('/s/Say', messages.encode('Word', {}), withinMs).then(
        () => 'OK',
        (error: RpcError) => error.code,
      );
    assert.equal(await call(50), 'DEADLINE_EXCEEDED');
    silent = false;
    await restart();
    assert.equal(await call(patientMs), 'OK');
  });
  const nobody = new RpcChannel({ at: { socket: '/nonexistent/socket' } });
  await assert.rejects(nobody.unary('/s/Say', Buffer.alloc(0), patientMs), { code: 'UNAVAILABLE' });
});

test('a stream tells each message, however it is cut into pieces, and its end', async () => {
  const bodies = ['one', 'two', 'three'].map((text) => messages.encode('Word', { text }));
  const answer: Answer = (stream) => {
    stream.respond({ ':status': 200 });
    for (const byte of Buffer.concat(bodies.map(framed))) stream.write(Buffer.from([byte]));
    stream.end();
  };
  await withServer(answer, async (channel) => {
    const seen: unknown[] = [];
    await new Promise<void>((resolve) => {
      channel.stream(
        '/s/Watch',
        Buffer.alloc(0),
        (bytes) => void seen.push(messages.decode('Word', bytes)['text']),
        resolve,
      );
    });
    assert.deepEqual(seen, ['one', 'two', 'three']);
  });
});

test('an answer without an end is cut off', async () => {
  const endless: Answer = (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    const block = Buffer.alloc(1024 * 1024);
    const more = (): void => {
      while (!stream.destroyed && stream.write(block));
    };
    stream.on('drain', more);
    more();
  };
  await withServer(endless, async (channel) => {
    await assert.rejects(channel.unary('/s/Say', Buffer.alloc(0), 60_000), { code: 'RESOURCE_EXHAUSTED' });
  });
});
