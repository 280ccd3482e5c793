// How a build's FROM finds the cluster's own registry, whose name no DNS server knows.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ClusterPaths } from '../state/paths.ts';
import { besideProxy } from './beside-proxy.ts';
import { registryAddress, registryName, registryPaths } from './settings.ts';

/** What container tools read otherwise, the first that is there: containers-registries.conf(5). */
const usual = (env: NodeJS.ProcessEnv): string[] =>
  [
    env['CONTAINERS_REGISTRIES_CONF'],
    join(homedir(), '.config/containers/registries.conf'),
    '/etc/containers/registries.conf',
  ].filter((file) => file !== undefined);

/** `given`: what container tools read otherwise. Plain HTTP at `address`, an IP:PORT, under the registry's name. */
export const registriesConf = (given: string, address: string): string => `${given}
[[registry]]
prefix = "${registryName}"
location = "${address}"
insecure = true
`;

/** Environment of buildah that knows the cluster's registry, if the cluster has one. */
export function buildEnvironment(paths: ClusterPaths, env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const address = registryAddress(paths);
  if (!address) return env;
  const { dir } = registryPaths(paths);
  const file = join(dir, 'registries.conf');
  const given = usual(env).find((path) => existsSync(path));
  mkdirSync(dir, { recursive: true });
  writeFileSync(file, registriesConf(given ? readFileSync(given, 'utf8') : '', address));
  return { ...besideProxy(address.split(':')[0]!, env), CONTAINERS_REGISTRIES_CONF: file };
}
