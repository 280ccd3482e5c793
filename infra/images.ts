// Repositories for the images that the cluster runs.
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Repository, RepositoryEncryption, TagMutability, TagStatus } from 'aws-cdk-lib/aws-ecr';
import { Construct } from 'constructs';
import { repositoryPrefix } from '../aws/names.ts';
import type { Properties } from './properties.ts';

/** An image that no tag names any more is kept this long for pods that still name its digest. */
const untaggedDays = 14;

/** Scanned at each push; images without a tag expire. Workers pull, people push with their own identity. */
export class Images extends Construct {
  readonly repositories: Repository[];

  constructor(scope: Construct, id: string, properties: Properties) {
    super(scope, id);
    this.repositories = properties.repositories.map(
      (name) =>
        new Repository(this, name, {
          repositoryName: `${repositoryPrefix(properties.name)}${name}`,
          imageScanOnPush: true,
          imageTagMutability: TagMutability.MUTABLE,
          encryption: RepositoryEncryption.AES_256,
          emptyOnDelete: properties.removal === 'destroy' ? true : undefined,
          // What a first deployment that failed would leave behind would stand in the way of the next: the name is a fixed one.
          removalPolicy:
            properties.removal === 'destroy' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
          lifecycleRules: [
            {
              description: `images without a tag, after ${untaggedDays} days`,
              tagStatus: TagStatus.UNTAGGED,
              maxImageAge: Duration.days(untaggedDays),
            },
          ],
        }),
    );
  }
}
