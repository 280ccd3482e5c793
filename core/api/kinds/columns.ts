// Building blocks of the tables that `kubectl get` prints.
import type { KubeObject } from '../objects.ts';
import { formatSelector as formatRequirements, labelSelectorRequirements, SelectorError } from '../selectors.ts';
import type { LabelSelector, ObjectMeta } from '../types.gen.ts';
import type { TypedColumn } from './build.ts';
import { age } from './duration.ts';
import type { Column } from './kind.ts';

type Cell<T, R> = (object: T, nowMs: number) => R;

const column = <T>(
  name: string,
  type: Column['type'],
  cell: Cell<T, string | number | boolean | null>,
  priority = 0,
): TypedColumn<T> => ({ name, type, format: '', description: '', priority, cell });

export const text = <T>(name: string, cell: Cell<T, string>): TypedColumn<T> => column(name, 'string', cell);
/** Shown with -o wide only. */
export const wide = <T>(name: string, cell: Cell<T, string>): TypedColumn<T> => column(name, 'string', cell, 1);
export const integer = <T>(name: string, cell: Cell<T, number>): TypedColumn<T> => column(name, 'integer', cell);
export const boolean = <T>(name: string, cell: Cell<T, boolean>): TypedColumn<T> => column(name, 'boolean', cell);
/** A column typed otherwise than its cells are (kube-apiserver has some). */
export const typed = <T>(
  name: string,
  type: Column['type'],
  cell: Cell<T, string | number | boolean | null>,
): TypedColumn<T> => column(name, type, cell);

interface WithMeta {
  metadata?: ObjectMeta;
}

export const nameColumn: TypedColumn<WithMeta> = {
  ...column<WithMeta>('Name', 'string', (object) => object.metadata?.name ?? ''),
  format: 'name',
};

export const ageColumn: TypedColumn<WithMeta> = text('Age', (object, nowMs) =>
  age(object.metadata?.creationTimestamp, nowMs),
);

/** For kinds that have no columns of their own. */
export const defaultColumns: readonly Column[] = [
  nameColumn as unknown as Column,
  {
    name: 'Created At',
    type: 'date',
    format: '',
    description: '',
    priority: 0,
    cell: (object: KubeObject) => object.metadata.creationTimestamp ?? '',
  },
];

/** "a=b,c=d" in order of keys, "<none>" when empty. */
export function formatLabels(labels: Record<string, string> | undefined): string {
  const entries = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? '<none>' : entries.map(([key, value]) => `${key}=${value}`).join(',');
}

/** A label selector in the form that list requests take; "<none>" when it selects everything, or nothing is given. */
export function formatSelector(selector: LabelSelector | undefined): string {
  try {
    return formatRequirements(labelSelectorRequirements(selector) ?? []) || '<none>';
  } catch (error) {
    if (error instanceof SelectorError) return '<error>';
    throw error;
  }
}
