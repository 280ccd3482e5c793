// IAM identities as users: a token is checked (iam-token.ts), STS is asked whose it is, and the answer is mapped to a user. The
// stack's admins are system:masters, a session of the workers' role is the node of that instance, everybody else is whom
// kube-system/aws-auth says.
import { StatusError } from '../../api/errors.ts';
import type { Clock, Log } from '../../ports.ts';
import type { Store } from '../../store/store.ts';
import type { User } from '../server.ts';
import type { TokenAuthenticator } from './bearer.ts';
import { type CallerIdentity, comparableArn, type Principal, principalOf } from './iam-identity.ts';
import { mappedUser, readMapping } from './iam-mapping.ts';
import { type IamCall, IamTokenRefused, parseIamToken } from './iam-token.ts';
import { mastersGroup, nodesGroup, nodeUserPrefix } from './users.ts';

export interface IamOptions {
  store: Store;
  clock: Clock;
  log: Log;
  /** Where STS may be called: `https://sts.eu-west-1.amazonaws.com`. */
  origins: ReadonlySet<string>;
  /** Calls STS. undefined: STS does not take the signature. Throws ServiceUnavailable when STS cannot be asked. */
  whoIs(call: IamCall): Promise<CallerIdentity | undefined>;
  /** ARNs of roles and users that are system:masters. */
  admins: readonly string[];
  /** ARN of the workers' role. Its trust lets only EC2 name the sessions: after their instance. */
  workerRole: string | undefined;
}

/** Answers of STS that are kept, each until its token ends. */
const maxRemembered = 1_000;

const awsAuth = { namespace: 'kube-system', name: 'aws-auth' };
const instancePattern = /^i-[0-9a-f]{8,17}$/;

const refused = (why: string): StatusError => {
  const error = new StatusError('Unauthorized', 'Unauthorized');
  error.cause = new Error(why);
  return error;
};

export function iamTokens(options: IamOptions): TokenAuthenticator {
  const remembered = new Map<string, { identity: CallerIdentity; untilMs: number }>();
  const admins = new Set(options.admins.map(comparableArn));
  const identityOf = async (token: string, call: IamCall): Promise<CallerIdentity> => {
    const known = remembered.get(token);
    if (known && known.untilMs > options.clock.now()) return known.identity;
    const identity = await options.whoIs(call);
    if (!identity) throw refused('STS does not take the signature');
    // The oldest goes: a Map keeps the order in which its entries came.
    if (remembered.size >= maxRemembered) remembered.delete(remembered.keys().next().value ?? '');
    remembered.delete(token);
    remembered.set(token, { identity, untilMs: call.expiresAtMs });
    return identity;
  };
  return async (token, audiences) => {
    const call = checked(options, token);
    if (!call) return undefined;
    const identity = await identityOf(token, call);
    const principal = principalOf(identity.arn);
    if (!principal) throw refused(`${identity.arn} is no one who can be a user`);
    const user = await userOf(options, admins, principal, identity);
    return { user: { ...user, ...factsOf(principal, identity) }, audiences: [...audiences] };
  };
}

function checked({ origins, clock, log }: IamOptions, token: string): IamCall | undefined {
  try {
    return parseIamToken(token, origins, clock.now());
  } catch (error) {
    if (!(error instanceof IamTokenRefused)) throw error;
    log('info', 'iam-token-refused', { why: error.message });
    throw refused(error.message);
  }
}

async function userOf(
  { store, log, workerRole }: IamOptions,
  admins: ReadonlySet<string>,
  principal: Principal,
  { arn }: CallerIdentity,
): Promise<User> {
  const wanted = comparableArn(principal.arn);
  if (admins.has(wanted)) return { username: arn, groups: [mastersGroup] };
  if (workerRole && wanted === comparableArn(workerRole)) {
    if (!instancePattern.test(principal.session ?? '')) throw refused('a session of the workers that is no instance');
    return { username: `${nodeUserPrefix}${principal.session}`, groups: [nodesGroup] };
  }
  const stored = await store.get('configmaps', awsAuth);
  if (!stored) throw refused(`${principal.arn} is not mapped: there is no config map kube-system/aws-auth`);
  const { parseYaml } = await import('../../api/strict-yaml.ts');
  const data = (stored.object['data'] ?? {}) as Record<string, string>;
  const mapping = readMapping(data, (text) => parseYaml(text).value);
  if (mapping.problems.length > 0) log('warn', 'aws-auth-not-understood', { problems: mapping.problems });
  try {
    const user = mappedUser(mapping, principal);
    if (user) return user;
  } catch (error) {
    log('warn', 'aws-auth-not-understood', { problems: [(error as Error).message] });
    throw refused((error as Error).message);
  }
  log('info', 'iam-identity-not-mapped', { arn: principal.arn });
  throw refused(`${principal.arn} is not mapped in kube-system/aws-auth`);
}

/** What admission and token reviews may want to know, under the keys that EKS uses. */
function factsOf({ account, arn, session }: Principal, identity: CallerIdentity): Pick<User, 'uid' | 'extra'> {
  const [id = ''] = identity.userId.split(':');
  return {
    uid: `aws-iam-authenticator:${account}:${id}`,
    extra: {
      arn: [identity.arn],
      canonicalArn: [arn],
      principalId: [id],
      ...(session === undefined ? {} : { sessionName: [session] }),
    },
  };
}
