// metadata.managedFields: which manager set which fields, kept for writes that are no server-side apply.
// Follows https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
import { compareFields } from './field-compare.ts';
import {
  differenceOf,
  type FieldSet,
  fieldElement,
  formatFieldSet,
  insertPath,
  parseFieldSet,
  unionOf,
  withoutBranch,
} from './field-set.ts';
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
}

/** Fields that everybody sets or nobody does are never owned. */
const unowned: FieldSet = new Map();
const systemMetadata = [
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
];
for (const name of ['apiVersion', 'kind', 'metadata']) insertPath(unowned, [fieldElement(name)]);
for (const name of systemMetadata) insertPath(unowned, [fieldElement('metadata'), fieldElement(name)]);

/** undefined when an entry cannot be read: then none of them counts. */
function readEntries(entries: readonly ManagedFieldsEntry[] | undefined): Managed[] | undefined {
  const managed: Managed[] = [];
  for (const entry of entries ?? []) {
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') return undefined;
    if (!entry.apiVersion || entry.fieldsType !== 'FieldsV1') return undefined;
    managed.push({
      manager: entry.manager ?? '',
      operation: entry.operation,
      apiVersion: entry.apiVersion,
      subresource: entry.subresource ?? '',
      time: entry.time ?? undefined,
      fields: parseFieldSet(entry.fieldsV1),
    });
  }
  return managed;
}

const isEmptyEntry = (entry: ManagedFieldsEntry): boolean =>
  Object.values(entry).every((value) => value === undefined || value === null);

/** The entries that hold before this write: those the client sent, if it may and they make sense; the old ones otherwise. */
function presentEntries(before: KubeObject | undefined, after: KubeObject, subresource: string): Managed[] {
  const kept = (): Managed[] => readEntries(before?.metadata.managedFields) ?? [];
  if (subresource !== '') return kept();
  const given = after.metadata.managedFields;
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

const entryOf = (managed: Managed): ManagedFieldsEntry => ({
  ...(managed.manager ? { manager: managed.manager } : {}),
  operation: managed.operation as 'Update',
  apiVersion: managed.apiVersion,
  ...(managed.time ? { time: managed.time } : {}),
  fieldsType: 'FieldsV1',
  fieldsV1: formatFieldSet(managed.fields),
  ...(managed.subresource ? { subresource: managed.subresource } : {}),
});

const inOrder = (a: Managed, b: Managed): number =>
  textOrder(a.operation, b.operation) ||
  secondsOf(a.time) - secondsOf(b.time) ||
  textOrder(a.manager, b.manager) ||
  textOrder(a.apiVersion, b.apiVersion) ||
  textOrder(a.subresource, b.subresource);

function canonical(schema: string | Schema, object: KubeObject | undefined): unknown {
  const node = planOf(schema);
  return object ? canonicalValue(node, object, { irregular: false }) : zeroValue(node);
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
  const found = compareFields(node, canonical(schema, before), canonical(schema, after));
  const added = settable(found.added, node.schema, by.subresource);
  const modified = settable(found.modified, node.schema, by.subresource);
  const removed = settable(found.removed, node.schema, by.subresource);
  const changed = unionOf(added, modified);
  const managed = present
    .map((entry) => ({ ...entry, fields: differenceOf(differenceOf(entry.fields, changed), removed) }))
    .filter((entry) => entry.fields.size > 0);
  const owned = differenceOf(changed, unowned);
  if (owned.size > 0) {
    const mine = managed.find((entry) => sameManager(entry, by));
    if (mine) {
      mine.fields = unionOf(mine.fields, owned);
      mine.time = by.time;
    } else {
      const { manager, apiVersion, subresource, time } = by;
      managed.push({
        manager: manager || 'unknown',
        operation: 'Update',
        apiVersion,
        subresource,
        time,
        fields: owned,
      });
    }
  }
  const entries = capped(managed).sort(inOrder).map(entryOf);
  if (entries.length > 0) after.metadata.managedFields = entries;
  else delete after.metadata.managedFields;
}
