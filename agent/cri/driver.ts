// The Runtime port on CRI: containerd runs the containers, the agent makes what they need around them.
import { readdirSync } from 'node:fs';
import type { ObservedPod } from '../../core/kubelet/model.ts';
import { goRpcError } from '../images/images.ts';
import type { KillRequest, PodTask, Runtime, RuntimeHealth } from '../runtime.ts';
import { CriContext, type CriRuntimeDeps } from './context.ts';
import { subscribe } from './events.ts';
import { finish } from './finish-pod.ts';
import type { Observer } from './observer.ts';
import { execInContainer, runtimeHealth } from './probing.ts';
import { createSandbox, stopSandbox } from './sandboxes.ts';
import { startContainer } from './start-container.ts';
import { kill, preStop, removeContainer } from './stop-container.ts';

const relistMs = 10_000;

export class CriRuntime implements Runtime {
  readonly #context: CriContext;
  #unsubscribe: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: CriRuntimeDeps) {
    this.#context = new CriContext(deps);
  }

  get observer(): Observer {
    return this.#context.observer;
  }

  async start(onChange: (uid: string) => void): Promise<void> {
    const { deps, observer } = this.#context;
    observer.onChange(onChange);
    const relist = (): void => {
      observer.relist().catch((error) => deps.log('warn', 'relist failed', { error: goRpcError(error) }));
    };
    await deps.cgroups.setUp();
    this.#unsubscribe = subscribe(deps.config.containerdSocket!, (event) => observer.handle(event), relist);
    await observer.relist();
    this.#timer = setInterval(relist, relistMs);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#unsubscribe();
    this.#context.deps.cri.close();
  }

  observed(uid: string): ObservedPod {
    return this.observer.observed(uid);
  }

  present(): { uid: string; namespace: string; name: string }[] {
    const { deps, observer } = this.#context;
    const found = new Map(observer.pods().map((p) => [p.uid, p]));
    for (const uid of [...folders(deps.config.podsDir), ...deps.cgroups.pods()]) {
      if (!found.has(uid)) found.set(uid, { uid, namespace: '', name: '' });
    }
    return [...found.values()];
  }

  createSandbox(task: PodTask, attempt: number): Promise<void> {
    return createSandbox(this.#context, task, attempt);
  }

  stopSandbox(_task: PodTask, id: string): Promise<void> {
    return stopSandbox(this.#context, id);
  }

  startContainer(task: PodTask, name: string, attempt: number): Promise<void> {
    return startContainer(this.#context, task, name, attempt);
  }

  preStop(task: PodTask, name: string, id: string, graceSeconds: number): Promise<void> {
    return preStop(this.#context, task, name, id, graceSeconds);
  }

  kill(task: PodTask, request: KillRequest): Promise<void> {
    return kill(this.#context, task, request);
  }

  remove(task: PodTask, id: string): Promise<void> {
    return removeContainer(this.#context, task, id);
  }

  finish(task: PodTask, deleted: boolean): Promise<void> {
    return finish(this.#context, task, deleted);
  }

  async refresh(task: PodTask): Promise<void> {
    const { deps, preparation } = this.#context;
    if (preparation.begun(task.uid) || this.observed(task.uid).sandboxes.some((s) => s.ready)) {
      await deps.volumes.refresh(this.#context.fields(task));
    }
  }

  exec(
    id: string,
    command: string[],
    timeoutSeconds: number,
  ): Promise<{ exitCode: number; output: string; timedOut: boolean }> {
    return execInContainer(this.#context.deps.cri, id, command, timeoutSeconds);
  }

  health(): Promise<RuntimeHealth> {
    return runtimeHealth(this.#context.deps.cri);
  }
}

function folders(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
