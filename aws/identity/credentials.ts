// Credentials of whoever runs this: environment, profile, or the instance's role by IMDSv2, as every AWS program looks for them.
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import type { AwsCredentialIdentity } from '@smithy/types';

/** What it found is kept, and renewed before it ends. Throws an Error of the SDK that lists where it looked. */
export function awsCredentials(): () => Promise<AwsCredentialIdentity> {
  const provider = defaultProvider();
  return () => provider();
}
