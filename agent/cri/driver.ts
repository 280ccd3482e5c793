// The Runtime port on CRI: containerd runs the containers, the agent makes what they need around them.

import { readdirSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import type { Pod } from '../../core/api/types.gen.ts';
import type { AnyContainer } from '../../core/kubelet/containers.ts';
import { findContainer } from '../../core/kubelet/containers.ts';
import type { ObservedPod } from '../../core/kubelet/model.ts';
import { newest } from '../../core/kubelet/model.ts';
import type { Log } from '../../core/ports.ts';
import type { Cgroups } from '../cgroups/cgroups.ts';
import { podResources } from '../cgroups/resources.ts';
import type { ResolvedConfig } from '../config.ts';
import type { Images } from '../images/images.ts';
import { goRpcError } from '../images/images.ts';
import { limitBandwidth } from '../net/bandwidth.ts';
import type { PodSources } from '../objects.ts';
import { containerConfig } from '../pods/container-config.ts';
import type { NodeDns } from '../pods/dns.ts';
import { ConfigError, environment } from '../pods/env.ts';
import type { FieldContext } from '../pods/fields.ts';
import { runHook } from '../pods/hooks.ts';
import { hostPorts, podLogFolder, sandboxConfig } from '../pods/sandbox-config.ts';
import { writeSandboxSeccomp } from '../pods/sandbox-seccomp.ts';
import { verifyNonRoot } from '../pods/security.ts';
import { terminationMessage } from '../pods/termination-message.ts';
import type { KillRequest, PodTask, Runtime, RuntimeHealth } from '../runtime.ts';
import { StartError } from '../runtime.ts';
import type { PreparedVolume, VolumeManager } from '../volumes/manager.ts';
import type { Cri } from './client.ts';
import { isNotFound } from './client.ts';
import { subscribe } from './events.ts';
import type { ContainerConfig, Image, PodSandboxConfig } from './messages.ts';
import { startedContainer } from './observed.ts';
import { Observer } from './observer.ts';
import { makeTerminationFile, removeLogs, terminationFile } from './pod-files.ts';
import { Preparation } from './preparation.ts';

const relistMs = 10_000;
const maxProbeOutput = 10 * 1024;

export interface CriRuntimeDeps {
  cri: Cri;
  config: ResolvedConfig;
  sources: PodSources;
  volumes: VolumeManager;
  cgroups: Cgroups;
  images: Images;
  dns: NodeDns;
  /** Of the whole node, for scores and defaults. */
  memoryBytes: () => number;
  allocatable: () => Record<string, string>;
  log: Log;
}

export class CriRuntime implements Runtime {
  readonly #deps: CriRuntimeDeps;
  readonly #observer: Observer;
  readonly #preparation: Preparation;
  readonly #seccompProfile: string;
  #unsubscribe: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: CriRuntimeDeps) {
    this.#deps = deps;
    this.#seccompProfile = writeSandboxSeccomp(deps.config.stateDir);
    this.#preparation = new Preparation({
      volumes: deps.volumes,
      images: deps.images,
      clusterDomain: deps.config.clusterDomain,
      sources: deps.sources,
      fields: (task) => this.#fields(task),
      makePlace: (task) => this.#makePlace(task),
    });
    this.#observer = new Observer(deps.cri, deps.log, (uid, container, annotations, logPath) =>
      terminationMessage(
        container,
        annotations,
        terminationFile(this.#dir(uid), container.name, container.attempt),
        logPath,
      ),
    );
  }

  get observer(): Observer {
    return this.#observer;
  }

  async start(onChange: (uid: string) => void): Promise<void> {
    this.#observer.onChange(onChange);
    const relist = (): void => {
      this.#observer.relist().catch((error) => this.#deps.log('warn', 'relist failed', { error: goRpcError(error) }));
    };
    await this.#deps.cgroups.setUp();
    this.#unsubscribe = subscribe(this.#deps.config.containerdSocket!, (event) => this.#observer.handle(event), relist);
    await this.#observer.relist();
    this.#timer = setInterval(relist, relistMs);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#unsubscribe();
    this.#deps.cri.close();
  }

  observed(uid: string): ObservedPod {
    return this.#observer.observed(uid);
  }

  present(): { uid: string; namespace: string; name: string }[] {
    const found = new Map(this.#observer.pods().map((p) => [p.uid, p]));
    for (const uid of [...folders(this.#deps.config.podsDir), ...this.#deps.cgroups.pods()]) {
      if (!found.has(uid)) found.set(uid, { uid, namespace: '', name: '' });
    }
    return [...found.values()];
  }

  async createSandbox(task: PodTask, attempt: number): Promise<void> {
    const { pod } = task;
    if (attempt > 0) {
      const message = 'Pod sandbox changed, it will be killed and re-created.';
      task.event({ type: 'Normal', reason: 'SandboxChanged', message });
      this.#preparation.forgetHosts(task.uid);
    }
    try {
      const handler = hostPorts(pod).length > 0 ? (this.#deps.config.hostPortHandler ?? '') : '';
      // The runtime is at work on the sandbox, by far the longest step, while all the rest is made.
      const sandbox = this.#deps.cri.runPodSandbox(this.#sandboxConfig(pod, attempt), handler);
      this.#preparation.begin(task);
      const [made, place] = await Promise.allSettled([sandbox, this.#preparation.place(task)]);
      if (made.status === 'rejected') throw made.reason;
      const id = made.value;
      if (place.status === 'rejected') {
        await this.#discardSandbox(id);
        throw place.reason;
      }
      const ips = pod.spec?.hostNetwork ? [] : await this.#observer.sandboxIPs(id);
      await limitBandwidth(this.#deps.cri, id, pod);
      const { namespace = '', name = '' } = pod.metadata ?? {};
      this.#observer.addSandbox(task.uid, namespace, name, { id, attempt, ready: true, createdAt: Date.now(), ips });
    } catch (error) {
      task.event({
        type: 'Warning',
        reason: 'FailedCreatePodSandBox',
        message: `Failed to create pod sandbox: ${goRpcError(error)}`,
      });
      throw error;
    }
  }

  /** No container may run where no limits are. What cannot be removed now is found by the next list. */
  async #discardSandbox(id: string): Promise<void> {
    await this.#deps.cri.stopPodSandbox(id).catch(() => undefined);
    await this.#deps.cri.removePodSandbox(id).catch(() => undefined);
  }

  async #makePlace({ uid, pod }: PodTask): Promise<void> {
    const { config, cgroups } = this.#deps;
    await Promise.all([
      cgroups.createPod(uid, podResources(pod, config.podPidsLimit)),
      mkdir(`${config.podLogDir}/${podLogFolder(pod)}`, { recursive: true, mode: 0o755 }),
      mkdir(this.#dir(uid), { recursive: true, mode: 0o750 }),
    ]);
  }

  async stopSandbox(_task: PodTask, id: string): Promise<void> {
    await this.#deps.cri.stopPodSandbox(id).catch(ignoreNotFound);
    this.#observer.markSandbox(id, false);
  }

  async startContainer(task: PodTask, name: string, attempt: number): Promise<void> {
    const container = findContainer(task.pod, name)?.container;
    const sandbox = this.observed(task.uid).sandboxes[0];
    if (!container || !sandbox) throw new StartError('CreateContainerError', `container ${name} has no sandbox`);
    const failed = (failure: ConstructorParameters<typeof StartError>[0], message: string): StartError => {
      task.event({ type: 'Warning', reason: 'Failed', message: `Error: ${message}`, container: name });
      return new StartError(failure, message);
    };
    const fields = this.#fields(task);
    const [volumes, image] = await this.#preparation.ready(task, container, failed);
    let id: string;
    let config: ContainerConfig;
    try {
      config = await this.#containerConfig(task, container, attempt, fields, volumes, image);
      id = await this.#deps.cri.createContainer(sandbox.id, config, this.#sandboxConfig(task.pod, sandbox.attempt));
    } catch (error) {
      if (error instanceof ConfigError && !this.#deps.sources.complete())
        throw new StartError('Volumes', error.message);
      if (error instanceof ConfigError) throw failed('CreateContainerConfigError', error.message);
      throw failed('CreateContainerError', (error as Error).message);
    }
    this.#observer.hide(task.uid, id);
    const createdAt = Date.now();
    task.event({ type: 'Normal', reason: 'Created', message: 'Container created', container: name });
    try {
      await this.#deps.cri.startContainer(id);
      const startedAt = Date.now();
      task.event({ type: 'Normal', reason: 'Started', message: 'Container started', container: name });
      await this.#postStart(task, container, id, fields.podIPs[0] ?? '');
      const logPath = `${this.#deps.config.podLogDir}/${podLogFolder(task.pod)}/${config.log_path}`;
      const times = { createdAt, startedAt };
      await this.#observer.started(
        task.uid,
        startedContainer(id, sandbox.id, config, image, times),
        logPath,
        config.annotations,
      );
    } catch (error) {
      await this.#observer.reveal(task.uid, id, sandbox.id);
      if (error instanceof StartError) throw error;
      throw failed('RunContainerError', (error as Error).message);
    }
  }

  async #postStart(task: PodTask, container: AnyContainer, id: string, podIP: string): Promise<void> {
    const hook = container.lifecycle?.postStart;
    if (!hook) return;
    try {
      await runHook(this.#deps.cri, hook, task.pod, container, id, podIP, 0);
    } catch (error) {
      task.event({
        type: 'Warning',
        reason: 'FailedPostStartHook',
        message: 'PostStartHook failed',
        container: container.name,
      });
      const grace = task.pod.spec?.terminationGracePeriodSeconds ?? 30;
      await this.kill(task, {
        container: container.name,
        id,
        graceSeconds: grace,
        preStop: false,
        message: 'FailedPostStartHook',
      });
      throw new StartError('PostStartHookError', (error as Error).message);
    }
  }

  async preStop(task: PodTask, name: string, id: string, graceSeconds: number): Promise<void> {
    const container = findContainer(task.pod, name)?.container;
    const hook = container?.lifecycle?.preStop;
    if (!container || !hook) return;
    const limit = new AbortController();
    const timeout = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceSeconds * 1000);
      limit.signal.addEventListener('abort', () => clearTimeout(timer));
    });
    const run = runHook(this.#deps.cri, hook, task.pod, container, id, this.#podIPs(task)[0] ?? '', graceSeconds).catch(
      () => {
        task.event({ type: 'Warning', reason: 'FailedPreStopHook', message: 'PreStopHook failed', container: name });
      },
    );
    await Promise.race([run, timeout]);
    limit.abort();
  }

  async kill(task: PodTask, request: KillRequest): Promise<void> {
    task.event({ type: 'Normal', reason: 'Killing', message: request.message, container: request.container });
    const began = performance.now();
    if (request.preStop) await this.preStop(task, request.container, request.id, request.graceSeconds);
    const left = request.graceSeconds - Math.floor((performance.now() - began) / 1000);
    this.#observer.expectKill(request.id);
    await this.#deps.cri.stopContainer(request.id, Math.max(left, 2)).catch(ignoreNotFound);
    await this.#observer.settle(request.id);
  }

  async remove(task: PodTask, id: string): Promise<void> {
    const container = this.observed(task.uid).containers.find((c) => c.id === id);
    const logPath = this.#observer.held(id)?.logPath;
    await this.#deps.cri.removeContainer(id).catch(ignoreNotFound);
    this.#observer.forgetContainer(id);
    if (container) await rm(terminationFile(this.#dir(task.uid), container.name, container.attempt), { force: true });
    if (logPath) await removeLogs(logPath);
  }

  async finish(task: PodTask, deleted: boolean): Promise<void> {
    const { sandboxes } = this.observed(task.uid);
    await Promise.all(sandboxes.filter((s) => s.ready || deleted).map((s) => this.stopSandbox(task, s.id)));
    if (deleted) {
      const { containers } = this.observed(task.uid);
      await Promise.all(containers.map((c) => this.#deps.cri.removeContainer(c.id).catch(ignoreNotFound)));
      await Promise.all(sandboxes.map((s) => this.#deps.cri.removePodSandbox(s.id).catch(ignoreNotFound)));
      for (const container of containers) this.#observer.forgetContainer(container.id);
      for (const sandbox of sandboxes) this.#observer.forgetSandbox(sandbox.id);
      if (task.pod.metadata?.name) {
        await rm(`${this.#deps.config.podLogDir}/${podLogFolder(task.pod)}`, { recursive: true, force: true });
      }
    }
    await this.#preparation.settled(task.uid);
    await this.#deps.volumes.tearDown(task.uid, !deleted);
    await this.#deps.cgroups.removePod(task.uid);
    this.#preparation.forget(task.uid);
  }

  async refresh(task: PodTask): Promise<void> {
    if (this.#preparation.begun(task.uid) || this.observed(task.uid).sandboxes.some((s) => s.ready)) {
      await this.#deps.volumes.refresh(this.#fields(task));
    }
  }

  async exec(
    id: string,
    command: string[],
    timeoutSeconds: number,
  ): Promise<{ exitCode: number; output: string; timedOut: boolean }> {
    try {
      const result = await this.#deps.cri.execSync(id, command, timeoutSeconds);
      const output = Buffer.concat([result.stdout, result.stderr]).subarray(0, maxProbeOutput).toString('utf8');
      return { exitCode: result.exit_code, output, timedOut: false };
    } catch (error) {
      const text = (error as Error).message;
      if (!/timeout|deadline/i.test(text)) throw error;
      return { exitCode: -1, output: text, timedOut: true };
    }
  }

  async health(): Promise<RuntimeHealth> {
    try {
      const status = await this.#deps.cri.status();
      const wrong = status.status.conditions.find((c) => !c.status);
      if (!wrong) return { ready: true, message: '' };
      const name =
        wrong.type === 'NetworkReady' ? 'container runtime network not ready' : 'container runtime not ready';
      return { ready: false, message: `${name}: ${wrong.type}=false reason:${wrong.reason} message:${wrong.message}` };
    } catch (error) {
      return { ready: false, message: `container runtime is down: ${goRpcError(error)}` };
    }
  }

  #dir(uid: string): string {
    return `${this.#deps.config.podsDir}/${uid}`;
  }

  #podIPs(task: PodTask): string[] {
    if (task.pod.spec?.hostNetwork) return task.hostIPs;
    return this.observed(task.uid).sandboxes[0]?.ips ?? [];
  }

  #fields(task: PodTask): FieldContext {
    return { pod: task.pod, podIPs: this.#podIPs(task), hostIPs: task.hostIPs, allocatable: this.#deps.allocatable() };
  }

  #sandboxConfig(pod: Pod, attempt: number): PodSandboxConfig {
    const resources = podResources(pod, this.#deps.config.podPidsLimit);
    return sandboxConfig(pod, attempt, {
      dns: this.#deps.dns,
      podLogDir: this.#deps.config.podLogDir,
      seccompProfile: this.#seccompProfile,
      cgroupParent: this.#deps.cgroups.podPath(pod.metadata?.uid ?? '', resources.qos),
    });
  }

  async #containerConfig(
    task: PodTask,
    container: AnyContainer,
    attempt: number,
    fields: FieldContext,
    volumes: Map<string, PreparedVolume>,
    image: Image,
  ): Promise<ContainerConfig> {
    const { pod } = task;
    verifyNonRoot(pod, container, image);
    const target = 'targetContainerName' in container ? container.targetContainerName : undefined;
    return await containerConfig(
      {
        pod,
        container,
        attempt,
        environment: environment(fields, this.#deps.sources, container),
        volumes,
        image,
        imageRef: image.id,
        targetId: target ? newest(this.observed(task.uid), target)?.id : undefined,
      },
      {
        seccompDir: this.#deps.config.seccompDir,
        memoryCapacityBytes: this.#deps.memoryBytes(),
        cgroupVersion: this.#deps.cgroups.tree.version,
        podDir: this.#dir(task.uid),
        terminationFile: makeTerminationFile(this.#dir(task.uid), container.name, attempt),
        hostsFile: this.#preparation.hosts(task.uid, this.#dir(task.uid), pod, fields.podIPs),
      },
    );
  }
}

function ignoreNotFound(error: unknown): void {
  if (!isNotFound(error)) throw error;
}

function folders(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
