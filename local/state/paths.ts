// Where a cluster keeps what it has. Data (survives `down`) under the home, what lives only while it runs under /run.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../failure.ts';

export interface ClusterPaths {
  name: string;
  /** `slipway` or `slipway-NAME`: kubectl context, cgroup, namespaces and nft table carry it. */
  id: string;
  /** Holds every cluster's folder and what they share. */
  home: string;
  dir: string;
  spec: string;
  processes: string;
  lock: string;
  logs: string;
  controlPlane: string;
  /** Sockets, containerd's state: gone after a reboot, as the processes are. */
  run: string;
  cache: string;
  /** Of the processes that are no pods', in version 2 of cgroups; beside the nodes' own. */
  cgroup: string;
}

export const defaultName = 'slipway';

/** Shared files stand beside the clusters' folders under these names. */
const reserved = ['cache', 'lock'];

/** Throws Failure for a name that is no DNS label of at most 20 characters (it becomes part of names of links and cgroups). */
export function clusterPaths(name: string, env: NodeJS.ProcessEnv = process.env): ClusterPaths {
  if (!/^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/.test(name) || reserved.includes(name)) {
    throw new Failure(
      `"${name}" cannot be the name of a cluster`,
      'use lower-case letters, digits and dashes, at most 20, beginning with a letter',
      2,
    );
  }
  const home = slipwayHome(env);
  const id = name === defaultName ? 'slipway' : `slipway-${name}`;
  const dir = join(home, name);
  return {
    name,
    id,
    home,
    dir,
    spec: join(dir, 'cluster.json'),
    processes: join(dir, 'processes.json'),
    lock: join(dir, 'lock'),
    logs: join(dir, 'logs'),
    controlPlane: join(dir, 'control-plane'),
    run: join('/run/slipway', name),
    cache: join(home, 'cache'),
    cgroup: `/${id}/parts`,
  };
}

/** $SLIPWAY_HOME, or the place that the XDG base directory specification gives to an application's data. */
export const slipwayHome = (env: NodeJS.ProcessEnv = process.env): string =>
  env['SLIPWAY_HOME'] || join(env['XDG_DATA_HOME'] || join(homedir(), '.local/share'), 'slipway');

/** What can be had again, and takes time: cli/slipway.js has what Node compiled there. No purge removes it. */
export const slipwayCache = (env: NodeJS.ProcessEnv = process.env): string =>
  join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'slipway');

export interface NodePaths {
  name: string;
  dir: string;
  containerdConfig: string;
  containerdRoot: string;
  cni: string;
  agentConfig: string;
  agentState: string;
  resolvConf: string;
  /** Under /run: containerd's state and socket. */
  run: string;
  socket: string;
  /** The node's network namespace, as `ip netns` names it, and its file. */
  namespace: string;
  namespaceFile: string;
  /** Below every cgroup hierarchy's root. */
  cgroup: string;
}

export function nodePaths(cluster: ClusterPaths, node: string): NodePaths {
  const dir = join(cluster.dir, 'nodes', node);
  const run = join(cluster.run, node);
  const namespace = `${cluster.id}.${node}`;
  return {
    name: node,
    dir,
    containerdConfig: join(dir, 'containerd.toml'),
    containerdRoot: join(dir, 'containerd'),
    cni: join(dir, 'cni'),
    agentConfig: join(dir, 'agent.json'),
    agentState: join(dir, 'agent'),
    resolvConf: join(dir, 'resolv.conf'),
    run,
    socket: join(run, 'containerd.sock'),
    namespace,
    namespaceFile: `/run/netns/${namespace}`,
    cgroup: `/${cluster.id}/${node}`,
  };
}
