// Which Kubernetes user an IAM identity is, by the config map kube-system/aws-auth, in the form that users of EKS know:
// mapRoles, mapUsers and mapAccounts, each a YAML list. Pure.
// https://docs.aws.amazon.com/eks/latest/userguide/auth-configmap.html
import { comparableArn, type Principal } from './iam-identity.ts';

interface Entry {
  arn: string;
  username: string;
  groups: readonly string[];
}

export interface IamMapping {
  /** Roles and users. */
  entries: readonly Entry[];
  /** Accounts whose identities are users by their own ARN, in no group. */
  accounts: readonly string[];
  /** What could not be understood, for the log. */
  problems: readonly string[];
}

/** `load` reads YAML; handed in so that it is loaded by those who need it. */
export function readMapping(data: Readonly<Record<string, string>>, load: (text: string) => unknown): IamMapping {
  const problems: string[] = [];
  const listOf = (field: string): unknown[] => {
    const text = data[field];
    if (!text?.trim()) return [];
    try {
      const value = load(text);
      if (Array.isArray(value)) return value;
      problems.push(`${field} is not a list`);
    } catch (error) {
      problems.push(`${field}: ${(error as Error).message.split('\n')[0]}`);
    }
    return [];
  };
  const entriesOf = (field: string, arnField: string): Entry[] =>
    listOf(field).flatMap((item, index) => {
      const entry = entryOf(item, arnField);
      if (typeof entry !== 'string') return [entry];
      problems.push(`${field}[${index}]: ${entry}`);
      return [];
    });
  return {
    entries: [...entriesOf('mapRoles', 'rolearn'), ...entriesOf('mapUsers', 'userarn')],
    accounts: listOf('mapAccounts').map(String),
    problems,
  };
}

/** The entry, or what is wrong with it. */
function entryOf(item: unknown, arnField: string): Entry | string {
  if (typeof item !== 'object' || item === null) return 'it is not an entry';
  const { username, groups = [], [arnField]: arn } = item as Record<string, unknown>;
  if (typeof arn !== 'string' || arn === '') return `${arnField} is missing`;
  if (username !== undefined && typeof username !== 'string') return 'username is not a text';
  const list = groups ?? [];
  if (!Array.isArray(list) || !list.every((group) => typeof group === 'string')) return 'groups is not a list of texts';
  return { arn: comparableArn(arn), username: username ?? '', groups: list };
}

export interface Mapped {
  username: string;
  groups: string[];
}

/** undefined: nobody maps this identity. Throws an Error that names a template which cannot be filled in. */
export function mappedUser(mapping: IamMapping, principal: Principal): Mapped | undefined {
  const wanted = comparableArn(principal.arn);
  const entry = mapping.entries.find(({ arn }) => arn === wanted);
  if (entry) {
    const username = filledIn(entry.username, principal) || principal.arn;
    return { username, groups: entry.groups.map((group) => filledIn(group, principal)) };
  }
  return mapping.accounts.includes(principal.account) ? { username: principal.arn, groups: [] } : undefined;
}

/** `{{SessionName}}` is without `@`, as EKS has it; `{{SessionNameRaw}}` is as it stands. */
function filledIn(template: string, { account, session }: Principal): string {
  return template.replaceAll(/\{\{\s*([^{}]*?)\s*\}\}/g, (whole, name: string) => {
    if (name === 'AccountID') return account;
    if (name === 'SessionName' && session !== undefined) return session.replaceAll('@', '-');
    if (name === 'SessionNameRaw' && session !== undefined) return session;
    if (name === 'EC2PrivateDNSName') {
      throw new Error(`${whole} is not supported: nodes are named after their instance, and need no entry in aws-auth`);
    }
    throw new Error(`${whole} cannot be filled in for ${session === undefined ? 'a user' : 'a role'}`);
  });
}
