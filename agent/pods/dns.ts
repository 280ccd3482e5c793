// resolv.conf of a pod: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy
import type { Pod } from '../../core/api/types.gen.ts';

export interface DnsSettings {
  servers: string[];
  searches: string[];
  options: string[];
}

export interface NodeDns {
  clusterDns: readonly string[];
  clusterDomain: string;
  /** The node's own resolv.conf. */
  host: DnsSettings;
}

export function parseResolvConf(text: string): DnsSettings {
  const settings: DnsSettings = { servers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && values[0]) settings.servers.push(values[0]);
    // With and without a dot at the end it is the same domain.
    if (keyword === 'search' || keyword === 'domain')
      settings.searches = values.filter((v) => v !== '.').map((v) => v.replace(/\.$/, ''));
    if (keyword === 'options') settings.options.push(...values);
  }
  return settings;
}

function basis(pod: Pod, node: NodeDns): DnsSettings {
  const policy = pod.spec?.dnsPolicy ?? 'ClusterFirst';
  if (policy === 'None') return { servers: [], searches: [], options: [] };
  const cluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !pod.spec?.hostNetwork);
  if (!cluster || node.clusterDns.length === 0) return node.host;
  const domain = node.clusterDomain;
  const own = [`${pod.metadata?.namespace}.svc.${domain}`, `svc.${domain}`, domain];
  return {
    servers: [...node.clusterDns],
    searches: [...new Set([...own, ...node.host.searches])],
    options: ['ndots:5'],
  };
}

/** What resolvers read at most: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#dns-search-domain-list-limits */
const maxServers = 3;
const maxSearches = 32;
const maxSearchCharacters = 2048;
/** Some resolvers end their program over a longer one. */
const maxNameCharacters = 253;

function withinLimits(searches: readonly string[]): string[] {
  let length = -1;
  return searches
    .slice(0, maxSearches)
    .filter((search) => search.length <= maxNameCharacters)
    .filter((search) => (length += search.length + 1) <= maxSearchCharacters);
}

/**
 * Without any server a resolver asks its own loopback, where nobody is; said in the file, since a runtime that is given nothing
 * copies the machine's file, whose servers the pod may not reach.
 */
const nobody = '127.0.0.1';

const optionName = (option: string): string => option.split(':')[0]!;

export interface PodDns extends DnsSettings {
  /** What was left out, as kubelet's event DNSConfigForming says it. */
  omitted: string[];
}

export function podDns(pod: Pod, node: NodeDns): PodDns {
  const { servers, searches, options } = basis(pod, node);
  const config = pod.spec?.dnsConfig;
  const added = (config?.options ?? []).map((o) => (o.value ? `${o.name}:${o.value}` : (o.name ?? '')));
  const overridden = new Set(added.map(optionName));
  const allServers = [...new Set([...servers, ...(config?.nameservers ?? [])])];
  const used = allServers.slice(0, maxServers);
  const allSearches = [...new Set([...searches, ...(config?.searches ?? [])])];
  const searched = withinLimits(allSearches);
  const omitted: string[] = [];
  const says = (what: string, omission: string, line: string, applied: string[]): void =>
    void omitted.push(
      `${what} limits were exceeded, some ${omission} have been omitted, the applied ${line} line is: ${applied.join(' ')}`,
    );
  if (used.length < allServers.length) says('Nameserver', 'nameservers', 'nameserver', used);
  if (searched.length < allSearches.length) says('Search Line', 'search paths', 'search', searched);
  return {
    omitted,
    servers: used.length > 0 ? used : [nobody],
    searches: searched,
    options: [...options.filter((o) => !overridden.has(optionName(o))), ...added],
  };
}
