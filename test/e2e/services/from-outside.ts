// Services for who is outside of the cluster: policies, load balancers, external addresses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../cluster.ts';
import { briefly } from '../peer.ts';
import { limit, type ServicePlace, until, web } from './place.ts';

export function ofOutside(place: ServicePlace): void {
  test(
    'externalTrafficPolicy Local: endpoints see the client, nodes without one drop, and health checks tell which',
    limit,
    async () => {
      const ports = web.map((port) => ({ ...port, targetPort: 'web' }));
      const made = await place.service('outer', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ports });
      const nodePort = made.spec?.ports?.[0]?.nodePort ?? 0;
      await place.endpoints('outer', [{ pod: 'a' }]);
      const [one = '', two = ''] = place.nodeAddresses;
      const gateway = one.replace(/\d+$/, '1');
      await until('a answers', () => place.machine.hears(one, nodePort), /^a /);
      assert.equal(await place.machine.hears(one, nodePort), `a ${gateway}`);
      await until('the second node drops', () => place.machine.hears(two, nodePort, briefly), /^silent$/);
      const health = async (address: string) => {
        const answer = await fetch(`http://${address}:${made.spec?.healthCheckNodePort}/`);
        return [answer.status, ((await answer.json()) as { localEndpoints: number }).localEndpoints];
      };
      const tells = (address: string, wanted: (number | undefined)[]): Promise<true> =>
        eventually(
          `${address} tells ${wanted}`,
          async () => String(await health(address).catch(() => [])) === String(wanted),
        );
      await tells(one, [200, 1]);
      await tells(two, [503, 0]);
      const status = `kubectl get svc outer -o jsonpath='{.status.loadBalancer.ingress[*].ip}'`;
      await eventually('only the node with an endpoint is named', async () => (await place.shell.ok(status)) === one);
      await place.endpoints('outer', [{ pod: 'b' }]);
      await until('the first node drops', () => place.machine.hears(one, nodePort, briefly), /^silent$/);
      for (const from of [place.client, place.nodeOne])
        assert.match(await from.hears(one, nodePort), /^b /, 'what comes from the node itself may go anywhere');
    },
  );

  test(
    'a load balancer is the nodes themselves, behind its source ranges; the port is free again afterwards',
    limit,
    async () => {
      await place.shell.ok('kubectl delete svc outer');
      const ports = [{ name: 'web', port: 80, targetPort: 8080 }];
      const spec = { type: 'LoadBalancer', selector: { app: 'web' }, ports };
      await place.service('front', spec);
      const told = `kubectl get svc front -o jsonpath='{.status.loadBalancer.ingress[*].ip}'`;
      await eventually(
        'it has the nodes’ addresses',
        async () => (await place.shell.ok(told)) === place.nodeAddresses.join(' '),
      );
      assert.match(
        await place.shell.ok('kubectl get svc front'),
        new RegExp(`^front +LoadBalancer +\\S+ +${place.nodeAddresses.join(',')} `, 'm'),
      );
      const [one = '', two = ''] = place.nodeAddresses;
      for (const from of [place.machine, place.client]) await until('it answers', () => from.hears(two, 80), /^[ab] /);
      await place.service('late', spec);
      const waits = `kubectl events --for svc/late --no-headers`;
      await eventually('the second is told why it waits', async () =>
        /SyncLoadBalancerFailed.*default\/front has TCP 80/.test(await place.shell.ok(waits)),
      );
      const podRange = `${place.addresses['client']}/32`;
      await place.service('front', { ...spec, loadBalancerSourceRanges: [podRange] });
      await until('the machine is shut out', () => place.machine.hears(one, 80, briefly), /^silent$/);
      assert.match(await place.client.hears(one, 80), /^[ab] /);
      await place.shell.ok('kubectl delete svc front');
      const next = `kubectl get svc late -o jsonpath='{.status.loadBalancer.ingress[*].ip}'`;
      await eventually(
        'the port goes to who waited',
        async () => (await place.shell.ok(next)) === place.nodeAddresses.join(' '),
      );
      await place.shell.ok('kubectl delete svc late');
      await until('nobody has it', () => place.machine.hears(one, 80), /^ECONNREFUSED$/);
    },
  );

  test('an external address leads pods into the service', limit, async () => {
    await place.service('external', { selector: { app: 'web' }, externalIPs: ['192.0.2.77'], ports: web });
    await until('it answers', () => place.client.hears('192.0.2.77', 80), /^[ab] /);
  });
}
