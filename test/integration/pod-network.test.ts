// Workers' pods reach each other as in a VPC: nodes in namespaces on one bridge, whose interfaces pass nothing but what is from and
// to the node's own address (the source and destination check of EC2), with the links, routes and rules of real workers.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { which } from '../../agent/containerd/programs.ts';
import { NetworkCache } from '../../agent/net/network-objects.ts';
import { OverlayKeeper } from '../../agent/net/overlay/keeper.ts';
import { overlayBytes } from '../../agent/net/overlay/overlay.ts';
import { defaultPodNetwork, gatewayOf, podRangeOf } from '../../agent/net/pod-range.ts';
import { ServiceRulesKeeper } from '../../agent/net/services/apply.ts';
import { end, service, slice } from '../../agent/net/services/fixture/services.ts';
import type { NetworkChanges } from '../../core/api/node-sync.ts';
import { podApiPort } from '../../core/api/pod-api.ts';
import { runBatch } from '../../local/network/network.ts';
import { nodeSysctls } from '../../local/network/topology.ts';
import { runOrFail } from '../../local/run.ts';
import { networkRules } from '../../worker/instance-files.ts';
import { mtuAt } from '../../worker/own-link.ts';
import { eventually } from '../e2e/cluster.ts';

const lacks =
  process.getuid?.() !== 0 ? 'namespaces need root' : ['ip', 'bridge', 'nft', 'conntrack'].find((name) => !which(name));
const skip = lacks ? { skip: lacks } : {};

const id = `slipwayn${randomBytes(3).toString('hex')}`;
const folder = mkdtempSync(join(tmpdir(), 'slipway-pod-network-'));
const vpc = ['10.0.0.0/16'];
const serviceRange = '10.96.0.0/12';
const nothing: NetworkChanges = { services: [], endpointSlices: [], deletedServices: [], deletedEndpointSlices: [] };
const mtu = 1500;

/** In a network namespace. */
const within = (name: string, program: string, args: readonly string[]): Promise<string> =>
  runOrFail('nsenter', [`--net=/run/netns/${id}.${name}`, program, ...args]);

class TestNode {
  readonly name: string;
  readonly address: string;
  readonly range: string;
  readonly network = new NetworkCache();
  readonly #pods: string[] = [];
  readonly #closing: { close(): void }[] = [];
  overlay!: OverlayKeeper;

  constructor(name: string, address: string) {
    this.name = name;
    this.address = address;
    this.range = podRangeOf(address);
  }

  async start(): Promise<void> {
    const namespace = `${id}.${this.name}`;
    await runBatch(
      [],
      [
        `netns add ${namespace}`,
        `link add eth0 netns ${namespace} type veth peer name to-${this.name} netns ${id}.vpc`,
      ],
    );
    await runBatch(['-n', `${id}.vpc`], [`link set to-${this.name} master br0 up`]);
    await runBatch(
      ['-n', namespace],
      [
        'link set lo up',
        `addr add ${this.address}/16 dev eth0`,
        'link set eth0 up',
        'route add default via 10.0.0.1',
        // as CNI's plugin makes it for the first pod
        'link add cni0 type bridge forward_delay 0',
        `addr add ${gatewayOf(this.range)}/26 dev cni0`,
        'link set cni0 up',
      ],
    );
    for (const [file, value] of Object.entries(nodeSysctls))
      await within(this.name, 'sh', ['-c', `[ ! -e /proc/sys/${file} ] || echo ${value} > /proc/sys/${file}`]);
    const own = join(folder, this.name);
    mkdirSync(own);
    writeFileSync(join(own, 'rules'), networkRules(this.range, defaultPodNetwork, vpc) + sourceCheck(this.address));
    await within(this.name, 'nft', ['-f', join(own, 'rules')]);
    const run = (program: string, args: readonly string[]): Promise<string> => within(this.name, program, args);
    const said: string[] = [];
    const log = (level: string, event: string, fields?: object): void =>
      void (level === 'warn' && said.push(`${event} ${JSON.stringify(fields)}`));
    const plan = { address: this.address, network: defaultPodNetwork, nodeBlocks: vpc, mtu: mtu - overlayBytes };
    this.overlay = new OverlayKeeper({ plan, peers: this.network, folder: own, log, run });
    const node = { name: this.name, address: this.address, podRange: this.range, serviceRange };
    const rules = new ServiceRulesKeeper({ network: this.network, node, folder: own, log, run });
    this.#closing.push(this.overlay, rules);
    await this.overlay.settled();
    assert.deepEqual(said, []);
  }

  /** Its namespace and its address. */
  async pod(): Promise<{ namespace: string; address: string }> {
    const number = this.#pods.length + 2;
    const namespace = `${this.name}p${number}`;
    const address = gatewayOf(this.range).replace(/\d+$/, (last) => String(Number(last) + number - 1));
    this.#pods.push(namespace);
    const link = `mtu ${mtu - overlayBytes}`;
    await runBatch(
      [],
      [
        `netns add ${id}.${namespace}`,
        `link add eth0 netns ${id}.${namespace} ${link} type veth peer name v${number} netns ${id}.${this.name}`,
      ],
    );
    await runBatch(
      ['-n', `${id}.${this.name}`],
      [`link set v${number} ${link} master cni0 up`, `link set v${number} type bridge_slave hairpin on`],
    );
    await runBatch(
      ['-n', `${id}.${namespace}`],
      [
        'link set lo up',
        `addr add ${address}/26 dev eth0`,
        'link set eth0 up',
        `route add default via ${gatewayOf(this.range)}`,
      ],
    );
    return { namespace, address };
  }

  async tell(changes: Partial<NetworkChanges>, full = false): Promise<void> {
    this.network.apply({ ...nothing, ...changes }, full);
    await this.overlay.settled();
  }

  /** Packets that EC2 would have dropped. */
  async leaked(): Promise<number> {
    const shown = await within(this.name, 'nft', ['list', 'counter', 'ip', 'vpc', 'leaked']);
    return Number(/packets (\d+)/.exec(shown)?.[1]);
  }

  close(): void {
    for (const one of this.#closing) one.close();
  }
}

/** https://docs.aws.amazon.com/vpc/latest/userguide/VPC_NAT_Instance.html#EIP_Disable_SrcDestCheck */
const sourceCheck = (address: string): string => `table ip vpc {
  counter leaked {}
  chain out { type filter hook postrouting priority 300; oifname "eth0" ip daddr != 224.0.0.0/4 ip saddr != ${address} counter name leaked drop; }
  chain in { type filter hook prerouting priority -300; iifname "eth0" ip daddr != { ${address}, 224.0.0.0/4 } counter name leaked drop; }
}
`;

const children: ChildProcess[] = [];

/** A server that says to each connection from where it comes, and sends back whatever it gets. */
async function serve(namespace: string, port: number): Promise<void> {
  const script = `const s = require('node:net').createServer((c) => { c.on('error', () => {}); c.write(c.remoteAddress.replace('::ffff:', '') + '\\n'); c.pipe(c); });
s.listen(${port}, '0.0.0.0', () => console.log('listens'))`;
  const child = spawn('nsenter', [`--net=/run/netns/${id}.${namespace}`, process.execPath, '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await new Promise((resolve) => child.stdout!.once('data', resolve));
}

/** What the server says of who asks, after `bytes` went there and back; or the code of the error. */
async function ask(namespace: string, address: string, port: number, bytes = 0): Promise<string> {
  const script = `let n = 0, first = '';
const c = require('node:net').connect(${port}, '${address}');
c.on('error', (e) => console.log(e.code)).on('connect', () => c.end(Buffer.alloc(${bytes})));
c.on('data', (d) => { n += d.length; if (!first.includes('\\n')) first += d.toString('latin1'); });
c.on('end', () => { const [who] = first.split('\\n'); console.log(n === who.length + 1 + ${bytes} ? who : 'cut off'); });`;
  return (await within(namespace, process.execPath, ['-e', script])).trim();
}

const [a, b] = [new TestNode('a', '10.0.1.23'), new TestNode('b', '10.0.32.7')];
const peers = [a, b].map(({ name, address }) => ({ name, address }));
const port = 8080;
let client: { namespace: string; address: string };
let server: { namespace: string; address: string };

before(async () => {
  if (lacks) return;
  await runBatch([], [`netns add ${id}.vpc`]);
  await runBatch(
    ['-n', `${id}.vpc`],
    ['link set lo up', 'link add br0 type bridge forward_delay 0', 'addr add 10.0.0.1/16 dev br0', 'link set br0 up'],
  );
  await Promise.all([a.start(), b.start()]);
  [client, server] = await Promise.all([a.pod(), b.pod()]);
  await Promise.all([serve(server.namespace, port), serve(client.namespace, port)]);
});

after(async () => {
  for (const node of [a, b]) node.close();
  for (const child of children) child.kill('SIGKILL');
  const names = ['vpc', 'a', 'b', 'ap2', 'bp2'];
  if (!lacks)
    await runBatch(
      ['-force'],
      names.map((name) => `netns del ${id}.${name}`),
      true,
    );
  rmSync(folder, { recursive: true, force: true });
});

test('before the nodes know each other, a pod elsewhere is unreachable at once', skip, async () => {
  assert.equal(await ask(client.namespace, server.address, port), 'EHOSTUNREACH');
});

test('pods see each other by their own addresses, whatever the size of what they send', skip, async () => {
  await Promise.all([a, b].map((node) => node.tell({ peers }, true)));
  assert.equal(await ask(client.namespace, server.address, port), client.address);
  assert.equal(await ask(server.namespace, client.address, port), server.address);
  assert.equal(await ask(client.namespace, server.address, port, 2_000_000), client.address);
});

test('a node is to pods elsewhere what it is to its own', skip, async () => {
  assert.equal(await ask('a', server.address, port), gatewayOf(a.range));
  assert.equal(await ask('a', client.address, port), gatewayOf(a.range));
});

test('a service leads to a pod of another node, from pods, nodes, and by node ports', skip, async () => {
  const web = service('web', { clusterIP: '10.96.0.5', type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] });
  const slices = [slice('web', [end(server.address, { node: 'b' })], [{ port, protocol: 'TCP' }])];
  for (const node of [a, b]) await node.tell({ services: [web], endpointSlices: slices } as Partial<NetworkChanges>);
  await eventually('the rules hold', async () => (await ask(client.namespace, '10.96.0.5', 80)) === client.address);
  assert.equal(await ask('a', '10.96.0.5', 80), gatewayOf(a.range));
  assert.equal(await ask('vpc', a.address, 30080), gatewayOf(a.range));
  assert.equal(await ask(server.namespace, '10.96.0.5', 80), gatewayOf(b.range), 'a pod that reaches itself');
});

test('a service that is its own endpoint is answered by the node, to its pods and to itself', skip, async () => {
  const kubernetes = service('kubernetes', { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443 }] });
  const slices = [slice('kubernetes', [{ address: '10.96.0.1' }], [{ name: 'https', port: podApiPort }])];
  await within('a', 'ip', ['address', 'replace', '10.96.0.1/32', 'dev', 'lo', 'scope', 'host']);
  await serve('a', podApiPort);
  await a.tell({ services: [kubernetes], endpointSlices: slices } as Partial<NetworkChanges>);
  await eventually('the rules hold', async () => (await ask(client.namespace, '10.96.0.1', 443)) === client.address);
  assert.equal(await ask('a', '10.96.0.1', 443), '10.96.0.1');
  assert.equal(await ask(client.namespace, '10.96.0.1', 80), 'ECONNREFUSED');
});

test('a pod cannot wrap packets for other nodes as a node does', skip, async () => {
  const script = `const s = require('node:dgram').createSocket('udp4');
s.on('error', (e) => { console.log(e.code); s.close(); });
s.connect(4789, process.argv[1], () => { const t = setInterval(() => s.send('x'), 50); s.on('close', () => clearInterval(t)); });`;
  for (const address of [b.address, a.address, gatewayOf(a.range)])
    assert.equal((await within(client.namespace, process.execPath, ['-e', script, address])).trim(), 'ECONNREFUSED');
});

test('a node that is gone takes its way with it, and nothing is sent out in its place', skip, async () => {
  await a.tell({ deletedPeers: ['b'] });
  assert.equal(await ask(client.namespace, server.address, port), 'EHOSTUNREACH');
  assert.equal(await ask('a', server.address, port), 'EHOSTUNREACH');
  assert.doesNotMatch(await within('a', 'ip', ['route']), /via 100\./);
  assert.equal(await a.leaked(), 0);
  assert.equal(await b.leaked(), 0);
});

test('an agent that starts again finds what stands, and the size of packets', skip, async () => {
  await a.tell({ peers }, true);
  const again = new NetworkCache();
  const plan = { address: a.address, network: defaultPodNetwork, nodeBlocks: vpc, mtu: mtu - overlayBytes };
  const warnings: string[] = [];
  const log = (level: string, event: string): void => void (level === 'warn' && warnings.push(event));
  const keeper = new OverlayKeeper({ plan, peers: again, folder, log, run: (...args) => within('a', ...args) });
  await keeper.settled();
  assert.equal(await ask(client.namespace, server.address, port), client.address, 'before it knows any node');
  again.apply({ ...nothing, peers: [peers[0]!] }, true);
  await keeper.settled();
  assert.equal(await ask(client.namespace, server.address, port), 'EHOSTUNREACH');
  again.apply({ ...nothing, peers }, true);
  await keeper.settled();
  assert.equal(await ask(client.namespace, server.address, port), client.address);
  keeper.close();
  assert.deepEqual(warnings, []);
  await assert.rejects(mtuAt('192.0.2.1'), /no interface of this machine has the address 192\.0\.2\.1/);
  assert.equal(await mtuAt('127.0.0.1'), 65536);
});
