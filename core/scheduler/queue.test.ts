// Who is tried when.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualPorts } from '../client/fixture/manual-ports.ts';
import { makeNode, makePod } from './fixture/objects.ts';
import { NodeInfo } from './node-info.ts';
import { podInfo } from './pod-info.ts';
import { SchedulingQueue } from './queue.ts';

function newQueue() {
  const ports = manualPorts();
  const queue = new SchedulingQueue(ports.clock);
  return { ports, queue, next: () => queue.take()?.pod.metadata.name };
}

const none: ReadonlySet<string> = new Set();

test('the higher priority goes first, of equals the earlier', () => {
  const { queue, next } = newQueue();
  queue.set(makePod('a'), podInfo);
  queue.set(makePod('b', { spec: { priority: 10 } }), podInfo);
  queue.set(makePod('c'), podInfo);
  assert.deepEqual([next(), next(), next(), next()], ['b', 'a', 'c', undefined]);
});

test('a failed binding is tried again after 1 s, then 2 s, up to 10 s', () => {
  const { ports, queue, next } = newQueue();
  queue.set(makePod('a'), podInfo);
  for (const seconds of [1, 2, 4, 8, 10, 10]) {
    assert.equal(next(), 'a');
    queue.failed('pod-a', none);
    ports.pass(seconds * 1_000 - 1);
    assert.equal(next(), undefined);
    ports.pass(1);
  }
});

test('an unschedulable pod waits for an event that can help, and not for others', () => {
  const { ports, queue, next } = newQueue();
  const big = makePod('big', { requests: { cpu: '8' } });
  queue.set(big, podInfo);
  next();
  queue.failed('pod-big', new Set(['NodeResourcesFit']));
  ports.pass(60_000);
  assert.equal(next(), undefined);
  const node = (cpu: string) => new NodeInfo(makeNode('n', { allocatable: { cpu } }));
  queue.react({ what: 'node-added', node: node('4') });
  assert.equal(next(), undefined);
  queue.react({ what: 'node-updated', node: node('16'), labels: true, taints: false, allocatable: false });
  assert.equal(next(), undefined);
  queue.react({ what: 'node-added', node: node('16') });
  assert.equal(next(), 'big');
});

test('an event that comes during the backoff does not shorten it', () => {
  const { ports, queue, next } = newQueue();
  queue.set(makePod('a'), podInfo);
  next();
  queue.failed('pod-a', new Set(['NodeResourcesFit']));
  queue.react({ what: 'pod-removed', pod: makePod('x') });
  assert.equal(next(), undefined);
  ports.pass(1_000);
  assert.equal(next(), 'a');
});

test('after five minutes an unschedulable pod is tried again whatever happened', () => {
  const { ports, queue, next } = newQueue();
  queue.set(makePod('a'), podInfo);
  next();
  queue.failed('pod-a', new Set(['NodeAffinity']));
  ports.pass(299_000);
  assert.equal(next(), undefined);
  ports.pass(1_000);
  assert.equal(next(), 'a');
});

test('a deleted pod is not tried', () => {
  const { queue, next } = newQueue();
  queue.set(makePod('a'), podInfo);
  queue.delete('pod-a');
  assert.equal(next(), undefined);
});
