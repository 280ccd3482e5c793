// What is fixed about a cluster's own registry, and the files that say the rest. The program is CNCF Distribution (Debian's
// docker-registry): https://distribution.github.io/distribution/about/configuration/
import { join } from 'node:path';
import type { ClusterPaths } from '../state/paths.ts';
import { readIfThere } from '../state/spec.ts';

/**
 * The registry's name in image references, the same in every cluster, so that manifests are too. No DNS server knows it (.internal is
 * kept for private use): each node's containerd is told where its cluster's registry is.
 */
export const registryName = 'registry.slipway.internal';

export interface RegistryPaths {
  dir: string;
  config: string;
  /** Blobs, manifests and tags, as the registry lays them out. */
  data: string;
  /** `IP:PORT` of the registry that was started last. */
  address: string;
  /** There when something was removed whose space the next start frees. */
  removed: string;
}

export function registryPaths(paths: ClusterPaths): RegistryPaths {
  const dir = join(paths.dir, 'registry');
  return {
    dir,
    config: join(dir, 'config.yml'),
    data: join(dir, 'data'),
    address: join(dir, 'address'),
    removed: join(dir, 'removed'),
  };
}

/** `IP:PORT` that the machine, the nodes and the pods reach. undefined: it was never started. */
export const registryAddress = (paths: ClusterPaths): string | undefined =>
  readIfThere(registryPaths(paths).address)?.trim() || undefined;

/**
 * Without a cache of what it holds: what is removed from its folder is gone at once. JSON is YAML.
 * @param secret shared by restarts, so that an upload goes on
 */
export const registryConfig = (data: string, address: string, secret: string): string =>
  `${JSON.stringify(
    {
      version: 0.1,
      log: { level: 'info', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: data }, delete: { enabled: true } },
      http: { addr: address, secret, headers: { 'X-Content-Type-Options': ['nosniff'] } },
    },
    null,
    2,
  )}\n`;

/**
 * What containerd reads for the registry's name (its docs/hosts.md): plain HTTP, on the cluster's own network. `server` keeps it from
 * asking DNS for the name after the host did not have the image; by itself containerd 1.6 does not heed it.
 */
export const hostsToml = (address: string): string => `server = "http://${address}"

[host."http://${address}"]
  capabilities = ["pull", "resolve"]
`;
