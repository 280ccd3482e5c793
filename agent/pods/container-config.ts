// One container as CRI's container configuration.
import { quantityMilliValue, quantityValue } from '../../core/api/quantity.ts';
import type { Pod, VolumeMount } from '../../core/api/types.gen.ts';
import type { AnyContainer } from '../../core/kubelet/containers.ts';
import { cpuPeriod, oomScoreAdj, quotaOf, sharesOf } from '../cgroups/resources.ts';
import { annotationKeys, labelKeys } from '../cri/labels.ts';
import type { ContainerConfig, Image, LinuxContainerResources, Mount } from '../cri/messages.ts';
import type { PreparedVolume } from '../volumes/manager.ts';
import { bindSubPath } from '../volumes/subpath.ts';
import { ConfigError } from './env.ts';
import { expand, expandStrictly } from './expand.ts';
import { containerSecurity } from './security.ts';

export interface ContainerSettings {
  seccompDir: string;
  memoryCapacityBytes: number;
  cgroupVersion: 1 | 2;
  podDir: string;
  /** File that is mounted as the termination message, and the hosts file; undefined: not to be mounted. */
  terminationFile: string;
  hostsFile: string | undefined;
}

export interface ContainerInputs {
  pod: Pod;
  container: AnyContainer;
  attempt: number;
  environment: Map<string, string>;
  volumes: Map<string, PreparedVolume>;
  image: Image | undefined;
  imageRef: string;
  /** Container whose processes an ephemeral container sees. */
  targetId: string | undefined;
}

const propagations = {
  None: 'PROPAGATION_PRIVATE',
  HostToContainer: 'PROPAGATION_HOST_TO_CONTAINER',
  Bidirectional: 'PROPAGATION_BIDIRECTIONAL',
} as const;

export function containerResources(
  pod: Pod,
  container: AnyContainer,
  memoryCapacity: number,
  version: 1 | 2,
): LinuxContainerResources {
  const limits = container.resources?.limits ?? {};
  const requests = container.resources?.requests ?? {};
  const cpuRequest = requests['cpu'] ?? limits['cpu'];
  const memoryRequest = requests['memory'] ?? limits['memory'];
  const requested = memoryRequest === undefined ? 0 : quantityValue(String(memoryRequest));
  const cpuLimit = limits['cpu'] === undefined ? 0 : quantityMilliValue(String(limits['cpu']));
  return {
    cpu_period: cpuPeriod,
    cpu_shares: sharesOf(cpuRequest === undefined ? 0 : quantityMilliValue(String(cpuRequest))),
    ...(cpuLimit > 0 ? { cpu_quota: quotaOf(cpuLimit) } : {}),
    ...(limits['memory'] !== undefined ? { memory_limit_in_bytes: quantityValue(String(limits['memory'])) } : {}),
    oom_score_adj: oomScoreAdj(pod, requested, memoryCapacity),
    // A container that runs out of memory ends as a whole.
    ...(version === 2 ? { unified: { 'memory.oom.group': '1' } } : {}),
  };
}

async function mountOf(
  inputs: ContainerInputs,
  settings: ContainerSettings,
  wanted: VolumeMount,
  index: number,
): Promise<Mount> {
  const volume = inputs.volumes.get(wanted.name);
  if (!volume)
    throw new ConfigError(`cannot find volume "${wanted.name}" to mount into container "${inputs.container.name}"`);
  const subPath = wanted.subPathExpr ? expandSubPath(wanted.subPathExpr, inputs.environment) : wanted.subPath;
  const target = `${settings.podDir}/volume-subpaths/${wanted.name}/${inputs.container.name}/${index}`;
  let host = volume.path;
  if (subPath) {
    try {
      host = await bindSubPath(volume.path, subPath, target, !volume.readOnly);
    } catch (error) {
      throw new ConfigError(
        `failed to prepare subPath for volumeMount "${wanted.name}" of container "${inputs.container.name}": ${(error as Error).message}`,
      );
    }
  }
  return {
    container_path: wanted.mountPath.startsWith('/') ? wanted.mountPath : `/${wanted.mountPath}`,
    host_path: host,
    readonly: (wanted.readOnly ?? false) || volume.readOnly,
    propagation: propagations[(wanted.mountPropagation ?? 'None') as keyof typeof propagations],
  };
}

function expandSubPath(expression: string, environment: Map<string, string>): string {
  try {
    return expandStrictly(expression, environment);
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}`);
  }
}

export const terminationPath = (container: AnyContainer): string =>
  container.terminationMessagePath || '/dev/termination-log';

/** Throws ConfigError. */
export async function containerConfig(inputs: ContainerInputs, settings: ContainerSettings): Promise<ContainerConfig> {
  const { pod, container, attempt, environment } = inputs;
  const mounts: Mount[] = await Promise.all(
    (container.volumeMounts ?? []).map((m, i) => mountOf(inputs, settings, m, i)),
  );
  const mounted = (path: string): boolean => mounts.some((m) => m.container_path === path);
  if (settings.hostsFile && !mounted('/etc/hosts'))
    mounts.push({ container_path: '/etc/hosts', host_path: settings.hostsFile });
  mounts.push({ container_path: terminationPath(container), host_path: settings.terminationFile });
  const { name: podName = '', namespace = '', uid = '' } = pod.metadata ?? {};
  return {
    metadata: { name: container.name, attempt },
    image: { image: inputs.imageRef, user_specified_image: container.image ?? '' },
    command: (container.command ?? []).map((c) => expand(c, environment)),
    args: (container.args ?? []).map((a) => expand(a, environment)),
    working_dir: container.workingDir ?? '',
    envs: [...environment].map(([key, value]) => ({ key, value })),
    mounts,
    labels: {
      [labelKeys.containerName]: container.name,
      [labelKeys.podName]: podName,
      [labelKeys.podNamespace]: namespace,
      [labelKeys.podUid]: uid,
    },
    annotations: {
      [annotationKeys.restartCount]: String(attempt),
      [annotationKeys.terminationMessagePath]: terminationPath(container),
      [annotationKeys.terminationMessagePolicy]: container.terminationMessagePolicy ?? 'File',
      [annotationKeys.image]: container.image ?? '',
    },
    log_path: `${container.name}/${attempt}.log`,
    stdin: container.stdin ?? false,
    stdin_once: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: {
      resources: containerResources(pod, container, settings.memoryCapacityBytes, settings.cgroupVersion),
      security_context: containerSecurity(pod, container, inputs.image, settings.seccompDir, inputs.targetId),
    },
  };
}
