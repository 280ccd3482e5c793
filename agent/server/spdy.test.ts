import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { constants, inflateSync } from 'node:zlib';
import { headerDictionary, SpdyClient } from './spdy.ts';

/** A socket whose other side is in the test's hands. */
function wire(): { socket: Duplex; sent: Buffer[]; receive(bytes: Buffer): void } {
  const sent: Buffer[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      sent.push(chunk);
      done();
    },
  });
  return { socket, sent, receive: (bytes) => void socket.push(bytes) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('the header dictionary is the 1,423 bytes of the specification', () => {
  assert.equal(headerDictionary.length, 1423);
});

test('streams open in order, one compression context for all', async () => {
  const { socket, sent } = wire();
  const client = new SpdyClient(socket, Buffer.alloc(0), () => {});
  const handlers = { onData: () => {}, onEnd: () => {} };
  await Promise.all(['error', 'stdin'].map((streamType) => client.open({ streamType }, handlers)));
  assert.deepEqual(
    sent.map((frame) => [frame.readUInt16BE(0), frame.readUInt16BE(2), frame.readUInt32BE(8)]),
    [
      [0x8003, 1, 1],
      [0x8003, 1, 3],
    ],
  );
  const blocks = inflateSync(Buffer.concat(sent.map((frame) => frame.subarray(18))), {
    dictionary: headerDictionary,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  assert.match(blocks.toString('latin1'), /streamtype....error/s);
  assert.match(blocks.toString('latin1'), /streamtype....stdin/s);
  client.close();
});

test('data arrives whole although the network cuts it, an end is told once, pings are answered', async () => {
  const { socket, sent, receive } = wire();
  const client = new SpdyClient(socket, Buffer.alloc(0), () => {});
  const seen: string[] = [];
  const stream = await client.open(
    { streamType: 'stdout' },
    { onData: (chunk) => seen.push(chunk.toString()), onEnd: () => seen.push('end') },
  );
  const data = Buffer.concat([
    Buffer.from([0, 0, 0, 1, 0, 0, 0, 5]),
    Buffer.from('hello'),
    Buffer.from([0, 0, 0, 1, 1, 0, 0, 0]),
  ]);
  receive(data.subarray(0, 3));
  await settled();
  receive(data.subarray(3, 11));
  await settled();
  receive(data.subarray(11));
  await settled();
  assert.deepEqual(seen, ['hello', 'end']);
  const ping = Buffer.from([0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1]);
  receive(ping);
  await settled();
  assert.deepEqual(sent.at(-1), ping);
  stream.end();
  assert.deepEqual(sent.at(-1), Buffer.from([0, 0, 0, 1, 1, 0, 0, 0]));
  client.close();
});
