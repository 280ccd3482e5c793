// What containers need besides their sandbox, made while the sandbox is being made: cgroup and folders, volumes, images, and
// then the hosts file.
import type { Pod } from '../../core/api/types.gen.ts';
import type { AnyContainer } from '../../core/kubelet/containers.ts';
import type { Images } from '../images/images.ts';
import { goRpcError } from '../images/images.ts';
import type { PodSources } from '../objects.ts';
import type { FieldContext } from '../pods/fields.ts';
import type { PodTask } from '../runtime.ts';
import { StartError } from '../runtime.ts';
import type { PreparedVolume, VolumeManager } from '../volumes/manager.ts';
import { VolumeError } from '../volumes/manager.ts';
import type { Image } from './messages.ts';
import { makeHostsFile } from './pod-files.ts';

interface Prepared {
  place?: Promise<void>;
  volumes?: Promise<Map<string, PreparedVolume>>;
  /** Begun while the control plane had not answered yet: to be tried anew. */
  early?: boolean;
  images: Map<string, Promise<Image>>;
  hosts?: string;
}

export interface PreparationDeps {
  volumes: VolumeManager;
  images: Images;
  clusterDomain: string;
  sources: Pick<PodSources, 'complete'>;
  fields(task: PodTask): FieldContext;
  /** Makes the pod's cgroup with its limits and its folders; what is there already stays. */
  makePlace(task: PodTask): Promise<void>;
}

export class Preparation {
  readonly #deps: PreparationDeps;
  readonly #prepared = new Map<string, Prepared>();

  constructor(deps: PreparationDeps) {
    this.#deps = deps;
  }

  /** Begins with what the first containers will need; failures are told when they are asked for. */
  begin(task: PodTask): void {
    const prepared = this.#of(task.uid);
    void this.place(task).catch(() => undefined);
    prepared.volumes ??= this.#setUpVolumes(task);
    const first = task.pod.spec?.initContainers?.[0];
    for (const container of first ? [first] : (task.pod.spec?.containers ?? [])) this.#image(task, container);
  }

  /** Made once in the life of this process, so also for a pod that another began: it may have been killed in between. */
  place(task: PodTask): Promise<void> {
    const prepared = this.#of(task.uid);
    prepared.place ??= this.#deps.makePlace(task).catch((error) => {
      prepared.place = undefined;
      throw error;
    });
    return prepared.place;
  }

  /** Resolves when nothing that was begun for the pod is under way any more: only then may it be taken away. */
  async settled(uid: string): Promise<void> {
    const { place, volumes } = this.#prepared.get(uid) ?? {};
    await Promise.allSettled([place, volumes]);
  }

  begun(uid: string): boolean {
    return this.#prepared.get(uid)?.volumes !== undefined;
  }

  forget(uid: string): void {
    this.#prepared.delete(uid);
  }

  /** The pod has a new address. */
  forgetHosts(uid: string): void {
    this.#of(uid).hosts = undefined;
  }

  hosts(uid: string, podDir: string, pod: Pod, podIPs: readonly string[]): string {
    const prepared = this.#of(uid);
    prepared.hosts ??= makeHostsFile(podDir, pod, podIPs, this.#deps.clusterDomain);
    return prepared.hosts;
  }

  /** Volumes and image, made at the same time; the image's failure is told first, as it is in Kubernetes. */
  async ready(
    task: PodTask,
    container: AnyContainer,
    failed: (failure: 'ErrImagePull' | 'CreateContainerError', message: string) => StartError,
  ): Promise<[Map<string, PreparedVolume>, Image]> {
    const prepared = this.#of(task.uid);
    if (prepared.early && this.#deps.sources.complete()) prepared.volumes = undefined;
    prepared.volumes ??= this.#setUpVolumes(task);
    try {
      await this.place(task);
    } catch (error) {
      throw failed('CreateContainerError', (error as Error).message);
    }
    let volumes: Map<string, PreparedVolume>;
    try {
      volumes = await prepared.volumes;
    } catch (error) {
      prepared.volumes = undefined;
      if (!(error instanceof VolumeError)) throw new StartError('Volumes', (error as Error).message);
      if (this.#deps.sources.complete()) task.event({ type: 'Warning', reason: 'FailedMount', message: error.message });
      throw new StartError('Volumes', error.message);
    }
    // Nobody waits any more, and the pod may be forgotten already.
    if (task.ending.aborted) throw new StartError('Volumes', 'the pod is to end');
    const image = this.#image(task, container);
    prepared.images.delete(container.name);
    try {
      return [volumes, await image];
    } catch (error) {
      if (error instanceof StartError) {
        failed('ErrImagePull', error.failure);
        throw error;
      }
      throw new StartError('ImageInspectError', goRpcError(error));
    }
  }

  #of(uid: string): Prepared {
    const prepared = this.#prepared.get(uid) ?? { images: new Map() };
    this.#prepared.set(uid, prepared);
    return prepared;
  }

  #setUpVolumes(task: PodTask): Promise<Map<string, PreparedVolume>> {
    this.#of(task.uid).early = !this.#deps.sources.complete();
    const made = this.#deps.volumes.setUp(this.#deps.fields(task));
    made.catch(() => undefined);
    return made;
  }

  #image(task: PodTask, container: AnyContainer): Promise<Image> {
    const { images } = this.#of(task.uid);
    const asked = images.get(container.name) ?? this.#deps.images.ensure(task, container, undefined);
    asked.catch(() => undefined);
    images.set(container.name, asked);
    return asked;
  }
}
