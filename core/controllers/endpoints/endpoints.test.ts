// Where a service leads.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from '../../../test/golden-file.ts';
import type { Stored } from '../../api/objects.ts';
import type { Endpoint, Endpoints, ServiceSpec } from '../../api/types.gen.ts';
import type { Action } from '../controller.ts';
import { makePod, nowMs, type PodLike } from '../fixture/objects.ts';
import { decideSlices, type ObservedSlices } from './endpoint-slice.ts';
import { decideEndpoints, subsetsOf } from './endpoints.ts';
import { decideMirror } from './mirroring.ts';
import type { StoredService } from './service-pods.ts';
import type { StoredSlice } from './slices.ts';

const makeService = (spec: ServiceSpec = {}): StoredService => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default', uid: 'uid-web', labels: { tier: 'front' } },
  spec: {
    clusterIP: '10.0.0.9',
    selector: { app: 'web' },
    ipFamilies: ['IPv4'],
    ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }],
    ...spec,
  },
});
let ips = 0;
const pod = (name: string, like: PodLike = {}) =>
  makePod(name, { readyFor: 5, node: 'n1', ...like, status: { podIP: `10.1.0.${++ips}`, ...like.status } });

const observe = (more: Partial<ObservedSlices> = {}): ObservedSlices => ({
  service: makeService(),
  pods: [],
  zones: { n1: 'zone-a' },
  nodes: [],
  slices: [],
  ...more,
});

/** The slices as they are once the actions are done. */
function apply(slices: readonly StoredSlice[], actions: Action[]): StoredSlice[] {
  const result = new Map(slices.map((slice) => [slice.metadata.name, slice]));
  for (const action of actions) {
    if (action.do === 'delete') result.delete(action.key.name);
    else if ('object' in action) result.set(action.object.metadata.name ?? '', action.object as unknown as StoredSlice);
  }
  return [...result.values()];
}

const endpointsOf = (slices: readonly StoredSlice[]): Endpoint[] => slices.flatMap(({ endpoints }) => endpoints ?? []);

test('a service without pods has a slice that says so', () => {
  ips = 0;
  assertGolden('controllers/slices-empty', decideSlices(observe(), nowMs));
});

test('ready, serving and terminating say what may be sent to a pod', () => {
  const pods = [pod('up'), pod('starting', { readyFor: undefined }), pod('going', { deleting: true })];
  const said = (publishNotReadyAddresses: boolean) =>
    endpointsOf(
      apply([], decideSlices(observe({ pods, service: makeService({ publishNotReadyAddresses }) }), nowMs)),
    ).map(({ targetRef, conditions }) => [
      targetRef?.name,
      conditions?.ready,
      conditions?.serving,
      conditions?.terminating,
    ]);
  assert.deepEqual(said(false), [
    ['up', true, true, false],
    ['starting', false, false, false],
    ['going', false, true, true],
  ]);
  assert.deepEqual(
    said(true).map(([, ready]) => ready),
    [true, true, true],
  );
});

test('an endpoint names its pod, node, zone and hostname, and what is right already is not written again', () => {
  ips = 0;
  const named = pod('named', { spec: { hostname: 'db-0', subdomain: 'web' } });
  const observed = observe({ pods: [named], service: makeService({ trafficDistribution: 'PreferSameZone' }) });
  const actions = decideSlices(observed, nowMs);
  assertGolden('controllers/slices-one', actions);
  assert.deepEqual(decideSlices({ ...observed, slices: apply([], actions) }, nowMs + 60_000), []);
});

test('hints say where an endpoint is wanted: in its zone, on its node, or where its zone has too few', () => {
  const near = (trafficDistribution: string | undefined, annotations: Record<string, string> = {}) => {
    const service = makeService(trafficDistribution ? { trafficDistribution } : {});
    const pods = [pod('a'), pod('b'), pod('starting', { readyFor: undefined }), pod('far', { node: 'elsewhere' })];
    const zones = { n1: 'zone-a', elsewhere: 'zone-a' };
    const nodes = ['zone-a', 'zone-b'].map((zone) => ({
      metadata: { labels: { 'topology.kubernetes.io/zone': zone } },
      status: { allocatable: { cpu: '2' }, conditions: [{ type: 'Ready', status: 'True' }] },
    }));
    const auto = { ...service, metadata: { ...service.metadata, annotations } };
    const observed = observe({ service: auto, pods, zones, nodes });
    const actions = decideSlices(observed, nowMs);
    const slices = apply([], actions);
    const again = decideSlices({ ...observed, slices }, nowMs + 1000);
    assert.deepEqual(
      again.filter((action) => action.do !== 'event'),
      [],
    );
    const told = actions.flatMap((action) => (action.do === 'event' ? `${action.reason}: ${action.message}` : []));
    const hints = endpointsOf(slices).map((one) => [
      one.targetRef?.name,
      one.hints?.forZones?.map(({ name }) => name).join(),
      one.hints?.forNodes?.map(({ name }) => name).join(),
    ]);
    return { told, hints };
  };
  const inZone = [
    ['a', 'zone-a', undefined],
    ['b', 'zone-a', undefined],
    ['starting', undefined, undefined],
    ['far', 'zone-a', undefined],
  ];
  assert.deepEqual(near('PreferClose'), { told: [], hints: inZone });
  assert.deepEqual(near('PreferSameNode').hints, [
    ['a', 'zone-a', 'n1'],
    ['b', 'zone-a', 'n1'],
    ['starting', undefined, undefined],
    ['far', 'zone-a', 'elsewhere'],
  ]);
  assert.deepEqual(near(undefined).hints.flat().filter(Boolean), ['a', 'b', 'starting', 'far']);
  const mode = { 'service.kubernetes.io/topology-mode': 'Auto' };
  const uneven = near('PreferSameNode', mode);
  const why = 'Unable to allocate minimum required endpoints to each zone without exceeding overload threshold';
  assert.deepEqual(uneven.told, [`TopologyAwareHintsDisabled: ${why} (3 endpoints, 2 zones), addressType: IPv4`]);
  assert.deepEqual(uneven.hints.flat().filter(Boolean), ['a', 'b', 'starting', 'far']);
});

test('a topology aware service shares its endpoints out among the zones, and says so once', () => {
  const annotations = { 'service.kubernetes.io/topology-mode': 'Auto' };
  const service = { ...makeService(), metadata: { ...makeService().metadata, annotations } };
  const nodes = ['zone-a', 'zone-b'].map((zone) => ({
    metadata: { labels: { 'topology.kubernetes.io/zone': zone } },
    status: { allocatable: { cpu: '2' }, conditions: [{ type: 'Ready', status: 'True' }] },
  }));
  const observed = observe({ service, pods: [pod('a'), pod('b')], nodes });
  const actions = decideSlices(observed, nowMs);
  assert.deepEqual(
    actions.flatMap((action) => (action.do === 'event' ? action.reason : [])),
    ['TopologyAwareHintsEnabled'],
  );
  const slices = apply([], actions);
  const zonesOf = (of: readonly StoredSlice[]) => endpointsOf(of).map(({ hints }) => hints?.forZones?.[0]?.name);
  assert.deepEqual(zonesOf(slices).sort(), ['zone-a', 'zone-b']);
  assert.deepEqual(decideSlices({ ...observed, slices }, nowMs), []);
  const away = decideSlices({ ...observed, slices, nodes: nodes.slice(1) }, nowMs);
  assert.deepEqual(zonesOf(apply(slices, away)), [undefined, undefined], 'no hints with one zone left');
});

test('named ports may differ from pod to pod: each set of ports has its slice', () => {
  const withPort = (name: string, containerPort: number) =>
    pod(name, { spec: { containers: [{ name: 'c', image: 'v1', ports: [{ name: 'http', containerPort }] }] } });
  const service = makeService({ ports: [{ name: 'web', port: 80, targetPort: 'http' }] });
  const pods = [withPort('a', 1000), withPort('b', 2000), withPort('c', 1000), pod('without')];
  const slices = apply([], decideSlices(observe({ service, pods }), nowMs));
  const seen = slices.map(({ ports, endpoints }) => [
    ports?.[0]?.port,
    endpoints?.map(({ targetRef }) => targetRef?.name),
  ]);
  assert.deepEqual(seen, [
    [1000, ['a', 'c']],
    [2000, ['b']],
  ]);
});

test('many pods fill slices of a hundred, and a change touches one slice', () => {
  const pods = Array.from({ length: 250 }, (_, i) => pod(`p${i}`));
  const slices = apply([], decideSlices(observe({ pods }), nowMs));
  assert.deepEqual(
    slices.map(({ endpoints }) => endpoints?.length),
    [100, 100, 50],
  );
  const fewer = decideSlices(observe({ pods: pods.slice(1), slices }), nowMs);
  assert.equal(fewer.length, 1);
  const replaced = decideSlices(observe({ pods: [...pods.slice(1), pod('new')], slices }), nowMs);
  assert.equal(replaced.length, 1);
  assert.equal(endpointsOf(apply(slices, replaced)).length, 250);
  const none = apply(slices, decideSlices(observe({ slices }), nowMs));
  assert.deepEqual(endpointsOf(none), []);
});

test('finished pods and pods without an address are nobody’s endpoint, both families have their own slices', () => {
  const both = pod('both', { status: { podIPs: [{ ip: '10.1.1.1' }, { ip: 'fd00::1' }] } });
  const service = makeService({ ipFamilies: ['IPv4', 'IPv6'] });
  const slices = apply([], decideSlices(observe({ service, pods: [both] }), nowMs));
  assert.deepEqual(
    slices.map(({ addressType, endpoints }) => [addressType, endpoints?.[0]?.addresses]),
    [
      ['IPv4', ['10.1.1.1']],
      ['IPv6', ['fd00::1']],
    ],
  );
});

test('an Endpoints object has subsets by port, ready and not ready apart', () => {
  ips = 0;
  const pods = [pod('a'), pod('b', { readyFor: undefined }), pod('going', { deleting: true })];
  const service = makeService({
    ports: [
      { name: 'https', port: 443, targetPort: 8443 },
      { name: 'http', port: 80, targetPort: 8080 },
    ],
  });
  assertGolden('controllers/endpoints', decideEndpoints({ service, pods }, nowMs));
  const standing = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'web', uid: 'e' },
    subsets: subsetsOf(service, pods),
  };
  const labelled = {
    ...standing,
    metadata: {
      ...standing.metadata,
      labels: { tier: 'front', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' },
    },
  };
  assert.deepEqual(decideEndpoints({ service, pods, standing: labelled }, nowMs), []);
  assert.deepEqual(
    decideEndpoints({ pods: [], standing: labelled }, nowMs).map((action) => action.do),
    ['delete'],
  );
});

test('endpoints written by hand are mirrored, and the mirror goes with them', () => {
  const endpoints: Stored<Endpoints> = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'outside', namespace: 'default', uid: 'uid-outside', labels: { mine: 'yes' } },
    subsets: [
      {
        addresses: [{ ip: '192.0.2.1' }],
        notReadyAddresses: [{ ip: '192.0.2.2' }, { ip: '2001:db8::1' }],
        ports: [{ name: 'db', port: 5432 }],
      },
    ],
  };
  const actions = decideMirror({ endpoints, slices: [] });
  assertGolden('controllers/slices-mirror', actions);
  const slices = apply([], actions);
  assert.deepEqual(decideMirror({ endpoints, slices }), []);
  assert.deepEqual(apply(slices, decideMirror({ slices })), []);
});
