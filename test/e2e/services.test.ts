// Packets for services get to endpoints, on two nodes of real containers: from pods, from nodes and from the machine. Who serves
// behind a service are peers in the pods' own networks, since the sample image has no server that tells whom it sees.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { EndpointConditions, EndpointSlice, Node, Pod, Service, ServiceSpec } from '../../core/api/types.gen.ts';
import { resources } from '../../core/client/resources.ts';
import { controlPlaneFiles } from '../../local/cluster/control-plane-part.ts';
import { runOrFail } from '../../local/run.ts';
import { nodePaths } from '../../local/state/paths.ts';
import { isAlive } from '../../local/state/processes.ts';
import { readReady } from '../../local/state/ready-file.ts';
import { eventually, startCluster, type TestPlace } from './cluster.ts';
import { namespaceOfPod, Peer } from './peer.ts';
import { Shell } from './shell.ts';

const limit = { timeout: 60_000 };
const peers: Peer[] = [];
let cluster: TestPlace;
let shell: Shell;
/** Pods: `a` and the client on the first node, `b` on the second. */
const addresses: Record<string, string> = {};
const nodeAddresses: string[] = [];
let client: Peer;
let podA: Peer;
let nodeOne: Peer;
let machine: Peer;
/** An agent that comes up again, until it is ready by the control plane's own word. */
let starting: Promise<unknown> | undefined;

const get = (name: string): Promise<Pod> => cluster.client().get<Pod>(resources.pods, { namespace: 'default', name });

async function startPod(name: string, node: number, labels: Record<string, string>): Promise<void> {
  const ports = [
    { name: 'web', containerPort: 8080 },
    { name: 'dns', containerPort: 8080, protocol: 'UDP' },
  ];
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: {
      nodeName: cluster.node(node),
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'm', image: 'slipway/sample:1', command: ['sleep', '100000'], ports }],
    },
  });
}

function peer(namespace?: string): Peer {
  const one = new Peer(namespace);
  peers.push(one);
  return one;
}

before(async () => {
  cluster = await startCluster({ nodes: 2 });
  shell = new Shell(cluster, 'services');
  await Promise.all([startPod('a', 1, { app: 'web' }), startPod('b', 2, { app: 'web' }), startPod('client', 1, {})]);
  await shell.ok('kubectl wait --for=condition=Ready pod --all --timeout=60s');
  const peerOf = async (name: string): Promise<Peer> => {
    const { metadata, status } = await get(name);
    addresses[name] = status?.podIP ?? '';
    return peer(namespaceOfPod(metadata?.uid ?? ''));
  };
  const [a, b] = [await peerOf('a'), await peerOf('b')];
  podA = a;
  client = await peerOf('client');
  nodeOne = peer(nodePaths(cluster.paths, cluster.node(1)).namespaceFile);
  machine = peer();
  await Promise.all([a.serve('a', 8080), b.serve('b', 8080)]);
  for (const number of [1, 2]) {
    const node = await cluster.client().get<Node>(resources.nodes, { name: cluster.node(number) });
    nodeAddresses.push(node.status?.addresses?.[0]?.address ?? '');
  }
});
after(async () => {
  for (const one of peers) one.leave();
  await starting;
  await cluster.remove();
});

async function service(name: string, spec: ServiceSpec): Promise<Service> {
  await cluster.apply({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
  return serviceNamed(name);
}

const serviceNamed = (name: string): Promise<Service> =>
  cluster.client().get<Service>(resources.services, { namespace: 'default', name });
const ipOf = ({ spec }: Service): string => spec?.clusterIP ?? '';

type End = EndpointConditions & { pod: 'a' | 'b' };

/** A slice that the test keeps itself, for a service without a selector. */
async function endpoints(of: string, ends: readonly End[]): Promise<void> {
  await cluster.apply({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: of, labels: { 'kubernetes.io/service-name': of } },
    addressType: 'IPv4',
    ports: [
      { name: 'web', port: 8080 },
      { name: 'dns', port: 8080, protocol: 'UDP' },
    ],
    endpoints: ends.map(({ pod, ...conditions }) => ({
      addresses: [addresses[pod]],
      nodeName: cluster.node(pod === 'a' ? 1 : 2),
      conditions,
    })),
  });
}

const tcpAndUdp = [
  { name: 'web', port: 80, targetPort: 'web' },
  { name: 'dns', port: 53, protocol: 'UDP', targetPort: 'dns' },
];
const web = [{ name: 'web', port: 80, targetPort: 8080 }];

/** Asks until the answer is as wanted, since rules follow a change a moment later. */
const until = (what: string, ask: () => Promise<string>, wanted: RegExp): Promise<string> =>
  eventually(what, async () => {
    const heard = await ask();
    return wanted.test(heard) && heard;
  });

/** The rules that a node has for services, as nft lists them. */
async function rulesOf(node: number): Promise<string> {
  const { namespace } = nodePaths(cluster.paths, cluster.node(node));
  return runOrFail('ip', ['netns', 'exec', namespace, 'nft', 'list', 'table', 'ip', 'slipway-services']);
}

/** Who answered, without whom they saw. */
const names = (heard: Record<string, number>): string[] =>
  [...new Set(Object.keys(heard).map((word) => word.split(' ')[0]!))].sort();

test(
  'a service of several ports, whose targets have names, is reached from pods and nodes over TCP and UDP',
  limit,
  async () => {
    const ip = ipOf(await service('web', { selector: { app: 'web' }, ports: tcpAndUdp }));
    await until('the service answers', () => client.hears(ip, 80), /^[ab] /);
    const fromPod = await client.asks(ip, 80, { times: 40 });
    assert.deepEqual(names(fromPod), ['a', 'b'], 'connections are spread');
    assert.deepEqual(
      [...new Set(Object.keys(fromPod).map((word) => word.split(' ')[1]))],
      [addresses['client']],
      'pods keep their address',
    );
    assert.deepEqual(names(await client.asks(ip, 53, { protocol: 'udp', times: 40 })), ['a', 'b']);
    assert.deepEqual(names(await nodeOne.asks(ip, 80, { times: 40 })), ['a', 'b']);
    assert.deepEqual(names(await nodeOne.asks(ip, 53, { protocol: 'udp', times: 40 })), ['a', 'b']);
  },
);

test('a pod that reaches itself through its service is answered', limit, async () => {
  const ip = ipOf(await serviceNamed('web'));
  assert.deepEqual(names(await podA.asks(ip, 80, { times: 40 })), ['a', 'b']);
  assert.deepEqual(names(await podA.asks(ip, 53, { protocol: 'udp', times: 40 })), ['a', 'b']);
});

test('a container finds the API by its environment, trusts it, and is answered', limit, async () => {
  const said = await shell.ok(`kubectl exec client -- sh -c 'echo $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT'`);
  const [host = '', port] = said.trim().split(' ');
  assert.equal(
    await shell.ok(`kubectl exec client -- sh -c 'nc -w 2 ${host} ${port} </dev/null && echo open'`),
    'open\n',
  );
  const ca = readFileSync(readReady(controlPlaneFiles(cluster.paths).ready)!.files.ca, 'utf8');
  for (const from of [client, nodeOne])
    assert.match(await from.get(host, Number(port), 'kubernetes.default.svc', ca, '/version'), /"gitVersion"/);
});

test('node ports are open on every node, for the machine too; the node that was asked answers', limit, async () => {
  const made = await service('ports', { type: 'NodePort', selector: { app: 'web' }, ports: tcpAndUdp });
  const [tcp = 0, udp = 0] = (made.spec?.ports ?? []).map(({ nodePort }) => nodePort ?? 0);
  for (const address of nodeAddresses) {
    await until(`${address} answers`, () => machine.hears(address, tcp), /^[ab] /);
    assert.deepEqual(names(await machine.asks(address, tcp, { times: 40 })), ['a', 'b']);
    assert.deepEqual(names(await machine.asks(address, udp, { protocol: 'udp', times: 40 })), ['a', 'b']);
    assert.deepEqual(names(await client.asks(address, tcp, { times: 40 })), ['a', 'b']);
  }
  assert.deepEqual(names(await nodeOne.asks(nodeAddresses[0]!, tcp, { times: 40 })), ['a', 'b']);
});

test(
  'what leads nowhere is refused at once: no endpoints, a port that is none, an address that is none',
  limit,
  async () => {
    const made = await service('empty', { type: 'NodePort', ports: tcpAndUdp });
    const ip = ipOf(made);
    for (const from of [client, nodeOne]) {
      await until('the service is known', () => from.hears(ip, 80), /^ECONNREFUSED$/);
      assert.equal(await from.hears(ip, 81), 'ECONNREFUSED');
      await until('no such address', () => from.hears(ip.replace(/\d+$/, '254'), 80), /^EHOSTUNREACH$/);
    }
    await until('UDP is refused, though not as often as asked', () => client.hears(ip, 53, 'udp'), /^ECONNREFUSED$/);
    assert.equal(await machine.hears(nodeAddresses[1]!, made.spec?.ports?.[0]?.nodePort ?? 0), 'ECONNREFUSED');
  },
);

test(
  'a service without a selector leads where its slices say; headless ones and mere names have no address',
  limit,
  async () => {
    const ip = ipOf(await service('manual', { ports: tcpAndUdp }));
    await endpoints('manual', [{ pod: 'b' }]);
    await until('b answers', () => client.hears(ip, 80), /^b /);
    await service('headless', { clusterIP: 'None', selector: { app: 'web' }, ports: web });
    await service('elsewhere', { type: 'ExternalName', externalName: 'example.com' });
    assert.equal(ipOf(await serviceNamed('elsewhere')), '');
  },
);

test('a service changes its type: its address and its node port come and go with it', limit, async () => {
  const elsewhere = { type: 'ExternalName', externalName: 'example.com' };
  const here = { selector: { app: 'web' }, ports: web };
  await service('changing', elsewhere);
  const made = await service('changing', { type: 'NodePort', ...here });
  const ip = ipOf(made);
  const nodePort = made.spec?.ports?.[0]?.nodePort ?? 0;
  const fromOutside = () => machine.hears(nodeAddresses[1]!, nodePort);
  await until('the node port answers', fromOutside, /^[ab] /);
  await until('its address does', () => client.hears(ip, 80), /^[ab] /);
  assert.equal(ipOf(await service('changing', { type: 'ClusterIP', ...here })), ip);
  await until('the node port is closed', fromOutside, /^ECONNREFUSED$/);
  assert.match(await client.hears(ip, 80), /^[ab] /);
  assert.equal(ipOf(await service('changing', elsewhere)), '');
  await until('the address is nobody’s', () => client.hears(ip, 80), /^EHOSTUNREACH$/);
});

test('endpoints that end are used only while none is ready; what is not ready never is', limit, async () => {
  const ip = ipOf(await serviceNamed('manual'));
  const going = { ready: false, serving: true, terminating: true };
  await endpoints('manual', [
    { pod: 'a', ready: true },
    { pod: 'b', ...going },
  ]);
  await until('a answers', () => client.hears(ip, 80), /^a /);
  assert.deepEqual(names(await client.asks(ip, 80, { times: 20 })), ['a']);
  await endpoints('manual', [
    { pod: 'a', ready: false },
    { pod: 'b', ...going },
  ]);
  await until('b answers', () => client.hears(ip, 80), /^b /);
  await endpoints('manual', [{ pod: 'a', ready: false }]);
  await until('nobody is left', () => client.hears(ip, 80), /^ECONNREFUSED$/);
});

test('not ready pods are published where the service wants it', limit, async () => {
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'shy', labels: { app: 'shy' } },
    spec: {
      nodeName: cluster.node(2),
      readinessGates: [{ conditionType: 'example.com/never' }],
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'm', image: 'slipway/sample:1' }],
    },
  });
  const asks = async (name: string, publishNotReadyAddresses: boolean) => {
    const ip = ipOf(await service(name, { selector: { app: 'shy' }, publishNotReadyAddresses, ports: web }));
    return async (): Promise<string> => {
      const [word] = Object.keys(await client.asks(ip, 80, { send: 'GET / HTTP/1.0\r\n\r\n' }));
      return word ?? '';
    };
  };
  await until('the pod answers', await asks('shy', true), /It floats/);
  await until('it is not told', await asks('reticent', false), /^ECONNREFUSED$/);
});

test('a client keeps to its endpoint, and gets another only when that one leaves', limit, async () => {
  const ip = ipOf(await service('sticky', { ports: tcpAndUdp, sessionAffinity: 'ClientIP' }));
  await endpoints('sticky', [{ pod: 'a' }, { pod: 'b' }]);
  const first = (await until('somebody answers', () => client.hears(ip, 80), /^[ab] /)).split(' ')[0] as 'a' | 'b';
  assert.deepEqual(names(await client.asks(ip, 80, { times: 40 })), [first]);
  const other = first === 'a' ? 'b' : 'a';
  await endpoints('sticky', [{ pod: other }]);
  await until('the other answers', () => client.hears(ip, 80), new RegExp(`^${other} `));
  await endpoints('sticky', [{ pod: 'a' }, { pod: 'b' }]);
  const both = new RegExp(`@clients-${addresses['a']}/[\\s\\S]*@clients-${addresses['b']}/`);
  await until('both are there again', () => rulesOf(1), both);
  assert.deepEqual(names(await client.asks(ip, 80, { times: 40 })), [other]);
  await service('sticky', { ports: tcpAndUdp, sessionAffinity: 'None' });
  const answering = async (): Promise<string> => names(await client.asks(ip, 80, { times: 20 })).join();
  await until('nobody is kept to anybody', answering, /^a,b$/);
});

test('a TCP connection outlives the endpoint’s place behind the service, a UDP flow moves on', limit, async () => {
  const ip = ipOf(await service('moving', { ports: tcpAndUdp }));
  await endpoints('moving', [{ pod: 'a' }]);
  await until('a answers', () => client.hears(ip, 80), /^a /);
  assert.match(await client.hold(1, ip, 80), /^a /);
  assert.match(await client.flow(1, ip, 53), /^a /);
  await endpoints('moving', [{ pod: 'b' }]);
  await until('b answers', () => client.hears(ip, 80), /^b /);
  assert.equal(await client.say(1, 'still here'), 'still here');
  await until('the flow goes to b', () => client.flow(1, ip, 53), /^b /);
});

test('internalTrafficPolicy Local: only endpoints of the same node, and none elsewhere', limit, async () => {
  const ip = ipOf(await service('near', { ports: tcpAndUdp, internalTrafficPolicy: 'Local' }));
  await endpoints('near', [{ pod: 'a' }, { pod: 'b' }]);
  await until('a answers', () => client.hears(ip, 80), /^a /);
  assert.deepEqual(names(await client.asks(ip, 80, { times: 20 })), ['a']);
  await endpoints('near', [{ pod: 'b' }]);
  await until('the packet is dropped', () => client.hears(ip, 80), /^silent$/);
});

test(
  'externalTrafficPolicy Local: endpoints see the client, nodes without one drop, and health checks tell which',
  limit,
  async () => {
    const ports = web.map((port) => ({ ...port, targetPort: 'web' }));
    const made = await service('outer', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ports });
    const nodePort = made.spec?.ports?.[0]?.nodePort ?? 0;
    await endpoints('outer', [{ pod: 'a' }]);
    const [one = '', two = ''] = nodeAddresses;
    const gateway = one.replace(/\d+$/, '1');
    await until('a answers', () => machine.hears(one, nodePort), /^a /);
    assert.equal(await machine.hears(one, nodePort), `a ${gateway}`);
    await until('the second node drops', () => machine.hears(two, nodePort), /^silent$/);
    const health = async (address: string) => {
      const answer = await fetch(`http://${address}:${made.spec?.healthCheckNodePort}/`);
      return [answer.status, ((await answer.json()) as { localEndpoints: number }).localEndpoints];
    };
    assert.deepEqual(await health(one), [200, 1]);
    assert.deepEqual(await health(two), [503, 0]);
    const status = `kubectl get svc outer -o jsonpath='{.status.loadBalancer.ingress[*].ip}'`;
    await eventually('only the node with an endpoint is named', async () => (await shell.ok(status)) === one);
    await endpoints('outer', [{ pod: 'b' }]);
    await until('the first node drops', () => machine.hears(one, nodePort), /^silent$/);
    for (const from of [client, nodeOne])
      assert.match(await from.hears(one, nodePort), /^b /, 'what comes from the node itself may go anywhere');
  },
);

test(
  'a load balancer is the nodes themselves, behind its source ranges; the port is free again afterwards',
  limit,
  async () => {
    await shell.ok('kubectl delete svc outer');
    const ports = [{ name: 'web', port: 80, targetPort: 8080 }];
    const spec = { type: 'LoadBalancer', selector: { app: 'web' }, ports };
    await service('front', spec);
    const told = `kubectl get svc front -o jsonpath='{.status.loadBalancer.ingress[*].ip}'`;
    await eventually('it has the nodes’ addresses', async () => (await shell.ok(told)) === nodeAddresses.join(' '));
    assert.match(
      await shell.ok('kubectl get svc front'),
      new RegExp(`^front +LoadBalancer +\\S+ +${nodeAddresses.join(',')} `, 'm'),
    );
    const [one = '', two = ''] = nodeAddresses;
    for (const from of [machine, client]) await until('it answers', () => from.hears(two, 80), /^[ab] /);
    await service('late', spec);
    const waits = `kubectl events --for svc/late --no-headers`;
    await eventually('the second is told why it waits', async () =>
      /SyncLoadBalancerFailed.*default\/front has TCP 80/.test(await shell.ok(waits)),
    );
    const podRange = `${addresses['client']}/32`;
    await service('front', { ...spec, loadBalancerSourceRanges: [podRange] });
    await until('the machine is shut out', () => machine.hears(one, 80), /^silent$/);
    assert.match(await client.hears(one, 80), /^[ab] /);
    await shell.ok('kubectl delete svc front');
    const next = `kubectl get svc late -o jsonpath='{.status.loadBalancer.ingress[*].ip}'`;
    await eventually('the port goes to who waited', async () => (await shell.ok(next)) === nodeAddresses.join(' '));
    await shell.ok('kubectl delete svc late');
    await until('nobody has it', () => machine.hears(one, 80), /^ECONNREFUSED$/);
  },
);

test('an external address leads pods into the service', limit, async () => {
  await service('external', { selector: { app: 'web' }, externalIPs: ['192.0.2.77'], ports: web });
  await until('it answers', () => client.hears('192.0.2.77', 80), /^[ab] /);
});

test('rules outlive the agent; the next one finds out what changed meanwhile', limit, async () => {
  const ip = ipOf(await serviceNamed('moving'));
  const agent = cluster.part(`${cluster.node(1)}/agent`);
  process.kill(agent.pid, 'SIGKILL');
  await eventually('the agent is dead', () => !isAlive(agent));
  assert.match(await client.hears(ip, 80), /^b /);
  await endpoints('moving', [{ pod: 'a' }]);
  starting = cluster.slipway('up', '--no-install');
  await until('a answers', () => client.hears(ip, 80), /^a /);
});

/** Visits a service from two clients until `enough`; every visit must be served. How many were. */
async function visitUntil(ip: string, enough: (served: number) => boolean): Promise<number> {
  const heard: Record<string, number> = {};
  let served = 0;
  const visit = async (from: Peer): Promise<void> => {
    while (!enough(served)) {
      for (const [word, times] of Object.entries(
        await from.asks(ip, 80, { send: 'GET / HTTP/1.0\r\n\r\n', times: 50 }),
      )) {
        const key = /It floats/.test(word) ? 'served' : word;
        heard[key] = (heard[key] ?? 0) + times;
      }
      served = heard['served'] ?? 0;
      assert.deepEqual(Object.keys(heard), ['served'], JSON.stringify(heard));
    }
  };
  await Promise.all([client, client, nodeOne].map(visit));
  return served;
}

async function startFloating(name: string, container: object): Promise<string> {
  await shell.ok(
    `kubectl create deployment ${name} --image=slipway/sample:1 --replicas=3 --dry-run=client -o json > d.json`,
  );
  const patch = {
    spec: { template: { spec: { terminationGracePeriodSeconds: 5, containers: [{ name: 'sample', ...container }] } } },
  };
  await shell.ok(`kubectl patch --local -f d.json -p '${JSON.stringify(patch)}' -o json | kubectl apply -f -`);
  await shell.ok(`kubectl rollout status deploy/${name} --timeout=60s`);
  const ip = ipOf(await service(name, { selector: { app: name }, ports: web }));
  const page = { send: 'GET / HTTP/1.0\r\n\r\n' };
  for (const from of [client, nodeOne])
    await until('it floats', async () => Object.keys(await from.asks(ip, 80, page)).join(), /It floats/);
  return ip;
}

test('ten thousand connections through a service during rolling updates: not one fails', {
  timeout: 180_000,
}, async () => {
  const ip = await startFloating('floats', {
    readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
    lifecycle: { preStop: { sleep: { seconds: 2 } } },
  });
  let updates = 0;
  let over = false;
  const rolling = (async (): Promise<void> => {
    while (!over) {
      await shell.ok('kubectl rollout restart deploy/floats && kubectl rollout status deploy/floats --timeout=60s');
      updates++;
    }
  })();
  const served = await visitUntil(ip, (count) => count >= 10_000 && updates > 0).finally(() => {
    over = true;
  });
  await rolling;
  assert.ok(served >= 10_000);
  await shell.ok('kubectl delete deploy floats --wait=false');
});

test('pods whose readiness flaps come and go behind their service, and no connection fails', limit, async () => {
  const ip = await startFloating('flaps', {
    readinessProbe: { exec: { command: ['test', '!', '-e', '/down'] }, periodSeconds: 1, failureThreshold: 1 },
  });
  const query = { namespace: 'default', labelSelector: 'kubernetes.io/service-name=flaps' };
  const areReady = (count: number): Promise<unknown> =>
    eventually(`${count} are ready`, async () => {
      const { items } = await cluster.client().list<EndpointSlice>(resources.endpointSlices, query);
      const ready = items.flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions?.ready);
      return ready.length === count;
    });
  let over = false;
  const flapping = (async (): Promise<void> => {
    for (const pod of (await shell.ok('kubectl get pods -l app=flaps -o name')).trim().split('\n')) {
      await shell.ok(`kubectl exec ${pod} -- touch /down`);
      await areReady(2);
      await shell.ok(`kubectl exec ${pod} -- rm /down`);
      await areReady(3);
    }
  })().finally(() => {
    over = true;
  });
  await Promise.all([flapping, visitUntil(ip, () => over)]);
});

test('a service that is deleted is gone from every node', limit, async () => {
  const ip = ipOf(await serviceNamed('web'));
  await shell.ok('kubectl delete svc web');
  for (const from of [client, nodeOne]) await until('nobody answers', () => from.hears(ip, 80), /^EHOSTUNREACH$/);
});
