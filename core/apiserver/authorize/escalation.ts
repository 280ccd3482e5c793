// Nobody grants what they do not hold: the check on writes of roles and bindings.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
import { forbidden, notFound } from '../../api/errors.ts';
import { goQuote } from '../../api/field-errors.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { ClusterRole, PolicyRule, RoleBinding, RoleRef } from '../../api/types.gen.ts';
import { mastersGroup } from '../authenticate/users.ts';
import type { AdmissionPlugin, AdmissionRequest, Authorizer, AuthorizerAttributes, User } from '../server.ts';
import { type RoleResolver, rbacGroup } from './role-resolver.ts';
import { brokenDownSize, missingRules } from './rule.ts';

const everything: PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

export function escalationCheck(deps: { authorize: Authorizer; roles: RoleResolver }): AdmissionPlugin {
  return {
    name: 'RBACEscalation',
    async validate(request) {
      const { kind, operation, object, old, user } = request;
      if (kind.group !== rbacGroup || request.subresource !== '' || !object) return undefined;
      if (operation !== 'CREATE' && operation !== 'UPDATE') return undefined;
      if (user.groups.includes(mastersGroup)) return undefined;
      if (old && onlyCollectionFieldsDiffer(object, old)) return undefined;
      const isRole = kind.plural === 'roles' || kind.plural === 'clusterroles';
      await (isRole ? checkRole(deps, request) : checkBinding(deps, request));
      return undefined;
    },
  };
}

type Deps = { authorize: Authorizer; roles: RoleResolver };

/** The garbage collector works on owner references and finalizers and need not hold what a role grants. */
function onlyCollectionFieldsDiffer(object: KubeObject, old: KubeObject): boolean {
  const without = ({ metadata, ...rest }: KubeObject): string => {
    const { ownerReferences: _, finalizers: __, managedFields: ___, resourceVersion: ____, ...others } = metadata;
    return canonical({ ...rest, metadata: others });
  };
  return without(object) === without(old);
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    part && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

async function checkRole({ authorize, roles }: Deps, request: AdmissionRequest): Promise<void> {
  const { kind, user, namespace } = request;
  const role = request.object as unknown as ClusterRole;
  const name = request.name || (role.metadata?.name ?? '');
  const attributes = { ...question(user, namespace), verb: 'escalate', plural: kind.plural, name };
  if ((await authorize(attributes)).allowed) return;
  await confirm(roles, request, role.rules ?? [], name);
  const aggregates = (it: unknown): boolean =>
    ((it as ClusterRole | undefined)?.aggregationRule?.clusterRoleSelectors ?? []).length > 0;
  if (!aggregates(role) && !aggregates(request.old)) return;
  const { rules } = await roles.rulesFor(user, namespace);
  const owned = rules.map(({ rule }) => rule);
  if (missingRules(owned, everything).length > 0) {
    throw forbidden(kind, name, 'must have cluster-admin privileges to use the aggregationRule');
  }
}

async function checkBinding({ authorize, roles }: Deps, request: AdmissionRequest): Promise<void> {
  const { user, namespace } = request;
  const { roleRef, metadata } = request.object as unknown as RoleBinding;
  const plural = pluralOf(roleRef);
  const attributes = { ...question(user, namespace), verb: 'bind', plural, name: roleRef.name };
  if ((await authorize(attributes)).allowed) return;
  const granted = await roles.rulesOf(roleRef, namespace);
  // kube-apiserver names the binding's own resource here.
  if (!granted) throw notFound(request.kind, roleRef.name);
  await confirm(roles, request, granted, request.name || (metadata?.name ?? ''));
}

const pluralOf = ({ kind }: RoleRef): string => (kind === 'ClusterRole' ? 'clusterroles' : 'roles');

const question = (user: User, namespace: string): AuthorizerAttributes => ({
  user,
  verb: '',
  isResource: true,
  group: rbacGroup,
  version: '*',
  plural: '',
  subresource: '',
  namespace,
  name: '',
  path: '',
});

/** A small text can name billions of combinations, and each would be looked for among what the user holds. */
const maxParts = 100_000;

async function confirm(
  roles: RoleResolver,
  { kind, user, namespace }: AdmissionRequest,
  wanted: readonly PolicyRule[],
  name: string,
): Promise<void> {
  if (wanted.reduce((sum, rule) => sum + brokenDownSize(rule), 0) > maxParts) {
    throw forbidden(kind, name, `the rules name more than ${maxParts} combinations of verbs and resources`);
  }
  const { rules, errors } = await roles.rulesFor(user, namespace);
  const missing = missingRules(
    rules.map(({ rule }) => rule),
    wanted,
  );
  if (missing.length === 0) return;
  const lines = [...new Set(compact(missing).map(describe))].sort().join('\n');
  const who = `user ${goQuote(user.username)} (groups=${quotedList(user.groups)})`;
  const resolution = errors.length > 0 ? `; resolution errors: [${errors.join(' ')}]` : '';
  const why = `${who} is attempting to grant RBAC permissions not currently held:\n${lines}${resolution}`;
  throw forbidden(kind, name, why);
}

/** Rules that differ by their verb only become one. */
function compact(rules: readonly PolicyRule[]): PolicyRule[] {
  const byResource = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const { verbs, ...target } = rule;
    // Rules about URLs stay apart, as the real one leaves them.
    const key = rule.nonResourceURLs ? canonical(rule) : canonical(target);
    const standing = byResource.get(key);
    if (standing) standing.verbs = [...standing.verbs, ...verbs];
    else byResource.set(key, { ...rule, verbs: [...verbs] });
  }
  return [...byResource.values()];
}

const quotedList = (values: readonly string[]): string => `[${values.map(goQuote).join(' ')}]`;

function describe(rule: PolicyRule): string {
  const parts: [string, string[] | undefined][] = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ];
  const named = parts.filter(([, values]) => values?.length);
  return `{${named.map(([label, values]) => `${label}:${quotedList(values ?? [])}`).join(', ')}}`;
}
