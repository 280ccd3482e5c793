// What the chapters about services share: two nodes of real containers, and peers that ask and answer in the pods' own networks,
// since the sample image has no server that tells whom it sees.
import type { Endpoint, EndpointConditions, Node, Pod, Service, ServiceSpec } from '../../../core/api/types.gen.ts';
import { resources } from '../../../core/client/resources.ts';
import { runOrFail } from '../../../local/run.ts';
import { nodePaths } from '../../../local/state/paths.ts';
import { eventually, startCluster, type TestPlace } from '../cluster.ts';
import { namespaceOfPod, Peer } from '../peer.ts';
import { Shell } from '../shell.ts';

export const limit = { timeout: 300_000 };

export const tcpAndUdp = [
  { name: 'web', port: 80, targetPort: 'web' },
  { name: 'dns', port: 53, protocol: 'UDP', targetPort: 'dns' },
];
export const web = [{ name: 'web', port: 80, targetPort: 8080 }];

type End = EndpointConditions & Pick<Endpoint, 'hints'> & { pod: 'a' | 'b' };

/** Pods: `a` and the client on the first node, `b` on the second. */
export class ServicePlace {
  cluster!: TestPlace;
  shell!: Shell;
  client!: Peer;
  podA!: Peer;
  nodeOne!: Peer;
  machine!: Peer;
  /** Of pods, by name. */
  readonly addresses: Record<string, string> = {};
  readonly nodeAddresses: string[] = [];
  /** An agent that comes up again, until it is ready by the control plane's own word. */
  starting: Promise<unknown> | undefined;
  readonly #peers: Peer[] = [];

  async start(): Promise<void> {
    this.cluster = await startCluster({ nodes: 2 });
    this.shell = new Shell(this.cluster, 'services');
    const web = { app: 'web' };
    await Promise.all([this.#startPod('a', 1, web), this.#startPod('b', 2, web), this.#startPod('client', 1, {})]);
    await this.shell.ok('kubectl wait --for=condition=Ready pod --all --timeout=120s');
    const [a, b] = [await this.#peerOf('a'), await this.#peerOf('b')];
    this.podA = a;
    this.client = await this.#peerOf('client');
    this.nodeOne = this.#peer(nodePaths(this.cluster.paths, this.cluster.node(1)).namespaceFile);
    this.machine = this.#peer();
    await Promise.all([a.serve('a', 8080), b.serve('b', 8080)]);
    for (const number of [1, 2]) {
      const node = await this.cluster.client().get<Node>(resources.nodes, { name: this.cluster.node(number) });
      this.nodeAddresses.push(node.status?.addresses?.[0]?.address ?? '');
    }
  }

  async leave(): Promise<void> {
    for (const one of this.#peers) one.leave();
    await this.starting;
    await this.cluster.remove();
  }

  async service(name: string, spec: ServiceSpec): Promise<Service> {
    await this.cluster.apply({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
    return this.serviceNamed(name);
  }

  serviceNamed(name: string): Promise<Service> {
    return this.cluster.client().get<Service>(resources.services, { namespace: 'default', name });
  }

  /** A slice that the test keeps itself, for a service without a selector. */
  async endpoints(of: string, ends: readonly End[]): Promise<void> {
    await this.cluster.apply({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: of, labels: { 'kubernetes.io/service-name': of } },
      addressType: 'IPv4',
      ports: [
        { name: 'web', port: 8080 },
        { name: 'dns', port: 8080, protocol: 'UDP' },
      ],
      endpoints: ends.map(({ pod, hints, ...conditions }) => ({
        addresses: [this.addresses[pod]],
        nodeName: this.cluster.node(pod === 'a' ? 1 : 2),
        conditions,
        ...(hints ? { hints } : {}),
      })),
    });
  }

  /** The rules that a node has for services, as nft lists them. */
  async rulesOf(node: number): Promise<string> {
    const { namespace } = nodePaths(this.cluster.paths, this.cluster.node(node));
    return runOrFail('ip', ['netns', 'exec', namespace, 'nft', 'list', 'table', 'ip', 'slipway-services']);
  }

  async #startPod(name: string, node: number, labels: Record<string, string>): Promise<void> {
    const ports = [
      { name: 'web', containerPort: 8080 },
      { name: 'dns', containerPort: 8080, protocol: 'UDP' },
    ];
    await this.cluster.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels },
      spec: {
        nodeName: this.cluster.node(node),
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'm', image: 'slipway/sample:1', command: ['sleep', '100000'], ports }],
      },
    });
  }

  #peer(namespace?: string): Peer {
    const one = new Peer(namespace);
    this.#peers.push(one);
    return one;
  }

  async #peerOf(name: string): Promise<Peer> {
    const { metadata, status } = await this.cluster.client().get<Pod>(resources.pods, { namespace: 'default', name });
    this.addresses[name] = status?.podIP ?? '';
    return this.#peer(namespaceOfPod(metadata?.uid ?? ''));
  }
}

export const ipOf = ({ spec }: Service): string => spec?.clusterIP ?? '';

/** Asks until the answer is as wanted, since rules follow a change a moment later. */
export const until = (what: string, ask: () => Promise<string>, wanted: RegExp): Promise<string> =>
  eventually(what, async () => {
    const heard = await ask();
    return wanted.test(heard) && heard;
  });

/** Who answered, without whom they saw. */
export const names = (heard: Record<string, number>): string[] =>
  [...new Set(Object.keys(heard).map((word) => word.split(' ')[0]!))].sort();
