// What pods find by name: services, their endpoints, the rest of the world, and nobody when the world is gone.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Pod, Service } from '../../core/api/types.gen.ts';
import { resources } from '../../core/client/resources.ts';
import { nodePaths } from '../../local/state/paths.ts';
import { isAlive } from '../../local/state/processes.ts';
import { eventually, startCluster, type TestPlace } from './cluster.ts';
import { Shell } from './shell.ts';

let cluster: TestPlace;
let shell: Shell;
/** Of the cluster's DNS. */
let server: string;
const limit = { timeout: 300_000 };
const children = new Set<ChildProcess>();

const namespace = 'default';
const pod = (name: string, labels: Record<string, string>, spec: Partial<Pod['spec']> = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'm', image: 'slipway/sample:1', ports: [{ name: 'page', containerPort: 8080 }] }],
    ...spec,
  },
});
const service = (name: string, spec: Service['spec']) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec,
});
const get = (name: string): Promise<Pod> => cluster.client().get<Pod>(resources.pods, { namespace, name });
const ipOf = async (name: string): Promise<string> => (await get(name)).status!.podIP!;
const clusterIp = async (name: string): Promise<string> =>
  (await cluster.client().get<Service>(resources.services, { namespace, name })).spec!.clusterIP!;

/** What nslookup says in the pod that asks, whatever its exit code. */
const lookup = async (...args: string[]): Promise<string> => {
  const { stdout, stderr } = await shell.run(`kubectl exec asker -- nslookup ${args.join(' ')}`);
  return stdout + stderr;
};
/** The addresses in it, without those of the server itself. */
const addresses = (said: string): string[] =>
  [...said.matchAll(/^Address(?: \d+)?: (\d+\.\d+\.\d+\.\d+)$/gm)].map((match) => match[1]!).sort();
/** The whole name has these addresses: busybox' nslookup has its own idea of search domains. */
const finds = (name: string, wanted: readonly string[]): Promise<true> =>
  eventually(`${name} is ${wanted}`, async () => {
    const found = addresses(await lookup('-type=a', name));
    return String(found) === String([...wanted].sort()) || undefined;
  });
const means = (name: string, address: string, from?: string): Promise<true> =>
  eventually(`${name} means ${address}`, async () => (await meant(name, from)) === address);
/** What nslookup says fits: an answer that is not there in time is asked for again. */
const hears = (wanted: RegExp, ...args: string[]): Promise<string> =>
  eventually(`${args.join(' ')}: ${wanted}`, async () => {
    const said = await lookup(...args);
    return wanted.test(said) && said;
  });
/** The address that a program of a pod finds, by the C library with its search domains. */
const meant = async (name: string, from = 'asker'): Promise<string | undefined> =>
  /^PING \S+ \(([\d.]+)\)/.exec((await shell.run(`kubectl exec ${from} -- ping -c 1 -W 1 ${name}`)).stdout)?.[1];

before(async () => {
  cluster = await startCluster();
  shell = new Shell(cluster, 'dns');
  server = (await cluster.client().get<Service>(resources.services, { namespace: 'kube-system', name: 'kube-dns' }))
    .spec!.clusterIP!;
  const peer = (name: string) => pod(name, { app: 'peers' }, { hostname: name, subdomain: 'peers' });
  const alias = (externalName: string): Service['spec'] => ({ type: 'ExternalName', externalName });
  const http = { name: 'http', port: 80, targetPort: 'page' };
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'List',
    items: [
      service('web', { selector: { app: 'web' }, ports: [http] }),
      service('peers', { clusterIP: 'None', selector: { app: 'peers' }, ports: [http] }),
      service('nobody', { clusterIP: 'None', selector: { app: 'nobody' } }),
      service('inside', alias('web.default.svc.cluster.local')),
      service('outside', alias('shop.example.com')),
      pod('asker', { app: 'asker' }),
      pod('web', { app: 'web' }),
      peer('one'),
      peer('two'),
    ],
  });
  await shell.ok('kubectl wait --for=condition=Ready pod --all --timeout=120s');
});

after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await cluster.remove();
});

test('a pod finds services by short and by long names, and the API as kubernetes.default', limit, async () => {
  const file = await shell.ok('kubectl exec asker -- cat /etc/resolv.conf');
  assert.deepEqual(file.trim().split('\n'), [
    'search default.svc.cluster.local svc.cluster.local cluster.local',
    `nameserver ${server}`,
    'options ndots:5',
  ]);
  const web = await clusterIp('web');
  for (const name of ['web.default.svc.cluster.local', 'WEB.Default.svc.cluster.local.']) await finds(name, [web]);
  for (const name of ['web', 'web.default', 'web.default.svc']) await means(name, web);
  await means('kubernetes.default', await clusterIp('kubernetes'));
  await hears(/\b80 web\.default\.svc/, '-type=srv', '_http._tcp.web.default.svc.cluster.local');
  await hears(/name = web\.default\.svc\.cluster\.local/, web);
  await finds('inside.default.svc.cluster.local', [web]);
  await hears(/1\.1\.0/, '-type=txt', 'dns-version.cluster.local');
});

test('what is not there is NXDOMAIN at once, and what has no IPv6 address exists all the same', limit, async () => {
  await hears(/NXDOMAIN/, 'no-such.default.svc.cluster.local');
  await hears(/NXDOMAIN/, 'nobody.default.svc.cluster.local');
  assert.doesNotMatch(await lookup('-type=aaaa', 'web.default.svc.cluster.local'), /NXDOMAIN|SERVFAIL/);
});

test('a headless service leads to its pods, each by its own name, and a pod that goes is gone', limit, async () => {
  const [one, two] = [await ipOf('one'), await ipOf('two')];
  await finds('peers.default.svc.cluster.local', [one, two]);
  await finds('one.peers.default.svc.cluster.local', [one]);
  await means('two.peers', two);
  const ports = await hears(/8080 one\.peers\.default\.svc/, '-type=srv', '_http._tcp.peers.default.svc.cluster.local');
  assert.match(ports, /8080 two\.peers\.default\.svc/);
  await hears(/name = two\.peers\.default\.svc\.cluster\.local/, two);
  await finds(`${one.replaceAll('.', '-')}.default.pod.cluster.local`, [one]);
  await shell.ok('kubectl delete pod two --now');
  await finds('peers.default.svc.cluster.local', [one]);
});

test('the hostname of a pod, its hosts file and its resolv.conf are what its spec says', limit, async () => {
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'List',
    items: [
      pod(
        'named',
        {},
        {
          hostname: 'h',
          subdomain: 'peers',
          setHostnameAsFQDN: true,
          hostAliases: [{ ip: '192.0.2.9', hostnames: ['elsewhere'] }],
          dnsPolicy: 'None',
          dnsConfig: {
            nameservers: [server],
            searches: ['svc.cluster.local'],
            options: [{ name: 'ndots', value: '2' }],
          },
        },
      ),
      pod('on-host', {}, { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }),
      pod('as-node', {}, { dnsPolicy: 'Default' }),
      pod('asks-many', {}, { dnsConfig: { nameservers: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] } }),
    ],
  });
  await shell.ok('kubectl wait --for=condition=Ready pod/named pod/on-host pod/as-node --timeout=120s');
  assert.equal(
    await shell.ok('kubectl exec named -- sh -c "hostname; cat /etc/resolv.conf; grep elsewhere /etc/hosts"'),
    `h.peers.default.svc.cluster.local\nsearch svc.cluster.local\nnameserver ${server}\noptions ndots:2\n192.0.2.9\telsewhere\n`,
  );
  await means('web', await clusterIp('web'), 'on-host');
  assert.equal(await shell.ok('kubectl exec as-node -- cat /etc/resolv.conf'), 'nameserver 127.0.0.1\n');
  await eventually('the server too many is told of', async () =>
    new RegExp(`DNSConfigForming .*: ${server} 192.0.2.1 192.0.2.2\n`).test(
      await shell.ok('kubectl events --for pod/asks-many --no-headers'),
    ),
  );
});

/** Runs in the node's network namespace until it is killed. */
async function startWorld(): Promise<{ child: ChildProcess; asked: string[] }> {
  const program = fileURLToPath(new URL('dns-upstream.ts', import.meta.url));
  const net = nodePaths(cluster.paths, cluster.node()).namespaceFile;
  const child = spawn('nsenter', [`--net=${net}`, process.execPath, program], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  const asked: string[] = [];
  const listens = Promise.withResolvers<void>();
  createInterface({ input: child.stdout! }).on('line', (line) => {
    if (line === 'listening') listens.resolve();
    else asked.push(line);
  });
  child.on('exit', () => listens.reject(new Error('the upstream server ended')));
  await listens.promise;
  return { child, asked };
}

test('the rest of the world is asked of the node’s servers, over TCP where UDP does not do', limit, async () => {
  // A node without servers says so, and the cluster has its names.
  await hears(/SERVFAIL/, 'www.example.com.');
  await hears(/Name:/, 'web.default.svc.cluster.local');
  const { child, asked } = await startWorld();
  writeFileSync(nodePaths(cluster.paths, cluster.node()).resolvConf, 'nameserver 127.0.0.1\n');
  await finds('www.example.com.', ['192.0.2.7']);
  await finds('outside.default.svc.cluster.local', ['192.0.2.7']);
  await hears(/NXDOMAIN/, 'no.example.com.');
  const many = async () => addresses(await lookup('-type=a', 'big.example.com.')).length > 10;
  await eventually('as many as fit', many);
  await eventually('it was asked over TCP', () => asked.includes('asked big.example.com A tcp'));
  assert.ok(!asked.some((line) => line.includes('cluster.local')), asked.join('\n'));

  child.kill('SIGKILL');
  await once(child, 'exit');
  await finds('www.example.com.', ['192.0.2.7']);
  await hears(/SERVFAIL/, '-type=a', 'new.example.com.'); // nobody kept it
  await finds('web.default.svc.cluster.local', [await clusterIp('web')]);
  await startWorld();
  await finds('new.example.com.', ['192.0.2.7']);
});

test('an agent that is killed leaves its pods without names only until it is back', limit, async () => {
  const agent = cluster.part(`${cluster.node()}/agent`);
  process.kill(agent.pid, 'SIGKILL');
  await eventually('the agent is dead', () => !isAlive(agent));
  const { code, stderr } = await cluster.slipway('up');
  assert.equal(code, 0, stderr);
  await finds('web.default.svc.cluster.local', [await clusterIp('web')]);
});
