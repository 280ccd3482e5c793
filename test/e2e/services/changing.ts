// Services that change while they are used.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAlive } from '../../../local/state/processes.ts';
import { eventually } from '../cluster.ts';
import { ipOf, limit, type ServicePlace, until } from './place.ts';

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

  test('a service that is deleted is gone from every node', limit, async () => {
    const ip = ipOf(await place.serviceNamed('web'));
    await place.shell.ok('kubectl delete svc web');
    for (const from of [place.client, place.nodeOne])
      await until('nobody answers', () => from.hears(ip, 80), /^EHOSTUNREACH$/);
  });
}
