// Which of its endpoints a service leads to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { briefly } from '../peer.ts';
import { ipOf, limit, names, type ServicePlace, tcpAndUdp, until, web } from './place.ts';

export function ofChoosing(place: ServicePlace): void {
  test('endpoints that end are used only while none is ready; what is not ready never is', limit, async () => {
    const ip = ipOf(await place.serviceNamed('manual'));
    const going = { ready: false, serving: true, terminating: true };
    await place.endpoints('manual', [
      { pod: 'a', ready: true },
      { pod: 'b', ...going },
    ]);
    await until('a answers', () => place.client.hears(ip, 80), /^a /);
    assert.deepEqual(names(await place.client.asks(ip, 80, { times: 20 })), ['a']);
    await place.endpoints('manual', [
      { pod: 'a', ready: false },
      { pod: 'b', ...going },
    ]);
    await until('b answers', () => place.client.hears(ip, 80), /^b /);
    await place.endpoints('manual', [{ pod: 'a', ready: false }]);
    await until('nobody is left', () => place.client.hears(ip, 80), /^ECONNREFUSED$/);
  });

  test('not ready pods are published where the service wants it', limit, async () => {
    await place.cluster.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'shy', labels: { app: 'shy' } },
      spec: {
        nodeName: place.cluster.node(2),
        readinessGates: [{ conditionType: 'example.com/never' }],
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'm', image: 'slipway/sample:1' }],
      },
    });
    const asks = async (name: string, publishNotReadyAddresses: boolean) => {
      const ip = ipOf(await place.service(name, { selector: { app: 'shy' }, publishNotReadyAddresses, ports: web }));
      return async (): Promise<string> => {
        const [word] = Object.keys(await place.client.asks(ip, 80, { send: 'GET / HTTP/1.0\r\n\r\n' }));
        return word ?? '';
      };
    };
    await until('the pod answers', await asks('shy', true), /It floats/);
    await until('it is not told', await asks('reticent', false), /^ECONNREFUSED$/);
  });

  test('a client keeps to its endpoint, and gets another only when that one leaves', limit, async () => {
    const ip = ipOf(await place.service('sticky', { ports: tcpAndUdp, sessionAffinity: 'ClientIP' }));
    await place.endpoints('sticky', [{ pod: 'a' }, { pod: 'b' }]);
    const first = (await until('somebody answers', () => place.client.hears(ip, 80), /^[ab] /)).split(' ')[0] as
      | 'a'
      | 'b';
    assert.deepEqual(names(await place.client.asks(ip, 80, { times: 40 })), [first]);
    const other = first === 'a' ? 'b' : 'a';
    await place.endpoints('sticky', [{ pod: other }]);
    await until('the other answers', () => place.client.hears(ip, 80), new RegExp(`^${other} `));
    await place.endpoints('sticky', [{ pod: 'a' }, { pod: 'b' }]);
    const both = new RegExp(`@clients-${place.addresses['a']}/[\\s\\S]*@clients-${place.addresses['b']}/`);
    await until('both are there again', () => place.rulesOf(1), both);
    assert.deepEqual(names(await place.client.asks(ip, 80, { times: 40 })), [other]);
    await place.service('sticky', { ports: tcpAndUdp, sessionAffinity: 'None' });
    const answering = async (): Promise<string> => names(await place.client.asks(ip, 80, { times: 20 })).join();
    await until('nobody is kept to anybody', answering, /^a,b$/);
  });

  test('a TCP connection outlives the endpoint’s place behind the service, a UDP flow moves on', limit, async () => {
    const ip = ipOf(await place.service('moving', { ports: tcpAndUdp }));
    await place.endpoints('moving', [{ pod: 'a' }]);
    await until('a answers', () => place.client.hears(ip, 80), /^a /);
    assert.match(await place.client.hold(1, ip, 80), /^a /);
    assert.match(await place.client.flow(1, ip, 53), /^a /);
    await place.endpoints('moving', [{ pod: 'b' }]);
    await until('b answers', () => place.client.hears(ip, 80), /^b /);
    assert.equal(await place.client.say(1, 'still here'), 'still here');
    await until('the flow goes to b', () => place.client.flow(1, ip, 53), /^b /);
  });

  test('internalTrafficPolicy Local: only endpoints of the same node, and none elsewhere', limit, async () => {
    const ip = ipOf(await place.service('near', { ports: tcpAndUdp, internalTrafficPolicy: 'Local' }));
    await place.endpoints('near', [{ pod: 'a' }, { pod: 'b' }]);
    await until('a answers', () => place.client.hears(ip, 80), /^a /);
    assert.deepEqual(names(await place.client.asks(ip, 80, { times: 20 })), ['a']);
    await place.endpoints('near', [{ pod: 'b' }]);
    await until('the packet is dropped', () => place.client.hears(ip, 80, briefly), /^silent$/);
  });

  test('hints lead to where the client is: its zone, or its node; without them anybody answers', limit, async () => {
    const { cluster, shell, client } = place;
    const [one, two] = [cluster.node(1), cluster.node(2)];
    const topology = (trafficDistribution?: string) => ({
      selector: { app: 'web' },
      ports: tcpAndUdp,
      ...(trafficDistribution ? { trafficDistribution } : {}),
    });
    const ip = ipOf(await place.service('close', topology('PreferClose')));
    const answering = async (): Promise<string> => names(await client.asks(ip, 80, { times: 20 })).join();
    await until('nobody knows a zone', answering, /^a,b$/);
    await shell.ok(`kubectl label node ${one} topology.kubernetes.io/zone=one`);
    await shell.ok(`kubectl label node ${two} topology.kubernetes.io/zone=two`);
    await until('only the own zone answers', answering, /^a$/);
    await shell.ok(`kubectl label node ${two} topology.kubernetes.io/zone=one --overwrite`);
    await until('both are in one zone', answering, /^a,b$/);
    await place.service('close', topology('PreferSameNode'));
    await until('only the own node answers', answering, /^a$/);
    await place.service('close', topology());
    await shell.ok('kubectl annotate service close service.kubernetes.io/topology-mode=Auto');
    await until('one zone needs no hints', answering, /^a,b$/);
    await shell.ok(`kubectl label node ${two} topology.kubernetes.io/zone=two --overwrite`);
    await until('each zone has its endpoint', answering, /^a$/);
    await until(
      'the event',
      () => shell.ok('kubectl events --for svc/close --no-headers'),
      /TopologyAwareHintsDisabled/,
    );
    await shell.ok('kubectl delete svc close');
    await shell.ok(`kubectl label node ${one} ${two} topology.kubernetes.io/zone-`);
  });
}
