// The region that a command is about.
import { coreClients } from '../aws/core-clients.ts';
import { regionOf } from '../aws/identity/endpoints.ts';
import { Failure } from '../local/failure.ts';

/** As given, or from the environment, or from the profile. Throws a Failure when nobody says it. */
export async function awsRegion(given: string | undefined): Promise<string> {
  const known = given ?? regionOf(process.env);
  if (known) return known;
  try {
    return await (await coreClients().ssm()).config.region();
  } catch {
    throw new Failure('no AWS region is set', 'name it: --region eu-west-1');
  }
}
