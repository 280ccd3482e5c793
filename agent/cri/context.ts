// What the parts of the CRI driver share: what the node hands in, what was observed, what is being prepared, and where the things
// of a pod lie.
import { mkdir } from 'node:fs/promises';
import type { Pod } from '../../core/api/types.gen.ts';
import type { Log } from '../../core/ports.ts';
import type { Cgroups } from '../cgroups/cgroups.ts';
import { podResources } from '../cgroups/resources.ts';
import type { ResolvedConfig } from '../config.ts';
import type { Images } from '../images/images.ts';
import type { PodSources } from '../objects.ts';
import type { NodeDns } from '../pods/dns.ts';
import type { FieldContext } from '../pods/fields.ts';
import { podLogFolder, sandboxConfig } from '../pods/sandbox-config.ts';
import { writeSandboxSeccomp } from '../pods/sandbox-seccomp.ts';
import { terminationMessage } from '../pods/termination-message.ts';
import type { PodTask } from '../runtime.ts';
import type { VolumeManager } from '../volumes/manager.ts';
import type { Cri } from './client.ts';
import { isNotFound } from './client.ts';
import { KernelLog } from './kernel-log.ts';
import type { PodSandboxConfig } from './messages.ts';
import { Observer } from './observer.ts';
import { terminationFile } from './pod-files.ts';
import { Preparation } from './preparation.ts';

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

export class CriContext {
  readonly deps: CriRuntimeDeps;
  readonly observer: Observer;
  readonly preparation: Preparation;
  readonly #seccompProfile: string;

  constructor(deps: CriRuntimeDeps) {
    this.deps = deps;
    this.#seccompProfile = writeSandboxSeccomp(deps.config.stateDir);
    this.preparation = new Preparation({
      volumes: deps.volumes,
      images: deps.images,
      clusterDomain: deps.config.clusterDomain,
      sources: deps.sources,
      fields: (task) => this.fields(task),
      makePlace: (task) => this.#makePlace(task),
    });
    const kernelLog = new KernelLog(deps.log);
    this.observer = new Observer(
      deps.cri,
      deps.log,
      (uid, container, annotations, logPath) =>
        terminationMessage(
          container,
          annotations,
          terminationFile(this.dir(uid), container.name, container.attempt),
          logPath,
        ),
      (id) => kernelLog.wasOomKilled(id),
    );
  }

  dir(uid: string): string {
    return `${this.deps.config.podsDir}/${uid}`;
  }

  logDir(pod: Pod): string {
    return `${this.deps.config.podLogDir}/${podLogFolder(pod)}`;
  }

  podIPs(task: PodTask): string[] {
    if (task.pod.spec?.hostNetwork) return task.hostIPs;
    return this.observer.observed(task.uid).sandboxes[0]?.ips ?? [];
  }

  fields(task: PodTask): FieldContext {
    return { pod: task.pod, podIPs: this.podIPs(task), hostIPs: task.hostIPs, allocatable: this.deps.allocatable() };
  }

  sandboxConfig(pod: Pod, attempt: number): PodSandboxConfig {
    const resources = podResources(pod, this.deps.config.podPidsLimit);
    return sandboxConfig(pod, attempt, {
      dns: this.deps.dns,
      podLogDir: this.deps.config.podLogDir,
      seccompProfile: this.#seccompProfile,
      cgroupParent: this.deps.cgroups.podPath(pod.metadata?.uid ?? '', resources.qos),
    });
  }

  async #makePlace({ uid, pod }: PodTask): Promise<void> {
    const { config, cgroups } = this.deps;
    await Promise.all([
      cgroups.createPod(uid, podResources(pod, config.podPidsLimit)),
      mkdir(this.logDir(pod), { recursive: true, mode: 0o755 }),
      mkdir(this.dir(uid), { recursive: true, mode: 0o750 }),
    ]);
  }
}

/** What is to go may be gone. */
export function ignoreNotFound(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
