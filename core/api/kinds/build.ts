// Makes a Kind of a row of data and the rules, if any, that its own file gives. A kind that nothing acts on needs no rules.
// A custom resource definition gives the same row and rules at run time.
import { copyJson } from '../json-value.ts';
import type { KubeObject } from '../objects.ts';
import { defaultColumns } from './columns.ts';
import type { Column, Kind, Verb } from './kind.ts';
import { schemaErrors } from './schema-validation.ts';
import type { Row } from './table.ts';

/** What a kind's own file says; T is the generated type of the object. */
export interface Rules<T> {
  /** Value of each field label in field selectors, beyond metadata.name and metadata.namespace. */
  fieldLabels?: Record<string, (object: T) => string | number | boolean | undefined>;
  columns?: readonly TypedColumn<T>[];
  gracePeriodSeconds?(object: T): number | undefined;
  endsAtOnce?(object: T): boolean;
  fromStorage?(object: KubeObject): KubeObject;
  toStorage?(object: KubeObject): KubeObject;
  fieldAnnotation?: string;
  setDefaults?(object: T): void;
  prepareForCreate?(object: T, context: Parameters<NonNullable<Kind['prepareForCreate']>>[1]): void;
  prepareForUpdate?(
    object: T,
    old: T,
    context: Parameters<NonNullable<Kind['prepareForUpdate']>>[2],
    subresource: string,
  ): void;
  validate?(object: T): ReturnType<NonNullable<Kind['validate']>>;
  validateUpdate?(object: T, old: T, subresource: string): ReturnType<NonNullable<Kind['validate']>>;
  validateName?(name: string): string[];
  warnings?(object: T, old: T | undefined): string[];
  /** What a change of bumps the generation when it is not the spec alone; 'none': no generation is kept. */
  generation?: 'none' | ((object: T) => unknown);
  /** A status update takes nothing but the status: labels, annotations and owners stay. */
  resetMetaForStatus?: boolean;
  /** Status of a new object; undefined keeps what was sent. Default: {}. */
  newStatus?: 'kept' | ((object: T) => unknown);
  allowCreateOnUpdate?: boolean;
  /** Default: true. */
  allowUnconditionalUpdate?: boolean;
}

export type TypedColumn<T> = Omit<Column, 'cell'> & {
  cell(object: T, nowMs: number): string | number | boolean | null;
};

export const allVerbs: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];

/** `io.k8s.api.core.v1.Pod`: how the schema data names a built-in type. */
export function schemaName(group: string, version: string, kind: string): string {
  const label = group === '' ? 'core' : group.split('.')[0];
  return `io.k8s.api.${label}.${version}.${kind}`;
}

export function buildKind(row: Row, rules: Rules<never> = {}): Kind {
  const {
    fieldLabels = {},
    columns,
    generation,
    newStatus,
    resetMetaForStatus,
    ...own
  } = rules as unknown as Rules<KubeObject>;
  const labels = Object.entries(fieldLabels);
  const schema = row.schema ?? schemaName(row.group, row.version, row.kind);
  const validate = own.validate ?? ((object: KubeObject) => schemaErrors(schema, object));
  const validateUpdate = own.validateUpdate ?? validate;
  return {
    ...own,
    group: row.group,
    version: row.version,
    kind: row.kind,
    plural: row.plural,
    singular: row.kind.toLowerCase(),
    shortNames: row.shortNames ?? [],
    categories: row.categories ?? [],
    namespaced: row.namespaced,
    schema,
    resource: row.resource ?? (row.group ? `${row.plural}.${row.group}` : row.plural),
    verbs: row.verbs ?? allVerbs,
    hasStatus: row.hasStatus ?? false,
    ...(row.scale ? { scale: row.scale } : {}),
    ...(row.deprecation ? { deprecation: row.deprecation } : {}),
    columns: columns ?? defaultColumns,
    fieldLabelNames: labels.map(([name]) => name),
    fieldLabels: (object) => Object.fromEntries(labels.map(([name, read]) => [name, String(read(object) ?? '')])),
    generation: generation === undefined ? (row.generation ?? 'spec') : generation === 'none' ? 'none' : 'spec',
    generationBasis: typeof generation === 'function' ? generation : (object) => object.spec,
    allowUnconditionalUpdate: own.allowUnconditionalUpdate ?? true,
    ...(own.warnings ? { warnings: (object, old) => own.warnings!(withoutNulls(object), old) } : {}),
    validate: (object) => validate(withoutNulls(object)),
    validateUpdate: (object, old, subresource) => validateUpdate(withoutNulls(object), withoutNulls(old), subresource),
    prepareForCreate(object, context) {
      if (row.hasStatus && newStatus !== 'kept') object.status = newStatus ? newStatus(object) : {};
      own.prepareForCreate?.(object, context);
    },
    prepareForUpdate(object, old, context, subresource) {
      if (row.hasStatus) separateStatus(object, old, subresource, resetMetaForStatus ?? false);
      own.prepareForUpdate?.(object, old, context, subresource);
    },
  };
}

/** Required lists that are absent are null in the canonical form; to rules they are absent. Gives what it got if nothing is null. */
export function withoutNulls<T>(value: T): T {
  return hasNull(value) ? stripNulls(value) : value;
}

function hasNull(value: unknown): boolean {
  if (typeof value !== 'object') return false;
  if (value === null) return true;
  for (const key in value) if (hasNull((value as Record<string, unknown>)[key])) return true;
  return false;
}

/** Nulls in a list stay: only fields can be absent. */
function stripNulls<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(stripNulls) as T;
  const copy: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) if (inner !== null) copy[key] = stripNulls(inner);
  return copy as T;
}

/** An update of the object keeps the status that stands; one of the status keeps all else; other subresources have rules of their own. */
function separateStatus(object: KubeObject, old: KubeObject, subresource: string, resetMeta: boolean): void {
  if (subresource === '') {
    if (old.status === undefined) delete object.status;
    else object.status = copyJson(old.status);
  }
  if (subresource !== 'status') return;
  if (old.spec === undefined) delete object.spec;
  else object.spec = copyJson(old.spec);
  if (resetMeta) resetMetaForStatus(object, old);
}

/** Puts back the parts of the metadata that a status update may not change. */
export function resetMetaForStatus(object: KubeObject, old: KubeObject): void {
  const fields = [
    'labels',
    'annotations',
    'finalizers',
    'ownerReferences',
    'generation',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ] as const;
  for (const field of fields) {
    if (old.metadata[field] === undefined) delete object.metadata[field];
    else Object.assign(object.metadata, { [field]: copyJson(old.metadata[field]) });
  }
}
