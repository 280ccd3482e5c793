// What is to become of an object, given what became of its owners.
// Follows https://kubernetes.io/docs/concepts/architecture/garbage-collection/
import { type KubeObject, keyOf } from '../../api/objects.ts';
import type { OwnerReference } from '../../api/types.gen.ts';
import type { ResourceRef } from '../../client/client.ts';
import type { Action } from '../controller.ts';
import { patchMetadata, withoutFinalizer } from '../patch-metadata.ts';
import { finalizers, type GraphNode, isOrphaning, isWaiting, keyFor } from './graph.ts';

/** solid: there and staying. waiting: there, its deletion waits for its dependents. absent: gone, or never was. */
export type OwnerState = 'solid' | 'waiting' | 'absent';

export interface ObservedDependent {
  node: GraphNode;
  /** Fresh: its owner references are about to be written. Only read when the object orphans it. */
  fresh?: KubeObject;
}

export interface ObservedItem {
  of: ResourceRef;
  /** The object itself as the API has it now. */
  item: KubeObject;
  owners: readonly { reference: OwnerReference; state: OwnerState; known: boolean }[];
  dependents: readonly ObservedDependent[];
  /** References that can name nothing: told in an event. */
  invalid: readonly OwnerReference[];
}

/** An owner that is there but not in the graph yet is looked for again after this long. */
const LOOK_AGAIN_MS = 5_000;

function orphanDependents({ of, item, dependents }: ObservedItem): Action[] {
  const released = dependents.flatMap(({ node, fresh }): Action[] => {
    const references = fresh?.metadata.ownerReferences ?? [];
    if (!fresh || !references.some(({ uid }) => uid === item.metadata.uid)) return [];
    const ownerReferences = references.filter(({ uid }) => uid !== item.metadata.uid);
    return [patchMetadata(node.of, fresh, { ownerReferences })];
  });
  return [...released, withoutFinalizer(of, item, finalizers.orphan)];
}

function awaitDependents({ of, item, dependents }: ObservedItem): Action[] {
  const blocking = dependents.filter(({ node }) =>
    node.owners.some((owner) => owner.uid === item.metadata.uid && owner.blockOwnerDeletion),
  );
  if (blocking.length === 0) return [withoutFinalizer(of, item, finalizers.foreground)];
  return blocking
    .filter(({ node }) => !isWaiting(node))
    .map(({ node }): Action => ({ do: 'enqueue', key: keyFor(node.uid) }));
}

function policyOf(item: KubeObject): 'Orphan' | 'Foreground' | 'Background' {
  if (item.metadata.finalizers?.includes(finalizers.orphan)) return 'Orphan';
  return item.metadata.finalizers?.includes(finalizers.foreground) ? 'Foreground' : 'Background';
}

function remove(of: ResourceRef, item: KubeObject, propagationPolicy: 'Orphan' | 'Foreground' | 'Background'): Action {
  const { uid, resourceVersion } = item.metadata;
  return { do: 'delete', of, key: keyOf(item), options: { uid, resourceVersion, propagationPolicy } };
}

/** Its owners wait for it, and it has dependents of its own: it waits for those in turn. */
function removeForeground({ of, item, dependents }: ObservedItem): Action[] {
  const circular = dependents.some(({ node }) => isWaiting(node));
  if (!circular) return [remove(of, item, 'Foreground')];
  // One of them waits already: a ring. Blocking nobody any more lets it go.
  const ownerReferences = (item.metadata.ownerReferences ?? []).map((owner) => ({
    ...owner,
    blockOwnerDeletion: false,
  }));
  const { uid } = item.metadata;
  const unblocked = patchMetadata(of, item, { ownerReferences });
  return [
    unblocked,
    { do: 'delete', of, key: keyOf(item), options: { ...(uid ? { uid } : {}), propagationPolicy: 'Foreground' } },
  ];
}

function tellInvalid({ item, invalid }: ObservedItem): Action[] {
  return invalid.map(({ apiVersion, kind, name, uid }): Action => {
    const namespace = item.metadata.namespace ?? '';
    const message = `ownerRef [${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}] does not exist in namespace "${namespace}"`;
    return { do: 'event', about: item, type: 'Warning', reason: 'OwnerRefInvalidNamespace', message };
  });
}

export function decideGarbage(observed: ObservedItem): Action[] {
  const { of, item, owners, dependents } = observed;
  const state = { deleting: item.metadata.deletionTimestamp !== undefined, finalizers: item.metadata.finalizers ?? [] };
  if (isWaiting(state)) return awaitDependents(observed);
  if (isOrphaning(state)) return orphanDependents(observed);
  if (state.deleting || owners.length === 0) return [];
  const told = tellInvalid(observed);
  const inState = (wanted: OwnerState) => owners.filter((owner) => owner.state === wanted);
  if (inState('solid').length > 0) {
    const unseen: Action[] = owners.some(({ known }) => !known) ? [{ do: 'requeue', afterMs: LOOK_AGAIN_MS }] : [];
    if (inState('solid').length === owners.length) return [...told, ...unseen];
    // Somebody still owns it: only the references to those who do not are taken away.
    const kept = new Set(inState('solid').map(({ reference }) => reference.uid));
    const ownerReferences = (item.metadata.ownerReferences ?? []).filter(({ uid }) => kept.has(uid));
    return [...told, patchMetadata(of, item, { ownerReferences }), ...unseen];
  }
  if (inState('waiting').length > 0 && dependents.length > 0) return [...told, ...removeForeground(observed)];
  return [...told, remove(of, item, policyOf(item))];
}
