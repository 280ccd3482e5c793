// What a cluster's repositories hold. https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Operations.html
import {
  BatchDeleteImageCommand,
  BatchGetImageCommand,
  DescribeImagesCommand,
  type ECRClient,
  type ImageDetail,
  PutImageCommand,
  paginateDescribeImages,
  paginateDescribeRepositories,
} from '@aws-sdk/client-ecr';

export interface EcrImage {
  /** `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG` */
  image: string;
  digest: string;
  /** Bytes as they are sent. */
  size: number | undefined;
  pushedAt: Date | undefined;
}

/** Every tag of every repository whose name begins so, in order. Throws what the SDK throws. */
export async function taggedImages(client: ECRClient, prefix: string): Promise<EcrImage[]> {
  const images: EcrImage[] = [];
  for await (const page of paginateDescribeRepositories({ client }, {})) {
    for (const { repositoryName, repositoryUri } of page.repositories ?? []) {
      if (!repositoryName?.startsWith(prefix)) continue;
      for await (const { imageDetails } of paginateDescribeImages({ client }, { repositoryName }))
        images.push(...(imageDetails ?? []).flatMap((detail) => tagsOf(repositoryUri ?? repositoryName, detail)));
    }
  }
  return images.sort((a, b) => (a.image < b.image ? -1 : 1));
}

const tagsOf = (repository: string, detail: ImageDetail): EcrImage[] =>
  (detail.imageTags ?? []).map((tag) => ({
    image: `${repository}:${tag}`,
    digest: detail.imageDigest ?? '',
    size: detail.imageSizeInBytes,
    pushedAt: detail.imagePushedAt,
  }));

const missing = new Set(['RepositoryNotFoundException', 'ImageNotFoundException']);

async function isThere(client: ECRClient, repositoryName: string, imageTag: string): Promise<boolean> {
  try {
    await client.send(new DescribeImagesCommand({ repositoryName, imageIds: [{ imageTag }] }));
    return true;
  } catch (error) {
    if (missing.has((error as Error).name)) return false;
    throw error;
  }
}

/** Takes the tag away, and the image with its last tag. False when it is not there. Throws what the SDK throws. */
export async function removeTag(client: ECRClient, repositoryName: string, imageTag: string): Promise<boolean> {
  if (!(await isThere(client, repositoryName, imageTag))) return false;
  const { failures } = await client.send(new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageTag }] }));
  const [failure] = failures ?? [];
  if (failure) throw new Error(`${repositoryName}:${imageTag}: ${failure.failureReason ?? failure.failureCode}`);
  return true;
}

/** A further tag in the same repository, which also moves there. False when there is no such image. Throws what the SDK throws. */
export async function addTag(
  client: ECRClient,
  repositoryName: string,
  imageTag: string,
  further: string,
): Promise<boolean> {
  if (!(await isThere(client, repositoryName, imageTag))) return false;
  const { images } = await client.send(new BatchGetImageCommand({ repositoryName, imageIds: [{ imageTag }] }));
  const [found] = images ?? [];
  if (!found) return false;
  try {
    await client.send(
      new PutImageCommand({
        repositoryName,
        imageManifest: found.imageManifest,
        imageManifestMediaType: found.imageManifestMediaType,
        imageTag: further,
      }),
    );
  } catch (error) {
    // the tag is this image's already
    if ((error as Error).name !== 'ImageAlreadyExistsException') throw error;
  }
  return true;
}
