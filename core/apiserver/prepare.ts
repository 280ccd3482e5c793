// What happens to an object between admission's mutations and the store: system fields, the kind's strategy, validation.
import { type FieldError, invalid } from '../api/errors.ts';
import { sameValue } from '../api/kinds/findings.ts';
import type { WriteContext } from '../api/kinds/kind.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../api/kinds/object-meta.ts';
import type { KubeObject } from '../api/objects.ts';
import { timestamp } from '../ports.ts';
import type { WriteScope } from './call.ts';
import { keepSystemFields, matchNamespace } from './metadata.ts';
import { storedGroup } from './serialize.ts';

export const writeContext = (scope: WriteScope): WriteContext => ({
  nowMs: scope.deps.clock.now(),
  uuid: () => scope.deps.ids.uuid(),
  user: scope.user,
});

const generatedSuffixLength = 5;
/** The longest generated name; a longer prefix is cut. */
const maxGeneratedName = 63;

export const generatedName = (scope: WriteScope, prefix: string): string =>
  prefix.slice(0, maxGeneratedName - generatedSuffixLength) + scope.deps.ids.suffix(generatedSuffixLength);

/** uid, creation time, and the name if it is to be generated. */
export function fillSystemFields(scope: WriteScope, object: KubeObject): void {
  const meta = object.metadata;
  meta.creationTimestamp = timestamp(scope.deps.clock.now());
  meta.uid = scope.deps.ids.uuid();
  if (!meta.name && meta.generateName) meta.name = generatedName(scope, meta.generateName);
}

function refuse(scope: WriteScope, object: KubeObject, errors: FieldError[]): void {
  if (errors.length > 0) throw invalid(scope.kind.kind, storedGroup(scope.kind), object.metadata.name ?? '', errors);
}

/** The kind's strategy for a new object. */
export function prepareCreate(scope: WriteScope, object: KubeObject): void {
  const { kind } = scope;
  matchNamespace(object, scope.namespace);
  kind.prepareForCreate?.(object, writeContext(scope));
  if (kind.generation === 'spec') object.metadata.generation = 1;
  else delete object.metadata.generation;
}

/** Throws Invalid with all findings at once. */
export function validateCreate(scope: WriteScope, object: KubeObject): void {
  const { kind } = scope;
  refuse(scope, object, [...validateObjectMeta(object, kind), ...(kind.validate?.(object) ?? [])]);
  scope.warnings.push(...(kind.warnings?.(object, undefined) ?? []));
}

/** The kind's strategy for a changed object. `object` holds the resource version that it replaces. */
export function prepareUpdate(scope: WriteScope, object: KubeObject, old: KubeObject): void {
  const { kind, subresource } = scope;
  matchNamespace(object, scope.namespace);
  const { generation } = old.metadata;
  if (generation === undefined) delete object.metadata.generation;
  else object.metadata.generation = generation;
  kind.prepareForUpdate?.(object, old, writeContext(scope), subresource);
  keepSystemFields(object, old);
  if (kind.generation === 'spec' && subresource !== 'status') {
    const basis = kind.generationBasis ?? ((of: KubeObject) => of['spec']);
    if (!sameValue(basis(object), basis(old))) object.metadata.generation = (generation ?? 0) + 1;
  }
}

/** Throws Invalid with all findings at once. */
export function validateUpdate(scope: WriteScope, object: KubeObject, old: KubeObject): void {
  const { kind, subresource } = scope;
  // Twice, as kube-apiserver looks at it: for all kinds alike, and again as part of each kind's own rules.
  const metadata = validateObjectMetaUpdate(object, old);
  refuse(scope, object, [
    ...validateObjectMeta(object, kind),
    ...metadata,
    ...metadata,
    ...(kind.validateUpdate?.(object, old, subresource) ?? []),
  ]);
  if (subresource === '') scope.warnings.push(...(kind.warnings?.(object, old) ?? []));
}
