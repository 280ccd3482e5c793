// slipway image push | tag
import { askAuthorization, type EcrAuthorization, ecrClient } from '../../aws/ecr/client.ts';
import { ecrHost } from '../../aws/ecr/hosts.ts';
import { ensureRepository } from '../../aws/ecr/repositories.ts';
import { repositoryPrefix } from '../../aws/names.ts';
import { Failure } from '../../local/failure.ts';
import { ensureBuildah } from '../../local/images/build.ts';
import { fullReference, imageNodes } from '../../local/images/images.ts';
import { type PushTarget, pathOf, pushImage, registryOf, tagEverywhere } from '../../local/images/push.ts';
import { type Progress, terminalProgress } from '../../local/progress.ts';
import { servingAddress } from '../../local/registry/content.ts';
import { registryAddress, registryName } from '../../local/registry/settings.ts';
import { type ClusterPaths, clusterPaths, type NodePaths } from '../../local/state/paths.ts';
import { readSpec } from '../../local/state/spec.ts';
import { asRoot } from '../as-root.ts';

export interface PushOptions {
  name: string;
  stack?: string;
  registry?: string;
  region?: string;
  install: boolean;
}

const rootReason = 'images are built and kept by root';

/** None when there is no cluster on this machine, or one without containers. */
async function localNodes(paths: ClusterPaths): Promise<NodePaths[]> {
  const spec = readSpec(paths);
  return spec && spec.runtime !== 'simulated' ? imageNodes(paths) : [];
}

/** AWS's own words, and what to look at. */
export function awsFailure(error: unknown): Failure {
  const { name, message } = error as Error;
  return new Failure(
    `ECR: ${message || name}`,
    'it needs a region (--region, AWS_REGION) and credentials that aws sts get-caller-identity accepts',
  );
}

type EcrClient = ReturnType<typeof ecrClient>;

/** Repositories are below the cluster's prefix; ECR makes none by itself. */
async function ecrTarget(
  client: EcrClient,
  reference: string,
  login: EcrAuthorization,
  say: (text: string) => void,
): Promise<PushTarget> {
  const repository = reference
    .slice(registryOf(reference).length + 1)
    .replace(/@.*$/, '')
    .replace(/:[^/:]*$/, '');
  if (await ensureRepository(client, repository)) say(`made the repository ${repository}`);
  return { reference, login };
}

/** undefined: it goes elsewhere. Throws Failure where it is for the cluster's registry, and that is not there. */
async function ownTarget(paths: ClusterPaths, source: string): Promise<PushTarget | undefined> {
  const reference = fullReference(source);
  const namesNone = reference !== source && !source.startsWith(`${registryOf(reference)}/`);
  if (registryOf(reference) === registryName) return { reference, at: await servingAddress(paths) };
  if (!namesNone || !registryAddress(paths)) return undefined;
  return { reference: `${registryName}/${pathOf(source)}`, at: await servingAddress(paths) };
}

/** Where each reference goes. Throws Failure for one that names no registry, when no option does. */
async function targetOf(
  paths: ClusterPaths,
  source: string,
  options: PushOptions,
  say: (text: string) => void,
): Promise<PushTarget> {
  if (options.registry) return { reference: `${options.registry.replace(/\/$/, '')}/${pathOf(source)}` };
  const own = options.stack ? undefined : await ownTarget(paths, source);
  if (own) return own;
  const host = ecrHost(source);
  if (!options.stack && !host) {
    const reference = fullReference(source);
    if (reference !== source && !source.startsWith(`${registryOf(reference)}/`))
      throw new Failure(
        `${source} names no registry`,
        'say where it goes: --stack NAME, or --registry HOST; npm start -- --registry gives the cluster its own',
      );
    return { reference };
  }
  try {
    const client = ecrClient({ region: host?.region ?? options.region, fips: host?.fips ?? false });
    const login = await askAuthorization(client, Date.now());
    const reference = host
      ? fullReference(source)
      : `${login.registry}/${repositoryPrefix(options.stack!)}${pathOf(source)}`;
    return await ecrTarget(client, reference, login, say);
  } catch (error) {
    throw awsFailure(error);
  }
}

export async function pushCommand(references: readonly string[], options: PushOptions): Promise<void> {
  if (options.stack && options.registry) throw new Failure('--stack and --registry exclude each other', undefined, 2);
  if (await asRoot(rootReason)) return;
  const paths = clusterPaths(options.name);
  const progress: Progress = terminalProgress(process.stdout);
  await ensureBuildah(progress, options.install);
  const nodes = await localNodes(paths);
  for (const reference of references) {
    const target = await targetOf(paths, reference, options, progress.say);
    await pushImage(paths, nodes, reference, target);
    process.stdout.write(`pushed ${target.reference}\n`);
  }
}

export interface TagOptions {
  name: string;
  stack?: string;
  region?: string;
}

export async function tagCommand(source: string, target: string, options: TagOptions): Promise<void> {
  const { stack, region } = options;
  if (stack) return (await import('./image-stack.ts')).tagInStack(source, target, { stack, region });
  if (await asRoot(rootReason)) return;
  const paths = clusterPaths(options.name);
  await tagEverywhere(paths, await localNodes(paths), source, target);
  process.stdout.write(`${fullReference(target)} is ${fullReference(source)}\n`);
}
