// A container's start: what it needs is awaited, then it is created, started, and its postStart hook is run.
import type { AnyContainer } from '../../core/kubelet/containers.ts';
import { findContainer } from '../../core/kubelet/containers.ts';
import { newest } from '../../core/kubelet/model.ts';
import { containerConfig } from '../pods/container-config.ts';
import { ConfigError, environment } from '../pods/env.ts';
import type { FieldContext } from '../pods/fields.ts';
import { runHook } from '../pods/hooks.ts';
import { verifyNonRoot } from '../pods/security.ts';
import type { PodTask } from '../runtime.ts';
import { StartError } from '../runtime.ts';
import type { PreparedVolume } from '../volumes/manager.ts';
import type { CriContext } from './context.ts';
import type { ContainerConfig, Image } from './messages.ts';
import { startedContainer } from './observed.ts';
import { makeTerminationFile } from './pod-files.ts';
import { kill } from './stop-container.ts';

/** What comes first: the work's outcome, or the pod's end. The work itself goes on. */
async function orEnding<T>({ ending }: PodTask, work: Promise<T>): Promise<T | undefined> {
  const done = new AbortController();
  const ended = new Promise<undefined>((resolve) => {
    if (ending.aborted) resolve(undefined);
    else ending.addEventListener('abort', () => resolve(undefined), { signal: done.signal });
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, ended]);
  } finally {
    done.abort();
  }
}

/** A large image may take minutes, which nobody who deletes the pod wants to wait for. Throws StartError then. */
async function unlessEnding<T extends object>(task: PodTask, work: Promise<T>): Promise<T> {
  const made = await orEnding(task, work);
  if (!made) throw new StartError('Volumes', 'the pod is to end');
  return made;
}

/** Image, create, start, postStart hook, which the pod's end cuts short. Throws StartError. */
export async function startContainer(context: CriContext, task: PodTask, name: string, attempt: number): Promise<void> {
  const { deps, observer, preparation } = context;
  const container = findContainer(task.pod, name)?.container;
  const sandbox = observer.observed(task.uid).sandboxes[0];
  if (!container || !sandbox) throw new StartError('CreateContainerError', `container ${name} has no sandbox`);
  const failed = (failure: ConstructorParameters<typeof StartError>[0], message: string): StartError => {
    task.event({ type: 'Warning', reason: 'Failed', message: `Error: ${message}`, container: name });
    return new StartError(failure, message);
  };
  const fields = context.fields(task);
  const [volumes, image] = await unlessEnding(task, preparation.ready(task, container, failed));
  let id: string;
  let config: ContainerConfig;
  try {
    config = await configOf(context, task, container, attempt, { fields, volumes, image });
    id = await deps.cri.createContainer(sandbox.id, config, context.sandboxConfig(task.pod, sandbox.attempt));
  } catch (error) {
    if (error instanceof ConfigError && !deps.sources.complete()) throw new StartError('Volumes', error.message);
    if (error instanceof ConfigError) throw failed('CreateContainerConfigError', error.message);
    throw failed('CreateContainerError', (error as Error).message);
  }
  observer.hide(task.uid, id);
  const createdAt = Date.now();
  task.event({ type: 'Normal', reason: 'Created', message: 'Container created', container: name });
  try {
    await deps.cri.startContainer(id);
    const startedAt = Date.now();
    task.event({ type: 'Normal', reason: 'Started', message: 'Container started', container: name });
    await postStart(context, task, container, id, fields.podIPs[0] ?? '');
    const logPath = `${context.logDir(task.pod)}/${config.log_path}`;
    const times = { createdAt, startedAt };
    await observer.started(
      task.uid,
      startedContainer(id, sandbox.id, config, image, times),
      logPath,
      config.annotations,
    );
  } catch (error) {
    await observer.reveal(task.uid, id, sandbox.id);
    if (error instanceof StartError) throw error;
    throw failed('RunContainerError', (error as Error).message);
  }
}

async function postStart(
  context: CriContext,
  task: PodTask,
  container: AnyContainer,
  id: string,
  podIP: string,
): Promise<void> {
  const hook = container.lifecycle?.postStart;
  if (!hook) return;
  try {
    await orEnding(task, runHook(context.deps.cri, hook, task.pod, container, id, podIP, 0));
  } catch (error) {
    task.event({
      type: 'Warning',
      reason: 'FailedPostStartHook',
      message: 'PostStartHook failed',
      container: container.name,
    });
    const grace = task.pod.spec?.terminationGracePeriodSeconds ?? 30;
    await kill(context, task, {
      container: container.name,
      id,
      graceSeconds: grace,
      preStop: false,
      message: 'FailedPostStartHook',
    });
    throw new StartError('PostStartHookError', (error as Error).message);
  }
}

interface Needs {
  fields: FieldContext;
  volumes: Map<string, PreparedVolume>;
  image: Image;
}

async function configOf(
  context: CriContext,
  task: PodTask,
  container: AnyContainer,
  attempt: number,
  { fields, volumes, image }: Needs,
): Promise<ContainerConfig> {
  const { deps, observer, preparation } = context;
  const { pod } = task;
  const dir = context.dir(task.uid);
  verifyNonRoot(pod, container, image);
  const target = 'targetContainerName' in container ? container.targetContainerName : undefined;
  return await containerConfig(
    {
      pod,
      container,
      attempt,
      environment: environment(fields, deps.sources, container),
      volumes,
      image,
      imageRef: image.id,
      targetId: target ? newest(observer.observed(task.uid), target)?.id : undefined,
    },
    {
      seccompDir: deps.config.seccompDir,
      memoryCapacityBytes: deps.memoryBytes(),
      cgroupVersion: deps.cgroups.tree.version,
      podDir: dir,
      terminationFile: makeTerminationFile(dir, container.name, attempt),
      hostsFile: preparation.hosts(task.uid, dir, pod, fields.podIPs),
    },
  );
}
