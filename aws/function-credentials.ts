// The credentials of a function: Lambda sets those of its role in the environment. The functions' bundles hold this in the place of
// the SDK's own chain of providers (infra/bundles.ts), which also knows files, SSO, processes, web identities and instances: more
// code than a client of a service.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
import type { AwsCredentialIdentityProvider } from '@smithy/types';

/** As @aws-sdk/credential-provider-node has it. Throws an Error that says which variable is missing. */
export const defaultProvider = (): AwsCredentialIdentityProvider => async () => {
  const { env } = process;
  const required = (name: string): string => {
    const value = env[name];
    if (!value) throw new Error(`the function's environment variable ${name} is not set`);
    return value;
  };
  const { AWS_SESSION_TOKEN: sessionToken } = env;
  return {
    accessKeyId: required('AWS_ACCESS_KEY_ID'),
    secretAccessKey: required('AWS_SECRET_ACCESS_KEY'),
    ...(sessionToken ? { sessionToken } : {}),
  };
};
