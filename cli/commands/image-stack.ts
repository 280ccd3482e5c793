// slipway image list | rm | tag --stack: the same on a cluster's repositories in ECR
import { ecrClient } from '../../aws/ecr/client.ts';
import { ecrHost } from '../../aws/ecr/hosts.ts';
import { addTag, removeTag, taggedImages } from '../../aws/ecr/images.ts';
import { repositoryPrefix } from '../../aws/names.ts';
import { Failure } from '../../local/failure.ts';
import { sizeText } from '../../local/images/images.ts';
import { pathOf } from '../../local/images/push.ts';
import { table } from '../table.ts';
import { shortDigest } from './image.ts';
import { awsFailure } from './image-push.ts';

export interface StackOptions {
  stack: string;
  region?: string;
}

type EcrClient = ReturnType<typeof ecrClient>;

async function withEcr<T>({ region }: StackOptions, act: (client: EcrClient) => Promise<T>): Promise<T> {
  try {
    return await act(ecrClient({ region, fips: false }));
  } catch (error) {
    throw error instanceof Failure ? error : awsFailure(error);
  }
}

/** A short name is below the cluster's prefix, as `image push` puts it there. Throws Failure for a reference by digest. */
function placeOf(reference: string, stack: string): { repository: string; tag: string } {
  const path = pathOf(reference);
  const tag = path.slice(path.lastIndexOf(':') + 1);
  if (path.includes('@')) throw new Failure(`${reference} has no tag`, 'name it as NAME:TAG', 2);
  const repository = path.slice(0, -tag.length - 1);
  return { repository: ecrHost(reference) ? repository : `${repositoryPrefix(stack)}${repository}`, tag };
}

const absent = (reference: string, { stack }: StackOptions): Failure =>
  new Failure(`no repository of ${stack} holds an image "${reference}"`, `slipway image list --stack ${stack}`);

export async function listStack(options: StackOptions & { json?: boolean }): Promise<void> {
  const images = await withEcr(options, (client) => taggedImages(client, repositoryPrefix(options.stack)));
  if (options.json) {
    process.stdout.write(`${JSON.stringify(images, null, 2)}\n`);
    return;
  }
  const rows = images.map(({ image, digest, size, pushedAt }) => [
    image,
    shortDigest(digest),
    size === undefined ? '' : sizeText(size),
    pushedAt?.toISOString() ?? '',
  ]);
  process.stdout.write(table([['IMAGE', 'DIGEST', 'SIZE', 'PUSHED'], ...rows]));
}

export async function removeFromStack(references: readonly string[], options: StackOptions): Promise<void> {
  for (const reference of references) {
    const { repository, tag } = placeOf(reference, options.stack);
    if (!(await withEcr(options, (client) => removeTag(client, repository, tag)))) throw absent(reference, options);
    process.stdout.write(`removed ${repository}:${tag}\n`);
  }
}

export async function tagInStack(source: string, target: string, options: StackOptions): Promise<void> {
  const [from, to] = [placeOf(source, options.stack), placeOf(target, options.stack)];
  if (from.repository !== to.repository)
    throw new Failure(
      `${from.repository} and ${to.repository} are two repositories, which share no layers in ECR`,
      `slipway image tag ${source} ${target}, then slipway image push ${target} --stack ${options.stack}`,
    );
  const done = await withEcr(options, (client) => addTag(client, from.repository, from.tag, to.tag));
  if (!done) throw absent(source, options);
  process.stdout.write(`${to.repository}:${to.tag} is ${from.repository}:${from.tag}\n`);
}
