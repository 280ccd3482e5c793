import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Answer, encode } from 'dns-packet';
import { seeded, seedOfRun } from '../../test/simulation/random.ts';
import { ClientRates } from './client-rates.ts';
import type { Server } from './exchange.ts';
import { address, type Behave, negative, startUpstream, type Upstream } from './fixture/upstream.ts';
import { service, World } from './fixture/world.ts';

/** For servers from which nothing is hoped. */
const shortMs = 400;

const open: Upstream[] = [];
after(() => Promise.all(open.map((upstream) => upstream.close())));

async function upstream(behave: Behave): Promise<Upstream> {
  const started = await startUpstream(behave);
  open.push(started);
  return started;
}

const nxDomain = 3;
const servFail = 2;

test('names of the world are asked of the node’s server, once for as long as its answer holds', async () => {
  const server = await upstream((name) => ({ answers: [address(name, '192.0.2.7', 60)] }));
  let now = 0;
  const world = new World([server.server], {}, () => now);
  const first = await world.ask('Www.Example.com');
  assert.deepEqual([first.flag_aa, first.flag_ra, first.rcode], [false, true, 'NOERROR']);
  now = 20_000;
  const { answers, questions } = await world.ask('wWw.example.com');
  const kept = answers?.[0] as Answer & { ttl: number };
  assert.equal(questions?.[0]?.name, 'wWw.example.com', 'in the case of this question');
  assert.equal(kept.ttl, 40, 'what is left of its time');
  now = 60_000;
  await world.ask('www.example.com');
  assert.deepEqual(server.asked, ['Www.Example.com A udp', 'www.example.com A udp']);
});

test('what does not exist out there is kept too, for as long as its zone says, and what failed is not', async () => {
  const behave: Behave = (name) =>
    name.startsWith('no') ? { flags: nxDomain, authorities: [negative('example.com', 10)] } : { flags: servFail };
  const server = await upstream(behave);
  let now = 0;
  const world = new World([server.server], {}, () => now);
  for (const at of [0, 9_000, 10_000]) {
    now = at;
    assert.equal(await world.tell('no.example.com'), 'NXDOMAIN');
  }
  assert.equal(server.asked.length, 2);
  assert.equal(await world.tell('ill.example.com'), 'SERVFAIL');
  await world.tell('ill.example.com');
  assert.equal(server.asked.filter((line) => line.startsWith('ill')).length, 2, 'asked for again');
});

test('the cluster’s own names and addresses never leave the node', async () => {
  const server = await upstream(() => ({ flags: nxDomain }));
  const world = new World([server.server]);
  for (const name of ['example.com.default.svc.cluster.local', 'cluster.local', 'x.cluster.local'])
    await world.tell(name);
  await world.tell('5.0.64.10.in-addr.arpa', 'PTR');
  assert.deepEqual(server.asked, []);
  await world.tell('notcluster.local');
  await world.tell('5.0.2.192.in-addr.arpa', 'PTR');
  assert.equal(server.asked.length, 2);
});

test('many pods that ask the same at once are one question', async () => {
  const server = await upstream((name) => ({ answers: [address(name, '192.0.2.7', 0)] }));
  const world = new World([server.server]);
  const told = await Promise.all(Array.from({ length: 50 }, () => world.tell('www.example.com')));
  assert.deepEqual(new Set(told.map(String)), new Set(['192.0.2.7']));
  assert.equal(server.asked.length, 1);
  await world.tell('www.example.com');
  assert.equal(server.asked.length, 2, 'an answer that may not be kept is asked for again');
});

test('an answer that UDP cuts is fetched over TCP, and cut for the client who asked over UDP', async () => {
  const all = Array.from({ length: 100 }, (_, i) => address('big.example.com', `192.0.2.${i}`));
  const server = await upstream((_name, _type, transport) =>
    transport === 'udp' ? { flags: 0x0200, answers: all.slice(0, 1) } : { answers: all },
  );
  const world = new World([server.server]);
  const udp = await world.ask('big.example.com');
  assert.ok(udp.flag_tc && udp.bytes.length <= 512 && udp.answers!.length > 0);
  const tcp = await world.ask('big.example.com', 'A', {}, 'tcp');
  assert.deepEqual([tcp.flag_tc, tcp.answers!.length], [false, 100]);
  assert.deepEqual(server.asked, ['big.example.com A udp', 'big.example.com A tcp']);
});

test('a server that is gone, silent, or only fails is passed over, and the one that answers is asked first then', async () => {
  const silent = await upstream(() => undefined);
  const failing = await upstream(() => ({ flags: servFail }));
  const good = await upstream((name) => ({ answers: [address(name, '192.0.2.7')] }));
  const gone = await startUpstream(() => undefined);
  await gone.close();
  for (const bad of [silent.server, failing.server, gone.server]) {
    // A quarter of it is what the silent one is given: the good one may need as long on a machine that does much else.
    const world = new World([bad, good.server], {}, undefined, 100, 100, 20_000);
    for (const name of ['www.example.com', 'other.example.com'])
      assert.deepEqual(await world.tell(name), ['192.0.2.7']);
  }
  assert.deepEqual([silent.asked.length, failing.asked.length], [1, 1]);
});

test('when every server is silent the answer is SERVFAIL, and without any it is SERVFAIL at once', async () => {
  const silent = await upstream(() => undefined);
  const world = new World([silent.server], {}, undefined, 100, 100, shortMs);
  assert.equal(await world.tell('www.example.com'), 'SERVFAIL');
  const none = new World([]);
  const reply = none.resolve(
    encode({ type: 'query', questions: [{ name: 'example.com', type: 'A' }] }),
    'udp',
    '10.64.0.5',
  );
  assert.ok(Buffer.isBuffer(reply), 'nobody is waited for');
  assert.equal(reply[3]! & 15, servFail);
});

test('when too many requests wait, the next fail at once, and those that need not wait are answered', async () => {
  const silent = await upstream(() => undefined);
  const world = new World([silent.server], {}, undefined, 2, 100, shortMs).apply([
    service('web', { clusterIP: '10.96.0.20' }),
  ]);
  const question = (name: string) => encode({ type: 'query', questions: [{ name, type: 'A' }] });
  const waiting = ['a.example.com', 'a.example.com'].map((name) => world.resolve(question(name), 'udp', '10.64.0.5'));
  const refused = world.resolve(question('b.example.com'), 'udp', '10.64.0.5');
  assert.ok(Buffer.isBuffer(refused));
  assert.equal(refused[3]! & 15, servFail);
  assert.deepEqual(await world.tell('web.default.svc.cluster.local'), ['10.96.0.20']);
  await Promise.all(waiting);
  assert.ok(world.resolve(question('b.example.com'), 'udp', '10.64.0.5') instanceof Promise, 'there is room again');
});

test('one client does not take the places of all who wait', async () => {
  const silent = await upstream(() => undefined);
  const world = new World([silent.server], {}, undefined, 100, 2, shortMs);
  const ask = (name: string, client: string) =>
    world.resolve(encode({ type: 'query', questions: [{ name, type: 'A' }] }), 'udp', client);
  const waiting = [ask('a.example.com', '10.64.0.5'), ask('b.example.com', '10.64.0.5')];
  const refused = ask('c.example.com', '10.64.0.5');
  assert.ok(Buffer.isBuffer(refused));
  assert.equal(refused[3]! & 15, servFail);
  const other = ask('c.example.com', '10.64.0.6');
  assert.ok(other instanceof Promise, 'the next pod waits');
  await Promise.all([...waiting, other]);
  assert.ok(ask('d.example.com', '10.64.0.5') instanceof Promise, 'there is room again');
});

test('a client that asks too often is not answered', async () => {
  const rates = new ClientRates(
    { perSecond: 1, burst: 2 },
    () => 0,
    () => undefined,
  );
  const world = new World([], { rates }).apply([service('web', { clusterIP: '10.96.0.20' })]);
  const name = 'web.default.svc.cluster.local';
  const ask = (client: string) =>
    world.resolve(encode({ type: 'query', questions: [{ name, type: 'A' }] }), 'udp', client) !== undefined;
  assert.deepEqual([ask('a'), ask('a'), ask('a'), ask('b')], [true, true, false, true]);
});

test('an answer with a wrong id or to another question is not believed', async () => {
  const forged = encode({
    type: 'response',
    id: 1,
    questions: [{ name: 'www.example.com', type: 'A' }],
    answers: [address('www.example.com', '203.0.113.66')],
  });
  const wrongId = await upstream(() => forged);
  const told = (server: Server): Promise<unknown> =>
    new World([server], {}, undefined, 100, 100, shortMs).tell('www.example.com');
  assert.equal(await told(wrongId.server), 'SERVFAIL');
  const other = await upstream(() => ({
    questions: [{ name: 'other.example.com', type: 'A' }],
    answers: [address('other.example.com', '203.0.113.66')],
  }));
  assert.equal(await told(other.server), 'SERVFAIL');
});

test('records of a type that nobody here knows pass unchanged', async () => {
  const data = Buffer.from([0, 1, 0, 0, 1, 0, 3, 2, 0x68, 0x32]);
  const record = { type: 'UNKNOWN_65', name: 'www.example.com', ttl: 60, class: 'IN', data } as unknown as Answer;
  const server = await upstream(() => ({ answers: [record] }));
  const { answers } = await new World([server.server]).ask('www.example.com', 'UNKNOWN_65');
  assert.deepEqual(
    answers?.map((one) => 'data' in one && one.data),
    [data],
  );
});

test('an external name outside the cluster is followed there', async () => {
  const server = await upstream((name) =>
    name === 'shop.example.com'
      ? {
          answers: [
            { type: 'CNAME', name, ttl: 60, class: 'IN', data: 'edge.example.net' },
            address('edge.example.net', '192.0.2.7'),
          ],
        }
      : { flags: nxDomain },
  );
  const alias = (name: string, externalName: string) => service(name, { type: 'ExternalName', externalName });
  const services = [alias('shop', 'shop.example.com'), alias('lost', 'lost.example.com')];
  const world = new World([server.server]).apply(services);
  const expected = ['shop.example.com', 'edge.example.net', '192.0.2.7'];
  assert.deepEqual(await world.tell('shop.default.svc.cluster.local'), expected);
  assert.equal((await world.ask('lost.default.svc.cluster.local')).rcode, 'NXDOMAIN');
  const alone = await new World([]).apply(services).ask('shop.default.svc.cluster.local');
  assert.deepEqual([alone.rcode, alone.answers?.length], ['SERVFAIL', 1]);
});

test('whatever bytes an upstream server sends, the client gets an answer', async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SLIPWAY_SEED=${seed}`);
  const { below: random } = seeded(seed);
  const { parseAnswer, relay } = await import('./upstream-answer.ts');
  const { parseRequest } = await import('./message.ts');
  const question = encode({ type: 'query', id: 1, questions: [{ name: 'www.example.com', type: 'A' }] });
  const request = parseRequest(question);
  assert.ok(request.kind === 'query');
  let taken = 0;
  for (let i = 0; i < 10_000; i++) {
    const bytes = encode({
      type: 'response',
      id: 1,
      questions: [{ name: 'www.example.com', type: 'A' }],
      answers: [address('www.example.com', '192.0.2.1'), address('www.example.com', '192.0.2.2')],
      authorities: [negative('example.com', random(100))],
    });
    for (let n = random(4); n > 0; n--) bytes[random(bytes.length)] = random(256);
    const cut = random(3) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
    let answer: ReturnType<typeof parseAnswer>;
    try {
      answer = parseAnswer(cut);
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error));
      continue;
    }
    taken++;
    assert.ok(answer.lifetime >= 0 && answer.lifetime <= 3600);
    assert.ok(relay(request.query, answer, 1, 512).length <= 512);
  }
  assert.ok(taken > 3000, String(taken));
});
