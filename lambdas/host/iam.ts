// IAM identities as users of a function's API: the stack's roles and STS of its region, put together.
import { callerOf } from '../../aws/identity/caller.ts';
import { allowedOrigins, regionOf, stsEndpointOf } from '../../aws/identity/endpoints.ts';
import { environment } from '../../aws/names.ts';
import type { TokenAuthenticator } from '../../core/apiserver/authenticate/bearer.ts';
import { iamTokens } from '../../core/apiserver/authenticate/iam.ts';
import type { Ports } from '../../core/ports.ts';
import type { Store } from '../../core/store/store.ts';
import { required } from './settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Throws ServiceUnavailable that names the variable which is missing. */
export function iamTokensOf(
  env: Environment,
  store: Store,
  { clock, log }: Ports,
  fetch: Fetch = globalThis.fetch,
): TokenAuthenticator {
  const region = regionOf(env) ?? required(env, 'AWS_REGION');
  const endpoint = stsEndpointOf(env);
  const admins = [env[environment.adminRole] ?? '', ...(env[environment.admins] ?? '').split(',')];
  return iamTokens({
    store,
    clock,
    log,
    origins: allowedOrigins(region, endpoint),
    whoIs: callerOf({ cluster: required(env, environment.cluster), fetch, ...(endpoint ? { endpoint } : {}) }),
    admins: admins.map((arn) => arn.trim()).filter((arn) => arn !== ''),
    workerRole: env[environment.workerRole] || undefined,
  });
}
