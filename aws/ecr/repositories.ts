// Repositories that images are pushed to: made when they are missing, since ECR makes none by itself.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
import {
  CreateRepositoryCommand,
  DescribeRepositoriesCommand,
  type ECRClient,
  PutLifecyclePolicyCommand,
} from '@aws-sdk/client-ecr';

/** A tag that moved on leaves its old image behind, which costs by the month. */
const lifecycle = {
  rules: [
    {
      rulePriority: 1,
      description: 'images without a tag go after two weeks',
      selection: { tagStatus: 'untagged', countType: 'sinceImagePushed', countUnit: 'days', countNumber: 14 },
      action: { type: 'expire' },
    },
  ],
};

const named = (error: unknown, name: string): boolean => (error as Error)?.name === name;

/** True when it was made. Throws what the SDK throws. */
export async function ensureRepository(client: ECRClient, repositoryName: string): Promise<boolean> {
  try {
    await client.send(new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] }));
    return false;
  } catch (error) {
    if (!named(error, 'RepositoryNotFoundException')) throw error;
  }
  try {
    await client.send(
      new CreateRepositoryCommand({ repositoryName, imageScanningConfiguration: { scanOnPush: true } }),
    );
  } catch (error) {
    // made by another push meanwhile
    if (named(error, 'RepositoryAlreadyExistsException')) return false;
    throw error;
  }
  await client.send(new PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText: JSON.stringify(lifecycle) }));
  return true;
}
