// The end of containers: the preStop hook, the kill with what is left of the grace, and what stays behind taken away.
import { rm } from 'node:fs/promises';
import { findContainer } from '../../core/kubelet/containers.ts';
import { runHook } from '../pods/hooks.ts';
import type { KillRequest, PodTask } from '../runtime.ts';
import { type CriContext, ignoreNotFound } from './context.ts';
import { removeLogs, terminationFile } from './pod-files.ts';

export async function preStop(
  context: CriContext,
  task: PodTask,
  name: string,
  id: string,
  graceSeconds: number,
): Promise<void> {
  const container = findContainer(task.pod, name)?.container;
  const hook = container?.lifecycle?.preStop;
  if (!container || !hook) return;
  const limit = new AbortController();
  const timeout = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, graceSeconds * 1000);
    limit.signal.addEventListener('abort', () => clearTimeout(timer));
  });
  const run = runHook(
    context.deps.cri,
    hook,
    task.pod,
    container,
    id,
    context.podIPs(task)[0] ?? '',
    graceSeconds,
  ).catch(() => {
    task.event({ type: 'Warning', reason: 'FailedPreStopHook', message: 'PreStopHook failed', container: name });
  });
  await Promise.race([run, timeout]);
  limit.abort();
}

export async function kill(context: CriContext, task: PodTask, request: KillRequest): Promise<void> {
  const { deps, observer } = context;
  task.event({ type: 'Normal', reason: 'Killing', message: request.message, container: request.container });
  const began = performance.now();
  if (request.preStop) await preStop(context, task, request.container, request.id, request.graceSeconds);
  const left = request.graceSeconds - Math.floor((performance.now() - began) / 1000);
  observer.expectKill(request.id);
  await deps.cri.stopContainer(request.id, Math.max(left, 2)).catch(ignoreNotFound);
  await observer.settle(request.id);
}

export async function removeContainer(context: CriContext, task: PodTask, id: string): Promise<void> {
  const { deps, observer } = context;
  const container = observer.observed(task.uid).containers.find((c) => c.id === id);
  const logPath = observer.held(id)?.logPath;
  await deps.cri.removeContainer(id).catch(ignoreNotFound);
  observer.forgetContainer(id);
  if (container) await rm(terminationFile(context.dir(task.uid), container.name, container.attempt), { force: true });
  if (logPath) await removeLogs(logPath);
}
