// Hostname and /etc/hosts of a pod: https://kubernetes.io/docs/tasks/network/customize-hosts-file-for-pods/
import type { HostAlias, Pod } from '../../core/api/types.gen.ts';

const maxHostname = 63;
const maxFqdn = 64;

export function hostAndDomain(pod: Pod, clusterDomain: string): { hostname: string; domain: string } {
  if (pod.spec?.hostnameOverride) return { hostname: pod.spec.hostnameOverride, domain: '' };
  const hostname = (pod.spec?.hostname || pod.metadata?.name || '').slice(0, maxHostname).replace(/[-.]+$/, '');
  const domain = pod.spec?.subdomain ? `${pod.spec.subdomain}.${pod.metadata?.namespace}.svc.${clusterDomain}` : '';
  return { hostname, domain };
}

/** What `hostname` prints in the pod. Throws when the full name is longer than the kernel takes. */
export function nodename(pod: Pod, clusterDomain: string): string {
  const { hostname, domain } = hostAndDomain(pod, clusterDomain);
  if (!pod.spec?.setHostnameAsFQDN || !domain) return hostname;
  const name = `${hostname}.${domain}`;
  if (name.length > maxFqdn) {
    throw new Error(
      `Failed to construct FQDN from pod hostname and cluster domain, FQDN ${name} is too long (64 characters is the max, ${name.length} characters requested)`,
    );
  }
  return name;
}

function aliases(list: HostAlias[] | undefined): string {
  if (!list?.length) return '';
  return `\n# Entries added by HostAliases.\n${list.map((a) => `${a.ip}\t${(a.hostnames ?? []).join('\t')}\n`).join('')}`;
}

const fixed = `# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
`;

/** @param hostFile the node's own /etc/hosts, which host network pods see */
export function hostsFile(pod: Pod, podIPs: readonly string[], clusterDomain: string, hostFile: string): string {
  if (pod.spec?.hostNetwork) {
    return `# Kubernetes-managed hosts file (host network).\n${hostFile}${aliases(pod.spec.hostAliases)}`;
  }
  const { hostname, domain } = hostAndDomain(pod, clusterDomain);
  const names = domain ? `${hostname}.${domain}\t${hostname}` : hostname;
  return `${fixed}${podIPs.map((ip) => `${ip}\t${names}\n`).join('')}${aliases(pod.spec?.hostAliases)}`;
}
