// Deleting a namespace: everything in it goes first, pods before the rest, then the namespace's own finalizer.
// Follows https://kubernetes.io/docs/tasks/administer-cluster/namespaces/#deleting-a-namespace
import type { Stored } from '../../api/objects.ts';
import type { Namespace, NamespaceCondition, ObjectMeta } from '../../api/types.gen.ts';
import type { ResourceRef } from '../../client/client.ts';
import { resourceName, resources } from '../../client/resources.ts';
import { timestamp } from '../../ports.ts';
import type { Action, Failure } from '../controller.ts';
import { asObject } from '../owner.ts';

export type StoredNamespace = Stored<Namespace>;

export interface Content {
  of: ResourceRef;
  items: readonly ObjectMeta[];
}

export interface ObservedNamespace {
  namespace: StoredNamespace;
  contents: readonly Content[];
  /** Why the resources could not all be found out, or listed. */
  discoveryFailure?: string;
  listFailures: readonly string[];
}

/** Deletions that are under way are looked at again after this long; what waits for others, after longer. */
const SOON_MS = 20;
const LATER_MS = 2_000;

type ConditionRule = [type: string, good: [reason: string, message: string], badReason: string];

const rules = {
  discovery: [
    'NamespaceDeletionDiscoveryFailure',
    ['ResourcesDiscovered', 'All resources successfully discovered'],
    'DiscoveryFailed',
  ],
  parsing: [
    'NamespaceDeletionGroupVersionParsingFailure',
    ['ParsedGroupVersions', 'All legacy kube types successfully parsed'],
    'GroupVersionParsingFailed',
  ],
  deletion: [
    'NamespaceDeletionContentFailure',
    ['ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
    'ContentDeletionFailed',
  ],
  remaining: [
    'NamespaceContentRemaining',
    ['ContentRemoved', 'All content successfully removed'],
    'SomeResourcesRemain',
  ],
  finalizers: [
    'NamespaceFinalizersRemaining',
    ['ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
    'SomeFinalizersRemain',
  ],
} satisfies Record<string, ConditionRule>;

interface Findings {
  discovery?: string | undefined;
  deletion?: string | undefined;
  remaining?: string | undefined;
  finalizers?: string | undefined;
}

function conditionsAfter({ status }: StoredNamespace, findings: Findings, nowMs: number): NamespaceCondition[] {
  return Object.entries(rules).map(([name, [type, [reason, message], badReason]]) => {
    const trouble = findings[name as keyof Findings];
    const standing = status?.conditions?.find((condition) => condition.type === type);
    const fresh: NamespaceCondition = trouble
      ? { type, status: 'True', reason: badReason!, message: trouble }
      : { type, status: 'False', reason: reason!, message: message! };
    const same = standing?.status === fresh.status && standing.reason === fresh.reason;
    return { ...fresh, lastTransitionTime: same ? standing.lastTransitionTime : timestamp(nowMs) };
  });
}

/** Writes conditions when one says something new. */
function writeConditions(namespace: StoredNamespace, findings: Findings, nowMs: number): Action[] {
  const conditions = conditionsAfter(namespace, findings, nowMs);
  const standing = namespace.status?.conditions ?? [];
  const say = ({ type, status, message }: NamespaceCondition): string => `${type} ${status} ${message}`;
  const said = new Set(standing.map(say));
  if (conditions.every((condition) => said.has(say(condition)))) return [];
  const others = standing.filter((one) => !conditions.some((condition) => condition.type === one.type));
  const status = { ...namespace.status, conditions: [...others, ...conditions] };
  return [
    { do: 'update', of: resources.namespaces, object: asObject({ ...namespace, status }), subresource: 'status' },
  ];
}

function remainingMessage(contents: readonly Content[]): string | undefined {
  const counts = contents.map(({ of, items }) => `${of.plural}.${of.group} has ${items.length} resource instances`);
  return counts.length > 0 ? `Some resources are remaining: ${counts.sort().join(', ')}` : undefined;
}

function finalizersMessage(contents: readonly Content[]): string | undefined {
  const counts = new Map<string, number>();
  for (const finalizer of contents.flatMap(({ items }) => items.flatMap((item) => item.finalizers ?? []))) {
    counts.set(finalizer, (counts.get(finalizer) ?? 0) + 1);
  }
  if (counts.size === 0) return undefined;
  const texts = [...counts].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`);
  return `Some content in the namespace has finalizers remaining: ${texts.sort().join(', ')}`;
}

function deletions(contents: readonly Content[]): Action[] {
  return contents.flatMap(({ of, items }) =>
    items
      .filter((item) => item.deletionTimestamp === undefined)
      .map(
        ({ namespace = '', name = '', uid }): Action => ({
          do: 'delete',
          of,
          key: { namespace, name },
          options: { ...(uid ? { uid } : {}), propagationPolicy: 'Background' },
        }),
      ),
  );
}

/** The namespace's own end: without the finalizer `kubernetes` the API removes it. */
function finalize(namespace: StoredNamespace): Action {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== 'kubernetes');
  const object = asObject({ ...namespace, spec: { ...namespace.spec, finalizers } });
  return { do: 'update', of: resources.namespaces, object, subresource: 'finalize' };
}

export function decideNamespace(observed: ObservedNamespace, nowMs: number): Action[] {
  const { namespace, discoveryFailure, listFailures } = observed;
  const contents = observed.contents.filter(({ items }) => items.length > 0);
  const failed = discoveryFailure !== undefined || listFailures.length > 0;
  if (contents.length === 0 && !failed) {
    // The conditions go with the namespace, but a finalizer of somebody else may keep it: then they tell.
    const lasts = (namespace.spec?.finalizers ?? []).length > 1 || (namespace.metadata.finalizers ?? []).length > 0;
    return lasts ? [...writeConditions(namespace, {}, nowMs), finalize(namespace)] : [finalize(namespace)];
  }
  const pods = contents.filter(({ of }) => resourceName(of) === 'pods');
  const doomed = deletions(pods.length > 0 ? pods : contents);
  const findings: Findings = {
    discovery: discoveryFailure,
    deletion: listFailures.length > 0 ? listFailures.join(', ') : undefined,
    remaining: remainingMessage(contents),
    finalizers: finalizersMessage(contents),
  };
  // Said only of what is not gone at once: a namespace full of config maps needs no word.
  const words = doomed.length === 0 || failed ? writeConditions(namespace, findings, nowMs) : [];
  return [...doomed, ...words, { do: 'requeue', afterMs: doomed.length > 0 ? SOON_MS : LATER_MS }];
}

export function failedNamespace(observed: ObservedNamespace, failures: readonly Failure[], nowMs: number): Action[] {
  const deletion = failures.filter(({ action }) => action.do === 'delete').map(({ error }) => error.message);
  if (deletion.length === 0) return [];
  const contents = observed.contents.filter(({ items }) => items.length > 0);
  const findings: Findings = {
    deletion: deletion.join(', '),
    remaining: remainingMessage(contents),
    finalizers: finalizersMessage(contents),
  };
  return writeConditions(observed.namespace, findings, nowMs);
}
