// Services that change while they are used.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../../../local/state/processes.ts';
import { eventually } from '../cluster.ts';
import { ipOf, limit, type ServicePlace, until, web } from './place.ts';

export function ofChanges(place: ServicePlace): void {
  test('rules outlive the agent; the next one finds out what changed meanwhile', limit, async () => {
    const ip = ipOf(await place.serviceNamed('moving'));
    const agent = place.cluster.part(`${place.cluster.node(1)}/agent`);
    process.kill(agent.pid, 'SIGKILL');
    await eventually('the agent is dead', () => !isAlive(agent));
    assert.match(await place.client.hears(ip, 80), /^b /);
    await place.endpoints('moving', [{ pod: 'a' }]);
    place.starting = place.cluster.slipway('up', '--no-install');
    await until('a answers', () => place.client.hears(ip, 80), /^a /);
  });

  test('a rolling update under load fails no connection', limit, async () => {
    await place.shell.ok(
      'kubectl create deployment floats --image=slipway/sample:1 --replicas=3 --dry-run=client -o json > d.json',
    );
    const probe = { tcpSocket: { port: 8080 }, periodSeconds: 1 };
    const container = { name: 'sample', readinessProbe: probe, lifecycle: { preStop: { sleep: { seconds: 2 } } } };
    const patch = { spec: { template: { spec: { terminationGracePeriodSeconds: 5, containers: [container] } } } };
    await place.shell.ok(`kubectl patch --local -f d.json -p '${JSON.stringify(patch)}' -o json | kubectl apply -f -`);
    await place.shell.ok('kubectl rollout status deploy/floats --timeout=60s');
    const ip = ipOf(await place.service('floats', { selector: { app: 'floats' }, ports: web }));
    const page = { send: 'GET / HTTP/1.0\r\n\r\n', times: 10 };
    await until(
      'it floats',
      async () => Object.keys(await place.client.asks(ip, 80, { ...page, times: 1 })).join(),
      /It floats/,
    );
    let rolling = true;
    const rolled = place.shell
      .ok('kubectl rollout restart deploy/floats && kubectl rollout status deploy/floats --timeout=60s')
      .finally(() => {
        rolling = false;
      });
    const heard: Record<string, number> = {};
    const visit = async (): Promise<void> => {
      while (rolling) {
        for (const [word, times] of Object.entries(await place.client.asks(ip, 80, page))) {
          const key = /It floats/.test(word) ? 'served' : word;
          heard[key] = (heard[key] ?? 0) + times;
        }
        await sleep(20);
      }
    };
    await Promise.all([rolled, visit(), visit()]);
    assert.deepEqual(Object.keys(heard), ['served'], JSON.stringify(heard));
    assert.ok(heard['served']! > 100, JSON.stringify(heard));
  });

  test('a service that is deleted is gone from every node', limit, async () => {
    const ip = ipOf(await place.serviceNamed('web'));
    await place.shell.ok('kubectl delete svc web');
    for (const from of [place.client, place.nodeOne])
      await until('nobody answers', () => from.hears(ip, 80), /^EHOSTUNREACH$/);
  });
}
