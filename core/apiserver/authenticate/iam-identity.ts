// Who an ARN is. A session of a role stands for its role: configuration names roles, STS names sessions. Pure.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html

/** As sts:GetCallerIdentity answers. */
export interface CallerIdentity {
  account: string;
  arn: string;
  /** `AROAEXAMPLE:session` for a role, the user's id otherwise. */
  userId: string;
}

export interface Principal {
  account: string;
  /** Of the role, the user, the federated user or the account's root; without an IAM path for a role. */
  arn: string;
  /** Of a role only; letters, digits and `+=,.@-_`. */
  session: string | undefined;
}

const arnPattern = /^arn:(aws[a-z-]*):(iam|sts)::(\d{12}):(.+)$/;
const sessionPattern = /^[\w+=,.@-]{2,64}$/;

/** undefined for an ARN that is no one who can call. */
export function principalOf(arn: string): Principal | undefined {
  const [, partition, service, account = '', resource = ''] = arnPattern.exec(arn) ?? [];
  const [type, ...parts] = resource.split('/');
  if (service === 'sts' && type === 'assumed-role') {
    const [role, session = '', ...more] = parts;
    if (!role || more.length > 0 || !sessionPattern.test(session)) return undefined;
    return { account, arn: `arn:${partition}:iam::${account}:role/${role}`, session };
  }
  const named = service === 'sts' ? type === 'federated-user' : type === 'user' || resource === 'root';
  const complete = resource === 'root' || parts.every((part) => part !== '');
  return named && complete && (resource === 'root' || parts.length > 0)
    ? { account, arn, session: undefined }
    : undefined;
}

/** For comparing what people write: a role without its path, in small letters, as IAM itself tells names apart. */
export function comparableArn(arn: string): string {
  const text = arn.trim();
  return text.replace(/^(arn:aws[a-z-]*:iam::\d{12}:role\/)(?:.*\/)?([^/]+)$/, '$1$2').toLowerCase();
}
