import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerState, PodStatus } from '../api/types.gen.ts';
import { isOnlyProgress } from './phase.ts';

const waiting = (reason: string): ContainerState => ({ waiting: { reason } });
const status = (states: ContainerState[], init: ContainerState[] = [], phase = 'Pending'): PodStatus => {
  const of = (state: ContainerState, i: number) => ({
    name: `c${i}`,
    state,
    ready: false,
    restartCount: 0,
    image: 'i:1',
    imageID: '',
  });
  return { phase, initContainerStatuses: init.map(of), containerStatuses: states.map(of) };
};

test('a status is only progress while nothing of the pod has run, ended or failed', () => {
  assert.equal(isOnlyProgress(status([waiting('ContainerCreating')])), true);
  assert.equal(isOnlyProgress(status([waiting('PodInitializing')], [waiting('PodInitializing')])), true);
  const running: ContainerState = { running: { startedAt: '2026-01-02T03:04:05Z' } };
  const acted = [
    status([waiting('ErrImagePull')]),
    status([waiting('ContainerCreating'), waiting('CreateContainerConfigError')]),
    status([waiting('PodInitializing')], [running]),
    status([waiting('PodInitializing')], [{ terminated: { exitCode: 0 } } as ContainerState]),
    status([running, waiting('ContainerCreating')]),
    status([running], [], 'Running'),
    status([waiting('ContainerCreating')], [], 'Failed'),
    { phase: 'Failed', reason: 'OutOfcpu' },
  ];
  for (const each of acted) assert.equal(isOnlyProgress(each), false, JSON.stringify(each));
});
