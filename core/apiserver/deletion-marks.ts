// What asking for a deletion writes into an object: when it ends, and what still holds it.
// Follows https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
// and https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/
import type { KubeObject } from '../api/objects.ts';
import type { Namespace } from '../api/types.gen.ts';
import { timestamp } from '../ports.ts';
import type { WriteScope } from './call.ts';
import type { DeleteOptions } from './delete-options.ts';
import { collectorFinalizers } from './deletion-policy.ts';

export interface Marked {
  object: KubeObject;
  /** Nothing holds it: it goes at once. */
  gone: boolean;
}

/** What deletion makes of the object. */
export function marked(scope: WriteScope, object: KubeObject, options: DeleteOptions): Marked | 'pending' {
  const nowMs = scope.deps.clock.now();
  if (scope.kind.resource === 'namespaces') return markedNamespace(scope, object, options, timestamp(nowMs));
  const graceful = gracefulMark(scope, object, options, nowMs);
  if (graceful === 'pending') return 'pending';
  const finalizers = collectorFinalizers(scope.kind, object, options);
  const base = graceful ?? object;
  const metadata = { ...base.metadata };
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
  if (graceful) {
    const remaining = metadata.deletionGracePeriodSeconds ?? 0;
    return { object: { ...base, metadata }, gone: finalizers.length === 0 && remaining === 0 };
  }
  if (finalizers.length === 0) return { object, gone: true };
  if (!metadata.deletionTimestamp && metadata.generation) metadata.generation += 1;
  const now = timestamp(nowMs);
  if (!metadata.deletionTimestamp || metadata.deletionTimestamp > now) metadata.deletionTimestamp = now;
  metadata.deletionGracePeriodSeconds = 0;
  return { object: { ...base, metadata }, gone: false };
}

/** A namespace ends when its controller has emptied it and taken its finalizers away. */
function markedNamespace(scope: WriteScope, object: KubeObject, options: DeleteOptions, now: string): Marked {
  const spec = (object as Namespace).spec;
  const finalizers = collectorFinalizers(scope.kind, object, options);
  if (object.metadata.deletionTimestamp) {
    return { object, gone: !spec?.finalizers?.length && finalizers.length === 0 };
  }
  const { finalizers: _f, ...metadata } = object.metadata;
  return {
    object: {
      ...object,
      metadata: { ...metadata, ...(finalizers.length > 0 ? { finalizers } : {}), deletionTimestamp: now },
      status: { ...(object as Namespace).status, phase: 'Terminating' },
    },
    // Even one without finalizers may hold something: its controller looks.
    gone: false,
  };
}

/** undefined: this object knows no grace. 'pending': it ends already, and not sooner than asked now. */
function gracefulMark(
  scope: WriteScope,
  object: KubeObject,
  options: DeleteOptions,
  nowMs: number,
): KubeObject | 'pending' | undefined {
  const { kind } = scope;
  if (!kind.gracePeriodSeconds) return undefined;
  const { deletionTimestamp, deletionGracePeriodSeconds, generation } = object.metadata;
  // Below zero counts as one second.
  const asked =
    options.gracePeriodSeconds === undefined
      ? undefined
      : options.gracePeriodSeconds < 0
        ? 1
        : options.gracePeriodSeconds;
  if (deletionTimestamp) {
    const before = deletionGracePeriodSeconds ?? 0;
    if (before === 0) return undefined;
    if (asked === undefined || asked >= before) return 'pending';
    const wanted = Date.parse(deletionTimestamp) - before * 1_000 + asked * 1_000;
    const past = wanted < nowMs;
    return {
      ...object,
      metadata: {
        ...object.metadata,
        deletionTimestamp: timestamp(past ? nowMs : wanted),
        deletionGracePeriodSeconds: past && asked !== 0 ? 1 : asked,
      },
    };
  }
  const usual = kind.gracePeriodSeconds(object);
  if (usual === undefined) return undefined;
  const seconds = kind.endsAtOnce?.(object) ? 0 : (asked ?? usual);
  return {
    ...object,
    metadata: {
      ...object.metadata,
      deletionTimestamp: timestamp(nowMs + seconds * 1_000),
      deletionGracePeriodSeconds: seconds,
      ...(generation ? { generation: generation + 1 } : {}),
    },
  };
}
