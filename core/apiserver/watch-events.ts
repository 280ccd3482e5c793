// The events of a watch as bytes, each change serialised once per encoding and shared by all who watch it.

import type { Kind } from '../api/kinds/kind.ts';
import type { KubeObject } from '../api/objects.ts';
import { dataFrame } from '../api/protobuf.ts';
import type { Change, Revision, StoredObject } from '../store/store.ts';
import { GenerationalCache } from './generational-cache.ts';
import { eventCacheBytes } from './limits.ts';
import type { Accepted } from './negotiate.ts';
import { apiVersionOf, objectJson, served } from './serialize.ts';
import { type IncludeObject, partialObject, table } from './table.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** How one watcher wants its events. */
export interface EventForm {
  kind: Kind;
  accepted: Accepted;
  include: IncludeObject;
  nowMs(): number;
}

const encoder = new TextEncoder();

/** Name of the form in the cache of a change; watchers of one form share the bytes. */
export const formKey = ({ kind, accepted, include }: EventForm): string =>
  `${kind.version}/${kind.group}/${accepted.encoding}/${accepted.form}/${accepted.formVersion}/${include}`;

const caches = new GenerationalCache<Change, Map<string, Uint8Array>>(eventCacheBytes);

const frame = (type: EventType, value: object, { accepted }: EventForm): Uint8Array =>
  accepted.encoding === 'protobuf'
    ? dataFrame(type, value as KubeObject)
    : encoder.encode(`${JSON.stringify({ type, object: value })}\n`);

/** `headers`: the first table of a watch names its columns. */
export function eventBytes(type: EventType, stored: StoredObject, form: EventForm, headers = false): Uint8Array {
  const { kind, accepted, include } = form;
  const version = accepted.formVersion;
  switch (accepted.form) {
    case 'table': {
      const metadata = { resourceVersion: String(stored.revision) };
      return frame(type, table(kind, [stored], metadata, { include, version, nowMs: form.nowMs(), headers }), form);
    }
    case 'metadata':
      return frame(type, partialObject(kind, served(kind, stored), version), form);
    case 'object':
      if (accepted.encoding === 'json')
        return encoder.encode(`{"type":"${type}","object":${objectJson(kind, stored)}}\n`);
      return frame(type, { ...served(kind, stored), kind: kind.kind, apiVersion: apiVersionOf(kind) }, form);
  }
}

/** The shared bytes of a change under a type: a change that leaves a selector is DELETED to some and MODIFIED to others. */
export function changeBytes(
  change: Change,
  type: EventType,
  object: KubeObject,
  form: EventForm,
  key: string,
): Uint8Array {
  const cache = caches.get(change) ?? new Map<string, Uint8Array>();
  const name = `${type}/${key}`;
  const cached = cache.get(name);
  if (cached) return cached;
  const bytes = eventBytes(type, { object, revision: change.revision }, form);
  cache.set(name, bytes);
  caches.set(change, cache, bytes.length);
  return bytes;
}

/** A bookmark is an object without contents; its cells show that. */
function emptyCells({ kind, nowMs }: EventForm): unknown[] {
  const empty = { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata: {} };
  return kind.columns.map((column) => {
    try {
      return column.cell(empty, nowMs());
    } catch {
      return null;
    }
  });
}

const initialEventsEnd = { 'k8s.io/initial-events-end': 'true' };

/** `initialEnd`: the bookmark that closes the initial events. */
export function bookmarkBytes(revision: Revision, form: EventForm, initialEnd: boolean): Uint8Array {
  const { kind, accepted } = form;
  const metadata = {
    resourceVersion: String(revision),
    ...(initialEnd ? { annotations: initialEventsEnd } : {}),
  };
  if (accepted.form === 'table') {
    const row = {
      cells: emptyCells(form),
      object: { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${accepted.formVersion}`, metadata },
    };
    return frame(
      'BOOKMARK',
      {
        kind: 'Table',
        apiVersion: `meta.k8s.io/${accepted.formVersion}`,
        metadata: { resourceVersion: String(revision) },
        columnDefinitions: null,
        rows: [row],
      },
      form,
    );
  }
  const head =
    accepted.form === 'metadata'
      ? { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${accepted.formVersion}` }
      : { kind: kind.kind, apiVersion: apiVersionOf(kind) };
  return frame('BOOKMARK', { ...head, metadata }, form);
}

export const errorBytes = (status: object, form: EventForm): Uint8Array => frame('ERROR', status, form);
