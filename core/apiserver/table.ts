// Objects as the rows that `kubectl get` prints.
// Follows https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
import { badRequest } from '../api/errors.ts';
import type { Kind } from '../api/kinds/kind.ts';
import type { KubeObject } from '../api/objects.ts';
import type { ListMeta } from '../api/types.gen.ts';
import type { StoredObject } from '../store/store.ts';
import { served } from './serialize.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableRow {
  cells: (string | number | boolean | null)[];
  object?: unknown;
}

export interface Table {
  kind: 'Table';
  apiVersion: string;
  metadata: ListMeta;
  columnDefinitions: unknown[] | null;
  rows: TableRow[];
}

/** What of the object goes with its row. Throws BadRequest. */
export function includeObject(query: URLSearchParams): IncludeObject {
  const asked = query.get('includeObject') || 'Metadata';
  if (asked === 'None' || asked === 'Metadata' || asked === 'Object') return asked;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: "${asked}": must be 'Metadata', 'Object', 'None', or empty`,
  );
}

/** `object`: as it is served. */
export const partialObject = (kind: Kind, object: KubeObject, version: string): KubeObject => ({
  kind: 'PartialObjectMetadata',
  apiVersion: `meta.k8s.io/${version}`,
  metadata: kind.fieldAnnotation ? withoutAnnotation(object.metadata, kind.fieldAnnotation) : object.metadata,
});

function withoutAnnotation(metadata: KubeObject['metadata'], name: string): KubeObject['metadata'] {
  const { annotations: all = {}, ...others } = metadata;
  const { [name]: _, ...annotations } = all;
  return Object.keys(annotations).length > 0 ? { ...others, annotations } : others;
}

export const columnDefinitions = (kind: Kind): unknown[] =>
  kind.columns.map(({ name, type, format, description, priority }) => ({
    name,
    type,
    format: format ?? '',
    description,
    priority,
  }));

export function tableRow(
  kind: Kind,
  stored: StoredObject,
  include: IncludeObject,
  version: string,
  nowMs: number,
): TableRow {
  const object = served(kind, stored);
  const cells = kind.columns.map((column) => column.cell(object, nowMs));
  // A row always names its object, null when it was asked for without.
  if (include === 'None') return { cells, object: null };
  return { cells, object: include === 'Object' ? object : partialObject(kind, object, version) };
}

export function table(
  kind: Kind,
  items: readonly StoredObject[],
  metadata: ListMeta,
  options: { include: IncludeObject; version: string; nowMs: number; headers: boolean },
): Table {
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata,
    columnDefinitions: options.headers ? columnDefinitions(kind) : null,
    rows: items.map((item) => tableRow(kind, item, options.include, options.version, options.nowMs)),
  };
}
