// SubjectAccessReview, SelfSubjectAccessReview and LocalSubjectAccessReview: the authorizers' answer for a question posted.

import type { FieldError } from '../../api/errors.ts';
import { invalid } from '../../api/errors.ts';
import { invalidValue, requiredValue } from '../../api/field-errors.ts';
import type { KubeObject } from '../../api/objects.ts';
import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  NonResourceAttributes,
  ResourceAttributes,
  SubjectAccessReviewSpec,
} from '../../api/types.gen.ts';
import type { Authorizer, AuthorizerAttributes, SubresourceHandler, User } from '../server.ts';
import { trackReview } from './review-fields.ts';

const group = 'authorization.k8s.io';

type ReviewKind = 'SubjectAccessReview' | 'SelfSubjectAccessReview' | 'LocalSubjectAccessReview';

export const accessReviewHandlers = (authorize: Authorizer): [string, SubresourceHandler][] => [
  [`subjectaccessreviews.${group}`, accessReview('SubjectAccessReview', authorize)],
  [`selfsubjectaccessreviews.${group}`, accessReview('SelfSubjectAccessReview', authorize)],
  [`localsubjectaccessreviews.${group}`, accessReview('LocalSubjectAccessReview', authorize)],
];

function accessReview(kind: ReviewKind, authorize: Authorizer): SubresourceHandler {
  return {
    verbs: ['create'],
    async handle(context): Promise<KubeObject> {
      const review = await context.readBody(`io.k8s.api.authorization.v1.${kind}`);
      if (kind === 'LocalSubjectAccessReview') review.metadata.namespace ??= context.info.namespace;
      const spec = (review['spec'] ?? {}) as SubjectAccessReviewSpec;
      const errors = validate(kind, review, spec);
      // The kind is not named: kube-apiserver has lost it at this point.
      if (errors.length > 0) throw invalid('', group, '', errors);
      trackReview(context, review);
      const user = kind === 'SelfSubjectAccessReview' ? context.user : subjectOf(spec);
      const decision = await authorize(attributesOf(user, spec));
      return {
        apiVersion: `${group}/v1`,
        kind,
        metadata: review.metadata,
        spec,
        status: {
          allowed: decision.allowed,
          ...(decision.denied ? { denied: true } : {}),
          ...(decision.reason ? { reason: decision.reason } : {}),
        },
      };
    },
  };
}

const subjectOf = ({ user, uid, groups, extra }: SubjectAccessReviewSpec): User => ({
  username: user ?? '',
  ...(uid ? { uid } : {}),
  groups: groups ?? [],
  ...(extra ? { extra: extra as Record<string, string[]> } : {}),
});

function attributesOf(user: User, spec: SubjectAccessReviewSpec): AuthorizerAttributes {
  const resource: ResourceAttributes = spec.resourceAttributes ?? {};
  const other: NonResourceAttributes = spec.nonResourceAttributes ?? {};
  const labelSelector = labelText(resource.labelSelector);
  const fieldSelector = fieldText(resource.fieldSelector);
  return {
    user,
    isResource: spec.resourceAttributes !== undefined,
    verb: (spec.resourceAttributes ? resource.verb : other.verb) ?? '',
    group: resource.group ?? '',
    version: resource.version ?? '',
    plural: resource.resource ?? '',
    subresource: resource.subresource ?? '',
    namespace: resource.namespace ?? '',
    name: resource.name ?? '',
    path: other.path ?? '',
    ...(labelSelector ? { labelSelector } : {}),
    ...(fieldSelector ? { fieldSelector } : {}),
  };
}

/** Requirements in the text form of selectors; those with unknown operators are dropped, which only asks for more. */
function labelText(selector: LabelSelectorAttributes | undefined): string | undefined {
  const terms = (selector?.requirements ?? []).flatMap(({ key, operator, values }) => {
    const list = (values ?? []).join(',');
    if (operator === 'In') return [`${key} in (${list})`];
    if (operator === 'NotIn') return [`${key} notin (${list})`];
    if (operator === 'Exists') return [key];
    return operator === 'DoesNotExist' ? [`!${key}`] : [];
  });
  return selector?.rawSelector || terms.join(',') || undefined;
}

function fieldText(selector: FieldSelectorAttributes | undefined): string | undefined {
  const terms = (selector?.requirements ?? []).flatMap(({ key, operator, values }) => {
    const [value, ...others] = values ?? [];
    if (value === undefined || others.length > 0) return [];
    if (operator === 'In') return [`${key}=${value}`];
    return operator === 'NotIn' ? [`${key}!=${value}`] : [];
  });
  return selector?.rawSelector || terms.join(',') || undefined;
}

function validate(kind: ReviewKind, { metadata }: KubeObject, spec: SubjectAccessReviewSpec): FieldError[] {
  const { resourceAttributes: resource, nonResourceAttributes: other } = spec;
  const errors: FieldError[] = [];
  if (resource && other) {
    const why = 'cannot be specified in combination with resourceAttributes';
    errors.push(invalidValue('spec.nonResourceAttributes', shown(other), why));
  }
  if (!resource && !other) {
    const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    errors.push(invalidValue('spec.resourceAttributes', null, why));
  }
  if (kind !== 'SelfSubjectAccessReview' && !spec.user && !spec.groups?.length) {
    errors.push(invalidValue('spec.user', spec.user ?? '', 'at least one of user or group must be specified'));
  }
  errors.push(...selectorErrors('fieldSelector', resource?.fieldSelector));
  errors.push(...selectorErrors('labelSelector', resource?.labelSelector));
  const { namespace = '', managedFields: _, creationTimestamp: __, ...rest } = metadata;
  const isLocal = kind === 'LocalSubjectAccessReview';
  if (Object.keys(rest).length > 0 || (namespace && !isLocal)) {
    errors.push(invalidValue('metadata', metadata, isLocal ? 'must be empty except for namespace' : 'must be empty'));
  }
  if (isLocal && resource && (resource.namespace ?? '') !== namespace) {
    const field = 'spec.resourceAttributes.namespace';
    errors.push(invalidValue(field, resource.namespace ?? '', 'must match metadata.namespace'));
  }
  if (isLocal && other) {
    errors.push(invalidValue('spec.nonResourceAttributes', shown(other), 'disallowed on this kind of request'));
  }
  return errors;
}

/** As its fields are named inside kube-apiserver. */
const shown = ({ path = '', verb = '' }: NonResourceAttributes): unknown => ({ Path: path, Verb: verb });

function selectorErrors(
  name: string,
  selector: { rawSelector?: string; requirements?: readonly unknown[] } | undefined,
): FieldError[] {
  if (!selector) return [];
  const path = `spec.resourceAttributes.${name}`;
  const rawSelector = selector.rawSelector ?? '';
  const count = selector.requirements?.length ?? 0;
  if (rawSelector && count > 0) {
    return [invalidValue(`${path}.rawSelector`, rawSelector, 'may not specified at the same time as requirements')];
  }
  if (rawSelector || count > 0) return [];
  return [requiredValue(`${path}.requirements`, `when ${path} is specified, requirements or rawSelector is required`)];
}
