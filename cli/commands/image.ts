// slipway image load | build | list | rm
import { rmSync } from 'node:fs';
import { archiveOf, buildImage, ensureBuildah } from '../../local/images/build.ts';
import { fullReference, imageNodes, listImages, loadArchive, removeEverywhere } from '../../local/images/images.ts';
import { baseImages } from '../../local/images/prepared.ts';
import { terminalProgress } from '../../local/progress.ts';
import { registryImages } from '../../local/registry/content.ts';
import { registryAddress } from '../../local/registry/settings.ts';
import { clusterPaths } from '../../local/state/paths.ts';
import { asRoot, needsRoot, runtimeOf } from '../as-root.ts';
import { report } from '../report.ts';
import { table } from '../table.ts';

interface ImageOptions {
  name: string;
}

/** As much as tells images apart. */
export const shortDigest = (digest: string): string => digest.slice(0, 'sha256:'.length + 12);

const everyNode = (count: number): string => (count === 1 ? 'the node' : `${count} nodes`);

export async function loadCommand(files: readonly string[], options: ImageOptions): Promise<void> {
  const paths = clusterPaths(options.name);
  if (await needsRoot(paths)) return;
  const nodes = await imageNodes(paths);
  const progress = terminalProgress(process.stdout);
  for (const file of files) {
    await progress.step(`${file} into ${everyNode(nodes.length)}`, async (note) =>
      note((await loadArchive(nodes, file)).join(', ')),
    );
  }
}

export interface BuildCommandOptions extends ImageOptions {
  tag: string;
  file?: string;
  buildArg?: string[];
  load: boolean;
  install: boolean;
}

export async function buildCommand(folder: string, options: BuildCommandOptions): Promise<void> {
  const paths = clusterPaths(options.name);
  const progress = terminalProgress(process.stdout);
  // without a cluster on this machine it is built to be pushed
  const alone = runtimeOf(paths) === undefined || !options.load;
  if (alone ? await asRoot('images are built and kept by root') : await needsRoot(paths)) return;
  const nodes = alone ? [] : await imageNodes(paths);
  await ensureBuildah(progress, options.install);
  const tag = fullReference(options.tag);
  const build = { tag, file: options.file, buildArgs: options.buildArg ?? [] };
  await buildImage(paths, folder, build, (text) => baseImages(paths, text, progress.say));
  if (alone) {
    const why = options.load ? 'no cluster is here to load it into' : 'no node has it yet';
    progress.say(`${options.tag} is built; ${why}. slipway image push takes it on.`);
    return;
  }
  const archive = await archiveOf(paths, tag);
  try {
    await progress.step(
      `${options.tag} into ${everyNode(nodes.length)}`,
      async () => void (await loadArchive(nodes, archive)),
    );
  } finally {
    rmSync(archive, { force: true });
  }
}

interface PlaceOptions extends ImageOptions {
  stack?: string;
  region?: string;
}

/** A name of a cluster on AWS makes it a command on that one's repositories. */
const stackOf = ({ stack, region }: PlaceOptions): { stack: string; region?: string } | undefined =>
  stack === undefined ? undefined : { stack, region };

export async function listCommand(options: PlaceOptions & { json?: boolean }): Promise<void> {
  const stack = stackOf(options);
  if (stack) return (await import('./image-stack.ts')).listStack({ ...stack, json: options.json });
  const paths = clusterPaths(options.name);
  if (await needsRoot(paths)) return;
  const nodes = await imageNodes(paths);
  const address = registryAddress(paths);
  // what the nodes hold is worth showing without it
  const inRegistry = address
    ? await registryImages(address).catch((error: unknown) => {
        report(error, options.name);
        return [];
      })
    : [];
  const images = await listImages(nodes, inRegistry);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(images, null, 2)}\n`);
    return;
  }
  const rows = images.map((held) => [
    held.image,
    shortDigest(held.digest),
    held.size,
    held.nodes.length === nodes.length ? 'all' : held.nodes.join(', ') || '-',
    held.registry ? 'yes' : '-',
  ]);
  process.stdout.write(table([['IMAGE', 'DIGEST', 'SIZE', 'NODES', 'REGISTRY'], ...rows]));
}

export async function removeCommand(references: readonly string[], options: PlaceOptions): Promise<void> {
  const stack = stackOf(options);
  if (stack) return (await import('./image-stack.ts')).removeFromStack(references, stack);
  const paths = clusterPaths(options.name);
  if (await needsRoot(paths)) return;
  const nodes = await imageNodes(paths);
  for (const reference of references) {
    await removeEverywhere(paths, nodes, reference);
    process.stdout.write(`removed ${reference}\n`);
  }
}
