// What the cluster's registry holds, asked by the OCI distribution specification; and tags taken out of it.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../failure.ts';
import { type ClusterPaths, defaultName } from '../state/paths.ts';
import { registryServes } from './registry.ts';
import { registryAddress, registryName, registryPaths } from './settings.ts';

export interface RegistryImage {
  /** `registry.slipway.internal/PATH:TAG` */
  image: string;
  digest: string;
  /** Bytes of configuration and layers as they are sent; undefined for an index of several platforms. */
  size: number | undefined;
}

interface Manifest {
  config?: { size: number };
  layers?: { size: number }[];
}

const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');
const pageSize = 500;

const isDown = (address: string): Failure =>
  new Failure(`the registry at ${address} does not answer`, 'slipway up starts what is down');

async function ask(address: string, path: string): Promise<Response> {
  try {
    return await fetch(`http://${address}/v2/${path}`, { headers: { accept: manifestTypes } });
  } catch {
    throw isDown(address);
  }
}

/** All pages of a list. A repository whose last tag went is still named, and has none. */
async function names(address: string, path: string, field: 'repositories' | 'tags'): Promise<string[]> {
  const found: string[] = [];
  for (let last = ''; ; last = encodeURIComponent(found.at(-1)!)) {
    const response = await ask(address, `${path}?n=${pageSize}${last && `&last=${last}`}`);
    if (response.status === 404) return found;
    const page = ((await response.json()) as Record<string, string[] | null>)[field] ?? [];
    found.push(...page);
    // this registry gives all tags at once, whatever is asked for
    if (!response.headers.has('link') || page.length === 0) return found;
  }
}

/** Throws Failure when it does not answer. */
export async function registryImages(address: string): Promise<RegistryImage[]> {
  const images: RegistryImage[] = [];
  for (const repository of await names(address, '_catalog', 'repositories')) {
    for (const tag of await names(address, `${repository}/tags/list`, 'tags')) {
      const response = await ask(address, `${repository}/manifests/${tag}`);
      if (!response.ok) continue; // it went meanwhile
      const { config, layers } = (await response.json()) as Manifest;
      images.push({
        image: `${registryName}/${repository}:${tag}`,
        digest: response.headers.get('docker-content-digest') ?? '',
        size: layers?.reduce((sum, layer) => sum + layer.size, config?.size ?? 0),
      });
    }
  }
  return images;
}

/** Of the specification: names of repositories and tags, which become a path here. */
const taggedForm =
  /^([a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*):(\w[\w.-]{0,127})$/;

/**
 * False when it is not there. Takes the tag alone, where the registry's own call takes every tag of the same image. The space is
 * freed at the registry's next start (registry.ts).
 */
export function removeFromRegistry(paths: ClusterPaths, reference: string): boolean {
  const match = reference.startsWith(`${registryName}/`) && taggedForm.exec(reference.slice(registryName.length + 1));
  if (!match) return false;
  const own = registryPaths(paths);
  const tag = join(own.data, 'docker/registry/v2/repositories', match[1]!, '_manifests/tags', match[2]!);
  if (!existsSync(tag)) return false;
  rmSync(tag, { recursive: true });
  writeFileSync(own.removed, '');
  return true;
}

/** Throws Failure when the cluster has no registry, or it does not answer. */
export async function servingAddress(paths: ClusterPaths): Promise<string> {
  const address = registryAddress(paths);
  const flag = paths.name === defaultName ? '' : ` --name ${paths.name}`;
  if (!address)
    throw new Failure(`cluster "${paths.name}" has no registry`, `npm start -- --registry${flag} gives it one`);
  if (!(await registryServes(paths))) throw isDown(address);
  return address;
}
