// Who reaches a service, by which of its addresses, and what is refused.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { controlPlaneFiles } from '../../../local/cluster/control-plane-part.ts';
import { readReady } from '../../../local/state/ready-file.ts';
import { ipOf, limit, names, type ServicePlace, tcpAndUdp, until, web } from './place.ts';

export function ofReaching(place: ServicePlace): void {
  test(
    'a service of several ports, whose targets have names, is reached from pods and nodes over TCP and UDP',
    limit,
    async () => {
      const ip = ipOf(await place.service('web', { selector: { app: 'web' }, ports: tcpAndUdp }));
      await until('the service answers', () => place.client.hears(ip, 80), /^[ab] /);
      const fromPod = await place.client.asks(ip, 80, { times: 40 });
      assert.deepEqual(names(fromPod), ['a', 'b'], 'connections are spread');
      assert.deepEqual(
        [...new Set(Object.keys(fromPod).map((word) => word.split(' ')[1]))],
        [place.addresses['client']],
        'pods keep their address',
      );
      assert.deepEqual(names(await place.client.asks(ip, 53, { protocol: 'udp', times: 40 })), ['a', 'b']);
      assert.deepEqual(names(await place.nodeOne.asks(ip, 80, { times: 40 })), ['a', 'b']);
      assert.deepEqual(names(await place.nodeOne.asks(ip, 53, { protocol: 'udp', times: 40 })), ['a', 'b']);
    },
  );

  test('a pod that reaches itself through its service is answered', limit, async () => {
    const ip = ipOf(await place.serviceNamed('web'));
    assert.deepEqual(names(await place.podA.asks(ip, 80, { times: 40 })), ['a', 'b']);
    assert.deepEqual(names(await place.podA.asks(ip, 53, { protocol: 'udp', times: 40 })), ['a', 'b']);
  });

  test('a container finds the API by its environment, trusts it, and is answered', limit, async () => {
    const said = await place.shell.ok(
      `kubectl exec client -- sh -c 'echo $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT'`,
    );
    const [host = '', port] = said.trim().split(' ');
    assert.equal(
      await place.shell.ok(
        `kubectl exec client -- sh -c 'until nc -w 2 ${host} ${port} </dev/null; do sleep 0.1; done; echo open'`,
      ),
      'open\n',
    );
    const ca = readFileSync(readReady(controlPlaneFiles(place.cluster.paths).ready)!.files.ca, 'utf8');
    for (const from of [place.client, place.nodeOne])
      assert.match(await from.get(host, Number(port), 'kubernetes.default.svc', ca, '/version'), /"gitVersion"/);
  });

  test('node ports are open on every node, for the machine too; the node that was asked answers', limit, async () => {
    const made = await place.service('ports', { type: 'NodePort', selector: { app: 'web' }, ports: tcpAndUdp });
    const [tcp = 0, udp = 0] = (made.spec?.ports ?? []).map(({ nodePort }) => nodePort ?? 0);
    for (const address of place.nodeAddresses) {
      await until(`${address} answers`, () => place.machine.hears(address, tcp), /^[ab] /);
      assert.deepEqual(names(await place.machine.asks(address, tcp, { times: 40 })), ['a', 'b']);
      assert.deepEqual(names(await place.machine.asks(address, udp, { protocol: 'udp', times: 40 })), ['a', 'b']);
      assert.deepEqual(names(await place.client.asks(address, tcp, { times: 40 })), ['a', 'b']);
    }
    assert.deepEqual(names(await place.nodeOne.asks(place.nodeAddresses[0]!, tcp, { times: 40 })), ['a', 'b']);
  });

  test(
    'what leads nowhere is refused at once: no endpoints, a port that is none, an address that is none',
    limit,
    async () => {
      const made = await place.service('empty', { type: 'NodePort', ports: tcpAndUdp });
      const ip = ipOf(made);
      for (const from of [place.client, place.nodeOne]) {
        await until('the service is known', () => from.hears(ip, 80), /^ECONNREFUSED$/);
        assert.equal(await from.hears(ip, 81), 'ECONNREFUSED');
        await until('no such address', () => from.hears(ip.replace(/\d+$/, '254'), 80), /^EHOSTUNREACH$/);
      }
      await until(
        'UDP is refused, though not as often as asked',
        () => place.client.hears(ip, 53, { protocol: 'udp' }),
        /^ECONNREFUSED$/,
      );
      assert.equal(
        await place.machine.hears(place.nodeAddresses[1]!, made.spec?.ports?.[0]?.nodePort ?? 0),
        'ECONNREFUSED',
      );
    },
  );

  test(
    'a service without a selector leads where its slices say; headless ones and mere names have no address',
    limit,
    async () => {
      const ip = ipOf(await place.service('manual', { ports: tcpAndUdp }));
      await place.endpoints('manual', [{ pod: 'b' }]);
      await until('b answers', () => place.client.hears(ip, 80), /^b /);
      await place.service('headless', { clusterIP: 'None', selector: { app: 'web' }, ports: web });
      await place.service('elsewhere', { type: 'ExternalName', externalName: 'example.com' });
      assert.equal(ipOf(await place.serviceNamed('elsewhere')), '');
    },
  );

  test('a service changes its type: its address and its node port come and go with it', limit, async () => {
    const { client, machine } = place;
    const elsewhere = { type: 'ExternalName', externalName: 'example.com' };
    const here = { selector: { app: 'web' }, ports: web };
    await place.service('changing', elsewhere);
    const made = await place.service('changing', { type: 'NodePort', ...here });
    const ip = ipOf(made);
    const nodePort = made.spec?.ports?.[0]?.nodePort ?? 0;
    const fromOutside = () => machine.hears(place.nodeAddresses[1]!, nodePort);
    await until('the node port answers', fromOutside, /^[ab] /);
    await until('its address does', () => client.hears(ip, 80), /^[ab] /);
    assert.equal(ipOf(await place.service('changing', { type: 'ClusterIP', ...here })), ip);
    await until('the node port is closed', fromOutside, /^ECONNREFUSED$/);
    assert.match(await client.hears(ip, 80), /^[ab] /);
    assert.equal(ipOf(await place.service('changing', elsewhere)), '');
    await until('the address is nobody’s', () => client.hears(ip, 80), /^EHOSTUNREACH$/);
  });
}
