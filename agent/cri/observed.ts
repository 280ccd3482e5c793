// One container as the lifecycle sees it, from what the runtime tells of it.
import type { ObservedContainer } from '../../core/kubelet/model.ts';
import { annotationKeys } from './labels.ts';
import type { ContainerConfig, ContainerStatus, Image } from './messages.ts';

/** CRI's times are nanoseconds since the epoch, as text. */
export const msOf = (nanoseconds: string): number => Math.floor(Number(BigInt(nanoseconds || '0') / 1_000_000n));

export const states = {
  CONTAINER_CREATED: 'created',
  CONTAINER_RUNNING: 'running',
  CONTAINER_EXITED: 'exited',
  CONTAINER_UNKNOWN: 'unknown',
} as const;

export function observedOf(status: ContainerStatus, sandboxId: string): ObservedContainer {
  const user = status.user?.linux;
  return {
    id: status.id,
    name: status.metadata.name,
    sandboxId,
    attempt: status.metadata.attempt,
    state: states[status.state],
    createdAt: msOf(status.created_at),
    startedAt: msOf(status.started_at),
    finishedAt: msOf(status.finished_at),
    exitCode: status.exit_code,
    reason: status.reason,
    message: status.message,
    image: status.image?.image ?? '',
    imageId: status.image_ref,
    requestedImage: status.annotations[annotationKeys.image] ?? '',
    ...(user
      ? {
          user: {
            uid: Number(user.uid),
            gid: Number(user.gid),
            supplementalGroups: user.supplemental_groups.map(Number),
          },
        }
      : {}),
  };
}

/** A container that has just been started, as its status will show it: the names of its image are the first that it has. */
export function startedContainer(
  id: string,
  sandboxId: string,
  config: ContainerConfig,
  image: Image,
  times: { createdAt: number; startedAt: number },
): ObservedContainer {
  const { name, attempt } = config.metadata;
  return {
    id,
    name,
    sandboxId,
    attempt,
    state: 'running',
    ...times,
    finishedAt: 0,
    exitCode: 0,
    reason: '',
    message: '',
    image: image.repo_tags[0] ?? image.repo_digests[0] ?? config.image.image,
    imageId: image.repo_digests[0] ?? image.id,
    requestedImage: config.annotations[annotationKeys.image] ?? '',
  };
}
