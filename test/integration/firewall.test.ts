// A machine, made of a network namespace, that refuses what its firewall does not know; and a node, in another, that calls it and goes
// out through it. The rules are those of ufw (iptables) and of a nftables.conf at once: a packet has to pass both.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { which } from '../../agent/containerd/programs.ts';
import { addressPlan, nodeAddress } from '../../local/network/addresses.ts';
import { runBatch } from '../../local/network/network.ts';
import { egressTable, hostLink } from '../../local/network/topology.ts';
import { run, runOrFail } from '../../local/run.ts';

const lacks =
  process.getuid?.() !== 0 ? 'namespaces need root' : ['ip', 'nft', 'iptables'].find((name) => !which(name));
const skip = lacks ? { skip: lacks } : {};

const id = `slipwayf${randomBytes(3).toString('hex')}`;
const [machine, node, elsewhere] = ['machine', 'node', 'elsewhere'].map((name) => `${id}.${name}`) as [
  string,
  string,
  string,
];
const plan = addressPlan(0);
const folder = mkdtempSync(join(tmpdir(), 'slipway-firewall-'));
const outside = '192.0.2.1';
const port = 6443;

const within = (namespace: string, command: string, ...args: string[]): Promise<string> =>
  runOrFail('nsenter', [`--net=/run/netns/${namespace}`, command, ...args]);

const iptablesRules = `*filter
:INPUT DROP
:FORWARD DROP
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`;
const nftRules = `table inet guard {
  chain in { type filter hook input priority 0; policy drop; ct state related,established accept; }
  chain through { type filter hook forward priority 0; policy accept; reject; }
}`;

/** As a machine does at its start, or its owner after a change: whatever there was is gone. */
async function loadFirewall(): Promise<void> {
  await within(machine, 'nft', 'flush ruleset');
  await runOrFail('nsenter', [`--net=/run/netns/${machine}`, 'iptables-restore'], { input: iptablesRules });
  await within(machine, 'nft', nftRules);
}

/** Both firewalls as they stand, counters aside. */
const rules = async (): Promise<string> =>
  `${await within(machine, 'iptables', '-w', '-S')}${await within(machine, 'nft', '-s', 'list', 'table', 'inet', 'guard')}`;

/** The functions run in the network namespace of their process. */
const firewall = (call: string): Promise<string> =>
  within(
    machine,
    process.execPath,
    '--input-type=module',
    '--eval',
    `const { addressPlan } = await import(${address('../../local/network/addresses.ts')});
     const { closeFirewall, openFirewall, toMachine, wayOut } = await import(${address('../../local/network/firewall.ts')});
     const { openAgain } = await import(${address('../../local/cluster/openings.ts')});
     const plan = addressPlan(${plan.index});
     await ${call};`,
  );

/** What \`slipway up\` does on a cluster that runs, with a way out and a registry; returns what it says. */
const upAgain = (): Promise<string> =>
  firewall(`openAgain({
    paths: { id: '${id}', run: ${JSON.stringify(folder)}, dir: ${JSON.stringify(folder)} },
    spec: { port: ${port}, egress: true, registry: true },
    plan,
    table: { alive: () => true },
  }, { say: console.log })`);
const address = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);

/** A connection that a firewall drops would hang: it is given up soon where none is hoped for. */
const reaches = async (target: string, giveUpMs = 120_000): Promise<boolean> => {
  const script = `const end = (code) => () => process.exit(code);
    require('node:net').connect(${port}, '${target}').on('connect', end(0)).on('error', end(1));
    setTimeout(end(1), ${giveUpMs})`;
  return (await run('nsenter', [`--net=/run/netns/${node}`, process.execPath, '--eval', script])).code === 0;
};
const isKept = async (target: string): Promise<boolean> => !(await reaches(target, 1_000));

const servers: ChildProcess[] = [];

async function serve(namespace: string): Promise<void> {
  const script = `require('node:net').createServer((socket) => socket.end()).listen(${port}, () => console.log('up'))`;
  const server = spawn('nsenter', [`--net=/run/netns/${namespace}`, process.execPath, '--eval', script]);
  servers.push(server);
  await once(server.stdout, 'data');
}

before(async () => {
  if (lacks) return;
  const link = hostLink(plan);
  await runBatch(
    [],
    [
      ...[machine, node, elsewhere].map((name) => `netns add ${name}`),
      `link add ${link} netns ${machine} type veth peer name eth0 netns ${node}`,
      `link add wan netns ${machine} type veth peer name eth0 netns ${elsewhere}`,
    ],
  );
  const links = (own: string, at: string, route?: string): string[] => [
    'link set lo up',
    `addr add ${at} dev ${own}`,
    `link set ${own} up`,
    ...(route ? [`route add default via ${route}`] : []),
  ];
  await runBatch(['-n', machine], [...links(link, `${plan.gateway}/24`), ...links('wan', '192.0.2.254/24')]);
  await runBatch(['-n', node], links('eth0', `${nodeAddress(plan, 1)}/24`, plan.gateway));
  await runBatch(['-n', elsewhere], links('eth0', `${outside}/24`, '192.0.2.254'));
  await within(machine, 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
  await Promise.all([serve(machine), serve(elsewhere)]);
  assert.ok((await reaches(plan.gateway)) && (await reaches(outside)), 'no firewall yet');
  await loadFirewall();
});

after(async () => {
  rmSync(folder, { recursive: true });
  if (lacks) return;
  for (const server of servers) server.kill('SIGKILL');
  await runBatch(
    ['-force'],
    [machine, node, elsewhere].map((name) => `netns del ${name}`),
    true,
  );
});

test(
  'the firewall keeps nodes from machine and outside, until it is opened for them, and is left as it was',
  skip,
  async () => {
    const found = await rules();
    assert.ok((await isKept(plan.gateway)) && (await isKept(outside)));
    await firewall(`openFirewall('${id}', [toMachine('api', plan, ${port})])`);
    assert.ok(await reaches(plan.gateway));
    assert.ok(await isKept(outside));
    const open = await rules();
    await firewall(`openFirewall('${id}', [toMachine('api', plan, ${port})])`);
    assert.equal(await rules(), open);
    await firewall(`openFirewall('${id}', wayOut(plan))`);
    assert.ok(await reaches(outside));
    await firewall(`closeFirewall('${id}/')`);
    assert.equal(await rules(), found);
    assert.ok((await isKept(plan.gateway)) && (await isKept(outside)));
  },
);

test(
  'what a firewall forgot when it was loaded anew is put back by another start, and what it knows is left alone',
  skip,
  async () => {
    const found = await rules();
    mkdirSync(join(folder, 'registry'));
    writeFileSync(join(folder, 'registry', 'address'), `${plan.gateway}:5003\n`);
    writeFileSync(join(folder, 'egress.nft'), egressTable(id, plan));
    const all = /opened again \(api, registry-5003, way-out, way-back, masquerading\)/;
    assert.match(await upAgain(), all);
    assert.ok((await reaches(plan.gateway)) && (await reaches(outside)));
    const open = await rules();
    assert.match(open, /--dport 5003 /);
    assert.equal(await upAgain(), '');
    assert.equal(await rules(), open);
    await loadFirewall();
    assert.equal(await rules(), found);
    assert.ok(await isKept(outside));
    assert.match(await upAgain(), all);
    assert.equal(await rules(), open);
    assert.match(await within(machine, 'nft', 'list', 'table', 'ip', id), /masquerade/);
    assert.ok((await reaches(plan.gateway)) && (await reaches(outside)));
    await within(machine, 'nft', 'delete', 'table', 'ip', id);
    assert.match(await upAgain(), /opened again \(masquerading\)/);
  },
);
