import assert from 'node:assert/strict';
import { test } from 'node:test';
import { node } from '../fixture/server.ts';
import { cluster, none, sync } from '../fixture/sync.ts';

test('a node that was deleted is told to register again', async () => {
  const { world, server } = await cluster();
  await world.remove('nodes', '', 'n1');
  const { code, body } = await server.call('POST', '/api/v1/nodes/n1/sync', none, node('n1'));
  assert.equal(code, 404);
  assert.equal(body.message, 'nodes "n1" not found');
});

test('a body that is not a sync request is a bad request', async () => {
  const { server } = await cluster();
  for (const bad of [
    {},
    { ...none, leaseDurationSeconds: 0 },
    { ...none, time: 'noon' },
    { ...none, podStatuses: 'x' },
    { ...none, podStatuses: [{}] },
    { ...none, podsGone: [{ namespace: 'a', name: 'b' }] },
    null,
  ]) {
    assert.equal((await server.call('POST', '/api/v1/nodes/n1/sync', bad, node('n1'))).code, 400, JSON.stringify(bad));
  }
});

test('an idle sync costs few reads, and every second one a write', async () => {
  const { world, server } = await cluster();
  const { since } = await sync(server, 'n1');
  await sync(server, 'n1', { since });
  const calls: Record<string, number> = {};
  for (const name of ['get', 'list', 'commit', 'changesSince', 'head'] as const) {
    const original = world.store[name].bind(world.store) as (...all: never[]) => unknown;
    Object.assign(world.store, {
      [name]: (...all: never[]) => {
        calls[name] = (calls[name] ?? 0) + 1;
        return original(...all);
      },
    });
  }
  world.pass(10_000);
  await sync(server, 'n1', { since });
  assert.equal(calls['commit'] ?? 0, 0);
  world.pass(10_000);
  await sync(server, 'n1', { since });
  assert.equal(calls['commit'], 1);
  assert.equal(calls['list'] ?? 0, 0);
  assert.ok((calls['get'] ?? 0) <= 4, `gets: ${calls['get']}`);
  assert.ok((calls['head'] ?? 0) <= 10, `heads: ${calls['head']}`);
  assert.ok((calls['changesSince'] ?? 0) === 0);
});

test('a report without an end is cut off when it is too long', async () => {
  const { server } = await cluster();
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 1;
      controller.enqueue(new Uint8Array(1024 * 1024));
    },
  });
  const request = new Request('https://api.test/api/v1/nodes/n1/sync', {
    method: 'POST',
    body,
    duplex: 'half',
  } as RequestInit);
  const { status } = await server.api.fetch(request, node('n1').peer ?? {});
  assert.equal(status, 413);
  assert.ok(sent < 16, `${sent} MiB were read`);
});
