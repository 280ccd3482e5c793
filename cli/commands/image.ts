// slipway image load | build | list | rm
import { rmSync } from 'node:fs';
import { buildImage, ensureBuildah } from '../../local/images/build.ts';
import { fullReference, imageNodes, listImages, loadArchive, removeEverywhere } from '../../local/images/images.ts';
import { preparedImages } from '../../local/images/prepared.ts';
import { terminalProgress } from '../../local/progress.ts';
import { clusterPaths } from '../../local/state/paths.ts';
import { asRoot, needsRoot, runtimeOf } from '../as-root.ts';
import { table } from '../table.ts';

interface ImageOptions {
  name: string;
}

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
  install: boolean;
}

export async function buildCommand(folder: string, options: BuildCommandOptions): Promise<void> {
  const paths = clusterPaths(options.name);
  const progress = terminalProgress(process.stdout);
  // without a cluster on this machine it is built to be pushed
  const alone = runtimeOf(paths) === undefined;
  if (alone ? await asRoot('images are built and kept by root') : await needsRoot(paths)) return;
  const nodes = alone ? [] : await imageNodes(paths);
  await ensureBuildah(progress, options.install);
  const known = await preparedImages(paths, progress.say);
  const tag = fullReference(options.tag);
  const archive = await buildImage(
    paths,
    folder,
    { tag, file: options.file, buildArgs: options.buildArg ?? [] },
    known,
  );
  try {
    if (alone)
      progress.say(`${options.tag} is built; no cluster is here to load it into. slipway image push takes it on.`);
    else
      await progress.step(
        `${options.tag} into ${everyNode(nodes.length)}`,
        async () => void (await loadArchive(nodes, archive)),
      );
  } finally {
    rmSync(archive, { force: true });
  }
}

export async function listCommand(options: ImageOptions & { json?: boolean }): Promise<void> {
  const paths = clusterPaths(options.name);
  if (await needsRoot(paths)) return;
  const nodes = await imageNodes(paths);
  const images = await listImages(nodes);
  if (options.json) {
    const list = [...images].map(([image, holders]) => ({ image, nodes: holders }));
    process.stdout.write(`${JSON.stringify(list, null, 2)}\n`);
    return;
  }
  const rows = [...images].map(([image, holders]) => [
    image,
    holders.length === nodes.length ? 'all' : holders.join(', '),
  ]);
  process.stdout.write(table([['IMAGE', 'NODES'], ...rows]));
}

export async function removeCommand(references: readonly string[], options: ImageOptions): Promise<void> {
  const paths = clusterPaths(options.name);
  if (await needsRoot(paths)) return;
  const nodes = await imageNodes(paths);
  for (const reference of references) {
    await removeEverywhere(nodes, reference);
    process.stdout.write(`removed ${reference}\n`);
  }
}
