// Security contexts as CRI takes them: https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
import type { Pod, SeccompProfile, SecurityContext } from '../../core/api/types.gen.ts';
import type { AnyContainer } from '../../core/kubelet/containers.ts';
import type {
  ContainerSecurityContext,
  Image,
  NamespaceOption,
  SandboxSecurityContext,
  SecurityProfile,
} from '../cri/messages.ts';
import { ConfigError } from './env.ts';

const maskedPaths = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** The container's own settings before the pod's. */
export function effective(pod: Pod, container: AnyContainer): SecurityContext {
  const of = pod.spec?.securityContext ?? {};
  const own = container.securityContext ?? {};
  return {
    ...own,
    runAsUser: own.runAsUser ?? of.runAsUser,
    runAsGroup: own.runAsGroup ?? of.runAsGroup,
    runAsNonRoot: own.runAsNonRoot ?? of.runAsNonRoot,
    seccompProfile: own.seccompProfile ?? of.seccompProfile,
  };
}

/** Throws ConfigError (CreateContainerConfigError) when the container must not and would run as root. */
export function verifyNonRoot(pod: Pod, container: AnyContainer, image: Image | undefined): void {
  const context = effective(pod, container);
  if (!context.runAsNonRoot) return;
  const where = `pod: "${pod.metadata?.name}_${pod.metadata?.namespace}(${pod.metadata?.uid})", container: ${container.name}`;
  if (context.runAsUser !== undefined) {
    if (context.runAsUser === 0) throw new ConfigError(`container's runAsUser breaks non-root policy (${where})`);
    return;
  }
  if (image?.uid) {
    if (Number(image.uid.value) === 0)
      throw new ConfigError(`container has runAsNonRoot and image will run as root (${where})`);
    return;
  }
  if (image?.username) {
    throw new ConfigError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root (${where})`,
    );
  }
  throw new ConfigError(`container has runAsNonRoot and image will run as root (${where})`);
}

function seccomp(profile: SeccompProfile | undefined, privileged: boolean, seccompDir: string): SecurityProfile {
  if (privileged || !profile) return { profile_type: 'Unconfined' };
  if (profile.type === 'RuntimeDefault') return { profile_type: 'RuntimeDefault' };
  if (profile.type === 'Unconfined') return { profile_type: 'Unconfined' };
  if (!profile.localhostProfile)
    throw new ConfigError('localhostProfile must be set if seccompProfile type is Localhost.');
  return { profile_type: 'Localhost', localhost_ref: `${seccompDir}/${profile.localhostProfile}` };
}

export function namespaces(pod: Pod, targetId?: string): NamespaceOption {
  const spec = pod.spec;
  return {
    network: spec?.hostNetwork ? 'NODE' : 'POD',
    ipc: spec?.hostIPC ? 'NODE' : 'POD',
    pid: targetId ? 'TARGET' : spec?.hostPID ? 'NODE' : spec?.shareProcessNamespace ? 'POD' : 'CONTAINER',
    ...(targetId ? { target_id: targetId } : {}),
    userns_options: { mode: spec?.hostUsers === false ? 'POD' : 'NODE' },
  };
}

const groups = (pod: Pod): number[] => {
  const of = pod.spec?.securityContext;
  return [...new Set([...(of?.supplementalGroups ?? []), ...(of?.fsGroup !== undefined ? [of.fsGroup] : [])])];
};

const policy = (pod: Pod): { supplemental_groups_policy?: 'Merge' | 'Strict' } =>
  pod.spec?.securityContext?.supplementalGroupsPolicy === 'Strict' ? { supplemental_groups_policy: 'Strict' } : {};

/** @param profile absolute path of the seccomp profile that pod sandboxes get (agent/pods/sandbox-seccomp.ts) */
export function sandboxSecurity(pod: Pod, profile: string): SandboxSecurityContext {
  const of = pod.spec?.securityContext;
  const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  return {
    namespace_options: namespaces(pod),
    ...(of?.runAsUser !== undefined ? { run_as_user: { value: of.runAsUser } } : {}),
    ...(of?.runAsGroup !== undefined && of.runAsUser !== undefined ? { run_as_group: { value: of.runAsGroup } } : {}),
    supplemental_groups: groups(pod),
    ...policy(pod),
    privileged: all.some((c) => c.securityContext?.privileged),
    seccomp: { profile_type: 'Localhost', localhost_ref: profile },
  };
}

/** @param image gives the user when the pod names a group only, which CRI demands with a user */
export function containerSecurity(
  pod: Pod,
  container: AnyContainer,
  image: Image | undefined,
  seccompDir: string,
  targetId: string | undefined,
): ContainerSecurityContext {
  const context = effective(pod, container);
  const privileged = context.privileged ?? false;
  const unmasked = privileged || context.procMount === 'Unmasked';
  const user =
    context.runAsUser !== undefined
      ? { run_as_user: { value: context.runAsUser } }
      : image?.uid
        ? { run_as_user: { value: image.uid.value } }
        : image?.username
          ? { run_as_username: image.username }
          : context.runAsGroup !== undefined
            ? { run_as_user: { value: 0 } }
            : {};
  return {
    namespace_options: namespaces(pod, targetId),
    privileged,
    ...user,
    ...(context.runAsGroup !== undefined ? { run_as_group: { value: context.runAsGroup } } : {}),
    readonly_rootfs: context.readOnlyRootFilesystem ?? false,
    supplemental_groups: groups(pod),
    ...policy(pod),
    no_new_privs: context.allowPrivilegeEscalation === false,
    capabilities: {
      add_capabilities: context.capabilities?.add ?? [],
      drop_capabilities: context.capabilities?.drop ?? [],
    },
    masked_paths: unmasked ? [] : maskedPaths,
    readonly_paths: unmasked ? [] : readonlyPaths,
    seccomp: seccomp(context.seccompProfile, privileged, seccompDir),
  };
}
