// A pod as CRI's sandbox configuration.
import type { Pod } from '../../core/api/types.gen.ts';
import { appContainers, initContainers, isSidecar } from '../../core/kubelet/containers.ts';
import { labelKeys } from '../cri/labels.ts';
import type { PodSandboxConfig, PortMapping } from '../cri/messages.ts';
import { withoutBandwidth } from '../net/bandwidth.ts';
import type { NodeDns } from './dns.ts';
import { podDns } from './dns.ts';
import { nodename } from './hosts.ts';
import { sandboxSecurity } from './security.ts';

export interface SandboxSettings {
  dns: NodeDns;
  podLogDir: string;
  cgroupParent: string;
  /** File with the seccomp profile of sandboxes. */
  seccompProfile: string;
}

export const podLogFolder = (pod: Pod): string =>
  `${pod.metadata?.namespace}_${pod.metadata?.name}_${pod.metadata?.uid}`;

/** Ports published on the node; sidecars' too. */
export function hostPorts(pod: Pod): PortMapping[] {
  if (pod.spec?.hostNetwork) return [];
  return [...initContainers(pod).filter(isSidecar), ...appContainers(pod)].flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => (port.hostPort ?? 0) > 0)
      .map((port) => ({
        protocol: (port.protocol ?? 'TCP') as PortMapping['protocol'],
        container_port: port.containerPort,
        host_port: port.hostPort!,
        host_ip: port.hostIP ?? '',
      })),
  );
}

/** Throws when the hostname cannot be made. */
export function sandboxConfig(pod: Pod, attempt: number, settings: SandboxSettings): PodSandboxConfig {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  const { servers, searches, options } = podDns(pod, settings.dns);
  const sysctls = Object.fromEntries((pod.spec?.securityContext?.sysctls ?? []).map((s) => [s.name, s.value]));
  return {
    metadata: { name, namespace, uid, attempt },
    // A pod in the host's network is in its UTS namespace too, whose name is the node's.
    ...(pod.spec?.hostNetwork ? {} : { hostname: nodename(pod, settings.dns.clusterDomain) }),
    log_directory: `${settings.podLogDir}/${podLogFolder(pod)}`,
    dns_config: { servers, searches, options },
    port_mappings: hostPorts(pod),
    labels: {
      ...pod.metadata?.labels,
      [labelKeys.podName]: name,
      [labelKeys.podNamespace]: namespace,
      [labelKeys.podUid]: uid,
    },
    annotations: withoutBandwidth(pod.metadata?.annotations ?? {}),
    linux: {
      cgroup_parent: settings.cgroupParent,
      security_context: sandboxSecurity(pod, settings.seccompProfile),
      sysctls,
    },
  };
}
