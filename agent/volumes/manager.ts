// Volumes of a pod: made before its containers, kept up to date while they run, taken away after them.
// Layout below `<podsDir>/<uid>/` is kubelet's: volumes/<plugin>/<name>, volume-subpaths/<name>/<container>/<index>.
import { chmod, mkdir } from 'node:fs/promises';
import { quantityValue } from '../../core/api/quantity.ts';
import type { Pod, ServiceAccountTokenProjection, Volume } from '../../core/api/types.gen.ts';
import type { PodSources } from '../objects.ts';
import type { FieldContext } from '../pods/fields.ts';
import { writeAtomically } from './atomic-writer.ts';
import { prepareHostPath } from './host-path.ts';
import { mount, mountsBelow, unmountBelow } from './mounts.ts';
import { applyFsGroup } from './ownership.ts';
import { payloadOf } from './payload.ts';
import { removeTree } from './remove-tree.ts';

export interface PreparedVolume {
  path: string;
  /** Files that the node writes: containers may not. */
  readOnly: boolean;
}

export interface VolumeDeps {
  podsDir: string;
  /** A folder in memory (one tmpfs for the node): files of secrets and tokens never reach a disk. */
  secretsDir: string;
  sources: PodSources;
  token(pod: Pod, projection: ServiceAccountTokenProjection): Promise<string>;
  /** For the limit of memory-backed volumes, bytes. */
  memoryBytes: () => number;
  /** The pod is gone: its tokens are of no use. */
  forget(uid: string): void;
}

/** What FailedMount events say. */
export class VolumeError extends Error {}

const plugin = (volume: Volume): string => {
  if (volume.emptyDir) return 'kubernetes.io~empty-dir';
  if (volume.configMap) return 'kubernetes.io~configmap';
  if (volume.secret) return 'kubernetes.io~secret';
  if (volume.downwardAPI) return 'kubernetes.io~downward-api';
  return 'kubernetes.io~projected';
};

const isSecret = (volume: Volume): boolean =>
  volume.secret !== undefined ||
  (volume.projected?.sources ?? []).some((s) => s.secret !== undefined || s.serviceAccountToken !== undefined);

/** The one user id that every container runs as. */
function commonUser(pod: Pod): number | undefined {
  const containers = [
    ...(pod.spec?.initContainers ?? []),
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.ephemeralContainers ?? []),
  ];
  const users = new Set(containers.map((c) => c.securityContext?.runAsUser ?? pod.spec?.securityContext?.runAsUser));
  return users.size === 1 ? [...users][0] : undefined;
}

export class VolumeManager {
  readonly #deps: VolumeDeps;
  /** The last write of each folder: two at once would take each other's files away. */
  readonly #writes = new Map<string, Promise<unknown>>();

  constructor(deps: VolumeDeps) {
    this.#deps = deps;
  }

  podDir(uid: string): string {
    return `${this.#deps.podsDir}/${uid}`;
  }

  /** All volumes of the pod by name. Throws VolumeError. May be called again: what is there already stays. */
  async setUp(fields: FieldContext): Promise<Map<string, PreparedVolume>> {
    const { pod } = fields;
    const prepared = await Promise.all(
      (pod.spec?.volumes ?? []).map(async (volume): Promise<[string, PreparedVolume]> => {
        try {
          return [volume.name, await this.#setUpOne(fields, volume)];
        } catch (error) {
          throw new VolumeError(`MountVolume.SetUp failed for volume "${volume.name}" : ${(error as Error).message}`);
        }
      }),
    );
    return new Map(prepared);
  }

  /** Writes changed files of the pod's volumes again (config maps, secrets, labels, tokens). */
  async refresh(fields: FieldContext): Promise<void> {
    for (const volume of fields.pod.spec?.volumes ?? []) {
      if (volume.configMap || volume.secret || volume.downwardAPI || volume.projected)
        await this.#writeFiles(fields, volume);
    }
  }

  async #setUpOne(fields: FieldContext, volume: Volume): Promise<PreparedVolume> {
    if (volume.emptyDir) return { path: await this.#emptyDir(fields.pod, volume), readOnly: false };
    if (volume.hostPath) return { path: await prepareHostPath(volume.hostPath), readOnly: false };
    if (volume.configMap || volume.secret || volume.downwardAPI || volume.projected) {
      return { path: await this.#writeFiles(fields, volume), readOnly: true };
    }
    const kind = Object.keys(volume).find((k) => k !== 'name') ?? 'none';
    throw new Error(`volumes of type ${kind} are not supported by this node`);
  }

  #path(uid: string, volume: Volume): string {
    const base = isSecret(volume) ? `${this.#deps.secretsDir}/${uid}` : `${this.podDir(uid)}/volumes`;
    return `${base}/${plugin(volume)}/${volume.name}`;
  }

  async #writeFiles(fields: FieldContext, volume: Volume): Promise<string> {
    const { pod } = fields;
    const fsGroup = pod.spec?.securityContext?.fsGroup;
    const payload = await payloadOf(
      {
        fields,
        sources: this.#deps.sources,
        token: (projection) => this.#deps.token(pod, projection),
        commonUser: commonUser(pod),
        fsGroup,
      },
      volume,
    );
    const path = this.#path(pod.metadata?.uid ?? '', volume);
    const write = async (): Promise<void> => {
      await mkdir(path, { recursive: true, mode: 0o755 });
      await chmod(path, 0o777);
      await writeAtomically(path, payload!, async (folder) => {
        if (fsGroup !== undefined) await applyFsGroup(folder, fsGroup, true);
      });
    };
    const before = this.#writes.get(path) ?? Promise.resolve();
    const written = before.catch(() => undefined).then(write);
    this.#writes.set(path, written);
    try {
      await written;
    } finally {
      if (this.#writes.get(path) === written) this.#writes.delete(path);
    }
    return path;
  }

  async #emptyDir(pod: Pod, volume: Volume): Promise<string> {
    const path = this.#path(pod.metadata?.uid ?? '', volume);
    await mkdir(path, { recursive: true, mode: 0o777 });
    const medium = volume.emptyDir?.medium ?? '';
    if (medium !== '' && medium !== 'Memory')
      throw new Error(`emptyDir medium "${medium}" is not supported by this node`);
    if (medium === 'Memory' && !(await mountsBelow(path)).includes(path)) {
      const bytes = this.#memoryLimit(pod, volume);
      await mount(['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path]);
    }
    await chmod(path, 0o777);
    const group = pod.spec?.securityContext;
    if (group?.fsGroup !== undefined) await applyFsGroup(path, group.fsGroup, false, group.fsGroupChangePolicy);
    return path;
  }

  /** Bytes: the smallest of the volume's limit, the containers' memory limits together, and the node's memory. */
  #memoryLimit(pod: Pod, volume: Volume): number {
    const limits = (pod.spec?.containers ?? []).map((c) => c.resources?.limits?.['memory']);
    const bytes = limits.map((limit) => (limit === undefined ? Number.NaN : quantityValue(String(limit))));
    const containers = bytes.reduce((sum, n) => sum + n, 0);
    const own = volume.emptyDir?.sizeLimit ? quantityValue(String(volume.emptyDir.sizeLimit)) : 0;
    return Math.min(...[this.#deps.memoryBytes(), containers, own].filter((n) => n > 0));
  }

  /**
   * Unmounts and removes everything of the pod. Removing never follows links, and refuses while anything is mounted.
   * @param keepFiles leave what is no volume (termination messages, hosts file) until the pod is deleted
   */
  async tearDown(uid: string, keepFiles: boolean): Promise<void> {
    const pod = this.podDir(uid);
    this.#deps.forget(uid);
    await unmountBelow(pod);
    const secrets = `${this.#deps.secretsDir}/${uid}`;
    const folders = keepFiles ? [`${pod}/volumes`, `${pod}/volume-subpaths`, secrets] : [pod, secrets];
    for (const folder of folders) await removeTree(folder);
  }
}
