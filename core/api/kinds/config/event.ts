// Events are stored in their core form; events.k8s.io shows the same objects with other field names.
import { pathSegmentName } from '../../names.ts';
import type { KubeObject } from '../../objects.ts';
import type { CoreV1Event, EventsV1Event } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { nameColumn, text, wide } from '../columns.ts';
import { age } from '../duration.ts';
import { validateCoreEvent, validateNewEvent, validateNewEventUpdate } from './validate-event.ts';

/** Field of the core form to field of events.k8s.io/v1. */
const renamed = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
] as const;

const toNew = new Map<string, string>(renamed);
const toCore = new Map<string, string>(renamed.map(([core, other]) => [other, core]));

const rename = (object: KubeObject, names: ReadonlyMap<string, string>, apiVersion: string): KubeObject => ({
  ...(Object.fromEntries(
    Object.entries(object).map(([field, value]) => [names.get(field) ?? field, value]),
  ) as KubeObject),
  apiVersion,
});

function firstSeen(event: CoreV1Event, nowMs: number): string {
  return age(event.firstTimestamp || event.eventTime, nowMs);
}

function lastSeen(event: CoreV1Event, nowMs: number): string {
  if (event.series) return age(event.series.lastObservedTime, nowMs);
  return event.lastTimestamp ? age(event.lastTimestamp, nowMs) : firstSeen(event, nowMs);
}

function objectCell({ involvedObject }: CoreV1Event): string {
  const kind = (involvedObject?.kind ?? '').toLowerCase();
  return involvedObject?.name ? `${kind}/${involvedObject.name}` : kind;
}

function sourceCell({ source, reportingComponent, reportingInstance }: CoreV1Event): string {
  return [source?.component || reportingComponent, source?.host || reportingInstance].filter(Boolean).join(', ');
}

const columns: NonNullable<Rules<CoreV1Event>['columns']> = [
  text('Last Seen', lastSeen),
  text('Type', (event) => event.type ?? ''),
  text('Reason', (event) => event.reason ?? ''),
  text('Object', objectCell),
  wide('Subobject', (event) => event.involvedObject?.fieldPath ?? ''),
  wide('Source', sourceCell),
  text('Message', (event) => (event.message ?? '').trim()),
  wide('First Seen', firstSeen),
  { ...wide<CoreV1Event>('Count', () => ''), cell: (event) => event.series?.count ?? (event.count || 1) },
  { ...nameColumn, priority: 1 },
];

const objectFields = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const;

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ */
export const coreEventRules: Rules<CoreV1Event> = {
  columns,
  fieldLabels: {
    ...Object.fromEntries(
      objectFields.map((field) => [`involvedObject.${field}`, (event: CoreV1Event) => event.involvedObject?.[field]]),
    ),
    reason: (event) => event.reason,
    reportingComponent: (event) => event.reportingComponent,
    source: (event) => event.source?.component || event.reportingComponent,
    type: (event) => event.type,
  },
  allowCreateOnUpdate: true,
  validateName: pathSegmentName,
  setDefaults(event) {
    event.source ??= {};
    event.reportingComponent ??= '';
    event.reportingInstance ??= '';
  },
  validate: validateCoreEvent,
  validateUpdate: validateCoreEvent,
};

const inCoreForm = (event: EventsV1Event): CoreV1Event =>
  rename(event as unknown as KubeObject, toCore, 'v1') as unknown as CoreV1Event;

export const newEventRules: Rules<EventsV1Event> = {
  columns: columns.map((column) => ({
    ...column,
    cell: (event: EventsV1Event, nowMs: number) => column.cell(inCoreForm(event), nowMs),
  })),
  fieldLabels: {
    ...Object.fromEntries(
      objectFields.map((field) => [`regarding.${field}`, (event: EventsV1Event) => event.regarding?.[field]]),
    ),
    reason: (event) => event.reason,
    reportingController: (event) => event.reportingController,
    type: (event) => event.type,
  },
  allowCreateOnUpdate: true,
  fromStorage: (object) => rename(object, toNew, 'events.k8s.io/v1'),
  toStorage: (object) => rename(object, toCore, 'v1'),
  setDefaults(event) {
    event.deprecatedSource ??= {};
  },
  validate: (event) => validateNewEvent(inCoreForm(event)),
  validateUpdate: (event, old) => validateNewEventUpdate(inCoreForm(event), inCoreForm(old)),
};
