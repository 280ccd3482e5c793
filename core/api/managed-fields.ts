// metadata.managedFields: which manager set which fields, kept for writes that are no server-side apply.
// Follows https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
import { compareFields } from './field-compare.ts';
import {
  differenceOf,
  type FieldSet,
  fieldElement,
  formatFieldSet,
  parseFieldSet,
  setOf,
  shareFields,
  unionOf,
  withoutBranch,
} from './field-set.ts';
import { sameJson } from './json-value.ts';
import type { KubeObject } from './objects.ts';
import { canonicalValue, zeroValue } from './schema/canonical.ts';
import { planOf, type Schema } from './schema/plan.ts';
import type { ManagedFieldsEntry } from './types.gen.ts';

/** Who writes: as the entry of this manager will say. `time` is RFC 3339 to the second. */
export interface UpdateManager {
  manager: string;
  /** Of the request ("apps/v1"). */
  apiVersion: string;
  time: string;
  /** '' for the object itself. */
  subresource: string;
}

export const maxUpdateManagers = 10;
/** Where the entries of the oldest managers end up. */
const ancientChanges = 'ancient-changes';

interface Managed {
  manager: string;
  operation: string;
  apiVersion: string;
  subresource: string;
  time: string | undefined;
  fields: FieldSet;
  /** As it was read; still what is to be written while nothing changed. */
  entry?: ManagedFieldsEntry;
}

/** Fields that everybody sets or nobody does are never owned. */
const unowned = setOf(
  ...['apiVersion', 'kind', 'metadata'].map((name) => [fieldElement(name)]),
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => [fieldElement('metadata'), fieldElement(name)]),
);

/** undefined when an entry cannot be read: then none of them counts. */
function readEntries(entries: readonly ManagedFieldsEntry[] | undefined): Managed[] | undefined {
  const managed: Managed[] = [];
  for (const entry of entries ?? []) {
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') return undefined;
    if (!entry.apiVersion || entry.fieldsType !== 'FieldsV1') return undefined;
    // Objects come and go with trees of their own; from here on equal ones are one.
    const fieldsV1 = shareFields(entry.fieldsV1);
    managed.push({
      manager: entry.manager ?? '',
      operation: entry.operation,
      apiVersion: entry.apiVersion,
      subresource: entry.subresource ?? '',
      time: entry.time ?? undefined,
      fields: parseFieldSet(fieldsV1),
      entry: fieldsV1 === entry.fieldsV1 ? entry : { ...entry, fieldsV1 },
    });
  }
  return managed;
}

const isEmptyEntry = (entry: ManagedFieldsEntry): boolean =>
  Object.values(entry).every((value) => value === undefined || value === null);

/** The entries that hold before this write: those the client sent, if it may and they make sense; the old ones otherwise. */
function presentEntries(before: KubeObject | undefined, after: KubeObject, subresource: string): Managed[] {
  const old = before?.metadata.managedFields;
  const kept = (): Managed[] => readEntries(old) ?? [];
  const given = after.metadata.managedFields;
  if (subresource !== '' || given === old || sameJson(given, old)) return kept();
  // A list of one empty entry is how a client resets them.
  if (given?.length === 1 && isEmptyEntry(given[0]!)) return [];
  const read = readEntries(given);
  return read && read.length > 0 ? read : kept();
}

/** A write to the object leaves its status alone, a write to the status the rest: whatever the body says of it is not set. */
function settable(fields: FieldSet, schema: Schema, subresource: string): FieldSet {
  const properties = schema.properties ?? {};
  if (!properties['status'] || !properties['spec']) return fields;
  if (subresource === '') return withoutBranch(fields, fieldElement('status'));
  return subresource === 'status' ? withoutBranch(fields, fieldElement('spec')) : fields;
}

const sameManager = (a: Managed, by: UpdateManager): boolean =>
  a.operation === 'Update' &&
  a.manager === by.manager &&
  a.apiVersion === by.apiVersion &&
  a.subresource === by.subresource;

const secondsOf = (time: string | undefined): number => (time ? Math.floor(Date.parse(time) / 1000) : 0);
const textOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Merges the oldest entries of each version into one until there are no more than the limit. */
function capped(managed: Managed[]): Managed[] {
  const identity = (m: Managed): string => [m.manager, m.operation, m.apiVersion, m.subresource].join('\0');
  const updaters = managed
    .filter((m) => m.operation === 'Update')
    .sort((a, b) => secondsOf(a.time) - secondsOf(b.time) || textOrder(identity(a), identity(b)));
  let kept = managed;
  const first = new Map<string, Managed>();
  for (const oldest of updaters) {
    if (kept.filter((m) => m.operation === 'Update').length <= maxUpdateManagers) break;
    const bucket = first.get(oldest.apiVersion);
    if (!bucket) first.set(oldest.apiVersion, oldest);
    else {
      const merged: Managed = {
        ...oldest,
        entry: undefined,
        manager: ancientChanges,
        subresource: '',
        fields: unionOf(oldest.fields, bucket.fields),
      };
      kept = [...kept.filter((m) => m !== oldest && m !== bucket), merged];
      first.set(oldest.apiVersion, merged);
    }
  }
  return kept;
}

function entryOf(managed: Managed): ManagedFieldsEntry {
  if (managed.entry) return managed.entry;
  const { manager, operation, apiVersion, time, subresource } = managed;
  return {
    ...(manager ? { manager } : {}),
    operation: operation as 'Update',
    apiVersion,
    ...(time ? { time } : {}),
    fieldsType: 'FieldsV1',
    fieldsV1: formatFieldSet(managed.fields),
    ...(subresource ? { subresource } : {}),
  };
}

const inOrder = (a: Managed, b: Managed): number =>
  textOrder(a.operation, b.operation) ||
  secondsOf(a.time) - secondsOf(b.time) ||
  textOrder(a.manager, b.manager) ||
  textOrder(a.apiVersion, b.apiVersion) ||
  textOrder(a.subresource, b.subresource);

/** In canonical form, without the managed fields, which nobody owns. */
function comparable(schema: string | Schema, object: KubeObject | undefined): unknown {
  const node = planOf(schema);
  if (!object) return zeroValue(node);
  const { managedFields: _, ...metadata } = object.metadata;
  return canonicalValue(node, { ...object, metadata }, { irregular: false });
}

/** Without the paths that are someone else's now or gone. */
function reduced(managed: Managed, changed: FieldSet, removed: FieldSet): Managed {
  const fields = differenceOf(differenceOf(managed.fields, changed), removed);
  return fields === managed.fields ? managed : { ...managed, fields, entry: undefined };
}

/**
 * Sets `after.metadata.managedFields` for a create (`before` undefined), update or patch: the fields that changed become the
 * writer's, others lose them; fields that went are nobody's. A write that changes nothing changes no entry. To be called when
 * `after` is decoded and defaulted, before admission and the kind's strategy change it, as kube-apiserver does.
 */
export function trackUpdate(
  schema: string | Schema,
  before: KubeObject | undefined,
  after: KubeObject,
  by: UpdateManager,
): void {
  const present = presentEntries(before, after, by.subresource);
  // An object that nobody tracks is not begun with in the middle of its life.
  if (present.length === 0 && before?.metadata.uid) {
    delete after.metadata.managedFields;
    return;
  }
  const node = planOf(schema);
  const found = compareFields(node, comparable(schema, before), comparable(schema, after));
  const added = settable(found.added, node.schema, by.subresource);
  const modified = settable(found.modified, node.schema, by.subresource);
  const removed = settable(found.removed, node.schema, by.subresource);
  const changed = unionOf(added, modified);
  const managed = present.map((entry) => reduced(entry, changed, removed)).filter((entry) => entry.fields.size > 0);
  const owned = differenceOf(changed, unowned);
  if (owned.size > 0) {
    const { apiVersion, subresource } = by;
    const manager = by.manager || 'unknown';
    const mine = managed.findIndex((entry) => sameManager(entry, { ...by, manager }));
    const fields = mine < 0 ? owned : unionOf(managed[mine]!.fields, owned);
    // kube-apiserver carries these entries over from the Scale object, where times are not kept.
    const time = subresource === 'scale' ? managed[mine]?.time : by.time;
    if (mine >= 0) managed.splice(mine, 1);
    managed.push({ manager, operation: 'Update', apiVersion, subresource, time, fields });
  }
  const entries = capped(managed).sort(inOrder).map(entryOf);
  if (entries.length > 0) after.metadata.managedFields = entries;
  else delete after.metadata.managedFields;
}
