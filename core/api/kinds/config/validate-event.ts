// Events: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
import type { FieldError } from '../../errors.ts';
import { qualifiedName } from '../../names.ts';
import type { CoreV1Event } from '../../types.gen.ts';
import { byteLength, Findings } from '../findings.ts';

const maxInstance = 128;
const maxAction = 128;
const maxReason = 128;
const maxMessage = 1024;

/** `controllerField`: what the version calls the reporting controller. */
function validateCommon(found: Findings, event: CoreV1Event, controllerField: string): void {
  const namespace = event.metadata?.namespace ?? '';
  const involved = event.involvedObject?.namespace ?? '';
  const mismatch = (): void => found.invalid('involvedObject.namespace', involved, 'does not match event.namespace');
  if (!event.eventTime) {
    if (involved ? involved !== namespace : namespace !== '' && namespace !== 'default') mismatch();
    return;
  }
  if (!involved && namespace !== 'default' && namespace !== 'kube-system') mismatch();
  const controller = event.reportingComponent ?? '';
  if (!controller) found.required(controllerField);
  found.invalid(controllerField, controller, qualifiedName(controller));
  const check = (field: string, value: string | undefined, max: number, required: boolean): void => {
    if (required && !value) found.required(field);
    if (byteLength(value ?? '') > max) found.invalid(field, '', `can have at most ${max} characters`);
  };
  check('reportingInstance', event.reportingInstance, maxInstance, true);
  check('action', event.action, maxAction, true);
  check('reason', event.reason, maxReason, true);
  check('message', event.message, maxMessage, false);
}

function validateSeries(found: Findings, event: CoreV1Event): void {
  if (!event.series) return;
  if ((event.series.count ?? 0) < 2) found.invalid('series.count', '', 'should be at least 2');
  if (!event.series.lastObservedTime) found.required('series.lastObservedTime');
}

export function validateCoreEvent(event: CoreV1Event): FieldError[] {
  const found = new Findings();
  validateCommon(found, event, 'reportingComponent');
  return found.errors;
}

/** An event of events.k8s.io, in its core form. */
export function validateNewEvent(event: CoreV1Event): FieldError[] {
  const found = new Findings();
  validateCommon(found, event, 'reportingController');
  validateSeries(found, event);
  if (!event.eventTime) found.required('eventTime');
  if (event.type !== 'Normal' && event.type !== 'Warning')
    found.invalid('type', '', `has invalid value: ${event.type ?? ''}`);
  const old = { firstTimestamp: event.firstTimestamp, lastTimestamp: event.lastTimestamp, count: event.count };
  for (const [field, value] of Object.entries(old)) if (value) found.invalid(field, '', 'needs to be unset');
  if (event.source?.component || event.source?.host) found.invalid('source', '', 'needs to be unset');
  return found.errors;
}

const fixed = [
  ...['involvedObject', 'reason', 'message', 'source', 'firstTimestamp', 'lastTimestamp', 'count', 'type'],
  ...['eventTime', 'action', 'related', 'reportingComponent', 'reportingInstance'],
] as (keyof CoreV1Event)[];

/** An event of events.k8s.io only counts on. */
export function validateNewEventUpdate(event: CoreV1Event, old: CoreV1Event): FieldError[] {
  const found = new Findings();
  validateCommon(found, event, 'reportingController');
  if (event.series?.count !== old.series?.count || event.series?.lastObservedTime !== old.series?.lastObservedTime) {
    validateSeries(found, event);
  }
  for (const field of fixed) {
    found.unchanged(field === 'reportingComponent' ? 'reportingController' : field, event[field], old[field]);
  }
  return found.errors;
}
