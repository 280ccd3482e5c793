// Images of a running cluster: what is done is done on every node.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { importImages, nodeImages, removeImage, takesConnections } from '../containerd/containerd.ts';
import { Failure } from '../failure.ts';
import { type RegistryImage, removeFromRegistry } from '../registry/content.ts';
import { type ClusterPaths, type NodePaths, nodePaths } from '../state/paths.ts';
import { readSpec } from '../state/spec.ts';
import { removeBuilt } from './build.ts';

/** Nodes whose containerd answers. Throws Failure when the cluster has none. */
export async function imageNodes(paths: ClusterPaths): Promise<NodePaths[]> {
  const spec = readSpec(paths);
  if (!spec) throw new Failure(`there is no cluster "${paths.name}"`, 'slipway up');
  if (spec.runtime === 'simulated')
    throw new Failure(
      `the nodes of cluster "${paths.name}" are simulated: they hold no images`,
      'every image counts as present there',
    );
  const nodes = spec.nodes.filter((node) => !node.stopped).map((node) => nodePaths(paths, node.name));
  const answers = await Promise.all(nodes.map((node) => takesConnections(node.socket)));
  const down = nodes.filter((_, i) => !answers[i]);
  if (down.length > 0)
    throw new Failure(
      `containerd of ${down.map((node) => node.name).join(', ')} does not answer`,
      'slipway up starts what is down',
    );
  return nodes;
}

/** Returns the names that the archive held. */
export async function loadArchive(nodes: readonly NodePaths[], file: string): Promise<string[]> {
  const archive = resolve(file);
  if (!existsSync(archive)) throw new Failure(`there is no file ${file}`);
  const names = await Promise.all(nodes.map((node) => importImages(node, archive)));
  if (names.every((list) => list.length === 0))
    throw new Failure(
      `${file} holds no image with a name`,
      'save it with its tag: docker save NAME:TAG, or buildah push NAME:TAG oci-archive:FILE:NAME:TAG',
    );
  return names[0] ?? [];
}

export interface HeldImage {
  image: string;
  digest: string;
  size: string;
  nodes: string[];
  /** The cluster's registry holds it, with this digest. */
  registry: boolean;
}

/** What nodes and the cluster's registry hold; a name that means different images at different places is there once for each. */
export async function listImages(
  nodes: readonly NodePaths[],
  inRegistry: readonly RegistryImage[],
): Promise<HeldImage[]> {
  const found = new Map<string, HeldImage>();
  const entry = (image: string, digest: string, size: string): HeldImage => {
    const key = `${image} ${digest}`;
    const held = found.get(key) ?? { image, digest, size, nodes: [], registry: false };
    found.set(key, held);
    return held;
  };
  const lists = await Promise.all(nodes.map(nodeImages));
  nodes.forEach((node, i) => {
    for (const { name, digest, size } of lists[i] ?? []) entry(name, digest, size).nodes.push(node.name);
  });
  for (const { image, digest, size } of inRegistry)
    entry(image, digest, size === undefined ? '' : sizeText(size)).registry = true;
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, held]) => held);
}

/** As containerd writes sizes. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const step = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${(bytes / 1024 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}

/** From the nodes, from what was built here, and from the cluster's registry. Throws Failure when nobody holds it. */
export async function removeEverywhere(
  paths: ClusterPaths,
  nodes: readonly NodePaths[],
  reference: string,
): Promise<void> {
  const name = fullReference(reference);
  const removed = [
    ...(await Promise.all(nodes.map((node) => removeImage(node, name)))),
    await removeBuilt(paths, name),
    removeFromRegistry(paths, name),
  ];
  if (!removed.includes(true)) throw new Failure(`no node holds an image "${reference}"`, 'slipway image list');
}

/** As every runtime reads a short name: docker.io, library, latest (distribution's reference grammar). */
export function fullReference(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const path = hasRegistry ? reference : rest.length > 0 ? `docker.io/${reference}` : `docker.io/library/${reference}`;
  const last = path.slice(path.lastIndexOf('/') + 1);
  return /[:@]/.test(last) ? path : `${path}:latest`;
}
