// The end of a pod: its sandboxes are stopped, and all that was made for it goes.
import { rm } from 'node:fs/promises';
import type { PodTask } from '../runtime.ts';
import { type CriContext, ignoreNotFound } from './context.ts';
import { stopSandbox } from './sandboxes.ts';

/** Sandboxes stopped, volumes and cgroup gone; with `deleted` containers, sandboxes, logs and folders too. */
export async function finish(context: CriContext, task: PodTask, deleted: boolean): Promise<void> {
  const { deps, observer, preparation } = context;
  const { sandboxes } = observer.observed(task.uid);
  await Promise.all(sandboxes.filter((s) => s.ready || deleted).map((s) => stopSandbox(context, s.id)));
  if (deleted) {
    const { containers } = observer.observed(task.uid);
    await Promise.all(containers.map((c) => deps.cri.removeContainer(c.id).catch(ignoreNotFound)));
    await Promise.all(sandboxes.map((s) => deps.cri.removePodSandbox(s.id).catch(ignoreNotFound)));
    for (const container of containers) observer.forgetContainer(container.id);
    for (const sandbox of sandboxes) observer.forgetSandbox(sandbox.id);
    if (task.pod.metadata?.name) {
      await rm(context.logDir(task.pod), { recursive: true, force: true });
    }
  }
  await preparation.settled(task.uid);
  await deps.volumes.tearDown(task.uid, !deleted);
  await deps.cgroups.removePod(task.uid);
  preparation.forget(task.uid);
}
