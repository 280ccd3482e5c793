import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyMemory, type ObservedContainer } from './model.ts';
import { noteReplaced, untoldUntil } from './replacement.ts';

const ended: ObservedContainer = {
  id: 'app-1',
  name: 'app',
  sandboxId: 's0',
  attempt: 0,
  state: 'exited',
  createdAt: 1_000,
  startedAt: 1_000,
  finishedAt: 10_000,
  exitCode: 143,
  reason: 'Error',
  message: '',
  image: 'app:1',
  imageId: 'sha256:app',
  requestedImage: 'app:1',
};
const seen = (...containers: ObservedContainer[]) => ({ sandboxes: [], containers });
const memory = noteReplaced(emptyMemory(), 'app', 'app-1');

test('the end of a container that the node replaces is untold for a second, or until the next one runs', () => {
  assert.equal(untoldUntil(seen({ ...ended, state: 'running', finishedAt: 0 }), memory, 9_900), undefined);
  assert.equal(untoldUntil(seen(ended), memory, 10_100), 11_000);
  const next: ObservedContainer = { ...ended, id: 'app-2', attempt: 1, state: 'created', finishedAt: 0 };
  assert.equal(untoldUntil(seen(next, ended), memory, 10_200), 11_000);
  assert.equal(untoldUntil(seen({ ...next, state: 'running' }, ended), memory, 10_300), undefined);
  assert.equal(untoldUntil(seen(ended), memory, 11_000), undefined);
});

test('what ends by itself, is held back, or ended when the clock was another, is told', () => {
  assert.equal(untoldUntil(seen(ended), emptyMemory(), 10_100), undefined);
  const waiting = { reason: 'CrashLoopBackOff', message: '' };
  const held = { ...memory, containers: { app: { ...memory.containers['app'], waiting } } };
  assert.equal(untoldUntil(seen(ended), held, 10_100), undefined);
  assert.equal(untoldUntil(seen(ended), memory, 1_000), undefined);
});
