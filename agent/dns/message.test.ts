import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode, type Packet } from 'dns-packet';
import { seeded, seedOfRun } from '../../test/simulation/random.ts';
import { service, slice, World } from './fixture/world.ts';

const many = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ addresses: [`10.64.${16 + (i >> 8)}.${i & 255}`] }));
const name = 'db.default.svc.cluster.local';
const crowd = (count: number, deps = {}) =>
  new World([], deps).apply([service('db', { clusterIP: 'None' })], [slice('db', many(count))]);
const opt = (udpPayloadSize: number, ednsVersion = 0): Partial<Packet> => ({
  additionals: [
    { type: 'OPT', name: '.', udpPayloadSize, extendedRcode: 0, ednsVersion, flags: 0, flag_do: false, options: [] },
  ],
});

test('what does not fit is cut and says so: at 512 bytes, at what EDNS allows, and not over TCP', async () => {
  const world = crowd(200);
  const plain = await world.ask(name);
  assert.deepEqual([plain.flag_tc, plain.bytes.length <= 512, plain.answers!.length], [true, true, 29]);
  const edns = await world.ask(name, 'A', opt(4096));
  assert.ok(edns.flag_tc && edns.bytes.length <= 1232 && edns.bytes.length > 512);
  assert.equal(edns.additionals?.[0]?.type, 'OPT');
  const tcp = await world.ask(name, 'A', {}, 'tcp');
  assert.deepEqual([tcp.flag_tc, tcp.answers!.length], [false, 200]);
  const huge = await crowd(5000).ask(name, 'A', {}, 'tcp');
  assert.ok(huge.flag_tc && huge.bytes.length <= 65_535 && huge.answers!.length > 4000, 'no message is longer');
});

test('each client gets the addresses in another order', async () => {
  let state = 1;
  const random = (): number => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
  const world = crowd(8, { random });
  const first = new Set<string>();
  for (let i = 0; i < 100; i++) first.add(((await world.tell(name)) as string[])[0]!);
  assert.equal(first.size, 8, 'in a hundred answers each address was the first one');
});

test('requests that are not ours to answer are refused by the code that says why', async () => {
  const world = new World();
  const rcode = async (more: object, extra?: Buffer): Promise<unknown> => {
    const message = Buffer.concat([
      encode({ type: 'query', id: 9, questions: [{ name, type: 'A' }], ...more } as Packet),
      extra ?? Buffer.alloc(0),
    ]);
    const reply = await world.resolve(message, 'udp', '10.64.0.5');
    return reply && (decode(reply) as { rcode?: string }).rcode;
  };
  assert.equal(await rcode({ questions: [] }), 'FORMERR');
  assert.equal(await rcode({ questions: [1, 2].map(() => ({ name, type: 'A' })) }), 'FORMERR');
  assert.equal(await rcode({ flags: 5 << 11 }), 'NOTIMP');
  assert.equal(await rcode({ questions: [{ name, type: 'A', class: 'CH' }] }), 'REFUSED');
  const newer = await world.ask(name, 'A', opt(1232, 1));
  assert.ok(newer.additionals?.[0]?.type === 'OPT' && newer.additionals[0].extendedRcode === 1, 'BADVERS');
  const twice = opt(512).additionals!;
  assert.equal(await rcode({ additionals: [...twice, ...twice] }), 'FORMERR');
});

test('an answer is never answered, nor what is too short to have an id', () => {
  const world = new World();
  assert.equal(
    world.resolve(encode({ type: 'response', questions: [{ name, type: 'A' }] }), 'udp', '10.64.0.5'),
    undefined,
  );
  assert.equal(world.resolve(Buffer.alloc(11), 'udp', '10.64.0.5'), undefined);
});

/** A question, damaged: bytes changed, cut, or followed by more; or nothing but random bytes. */
function damaged(random: (below: number) => number): Buffer {
  const types = ['A', 'SRV', 'PTR', 'OPT', 'AXFR', 'ANY'] as const;
  const labels = ['db', 'default', 'svc', 'cluster', 'local', 'in-addr', 'arpa', '10', '_tcp', 'x'.repeat(63), 'pod'];
  const below = ['', '.svc.cluster.local', '.pod.cluster.local', '.10.in-addr.arpa'][random(4)]!;
  const text = Array.from({ length: random(5) }, () => labels[random(labels.length)]).join('.') + below;
  const whole = encode({
    type: 'query',
    id: random(65_536),
    questions: [{ name: text || '.', type: types[random(types.length)]! as 'A' }],
    ...(random(2) ? opt(random(65_536)) : {}),
  });
  const message =
    random(4) === 0 ? Buffer.from(Array.from({ length: random(600) }, () => random(256))) : Buffer.from(whole);
  for (let i = random(6); i > 0 && message.length > 0; i--) message[random(message.length)] = random(256);
  const cut = random(3) === 0 ? message.subarray(0, random(message.length + 1)) : message;
  return random(5) === 0 ? Buffer.concat([cut, Buffer.from([random(256), random(256)])]) : cut;
}

test('whatever bytes come in, an answer goes out or nothing, and nothing is thrown', async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SLIPWAY_SEED=${seed}`);
  const { below: random } = seeded(seed);
  const world = crowd(20);
  const codes = new Map<string, number>();
  for (let i = 0; i < 10_000; i++) {
    const message = damaged(random);
    const before = Buffer.from(message);
    const reply = await world.resolve(message, random(2) ? 'udp' : 'tcp', '10.64.0.5');
    assert.ok(message.equals(before), 'a request is only read');
    const mayBeSilent = message.length < 12 || (message[2]! & 0x80) !== 0;
    assert.equal(reply === undefined, mayBeSilent, message.toString('hex'));
    if (!reply) continue;
    assert.equal(reply.readUInt16BE(0), message.readUInt16BE(0), 'the id comes back');
    const { rcode } = decode(reply) as { rcode?: string };
    codes.set(rcode!, (codes.get(rcode!) ?? 0) + 1);
  }
  for (const code of ['NOERROR', 'FORMERR', 'NXDOMAIN', 'NOTIMP', 'SERVFAIL'])
    assert.ok((codes.get(code) ?? 0) > 20, `${code}: ${codes.get(code)}`);
});
