// The indexes of pods by the node they are bound to and by what they refer to, which is computed once for each version of a pod.
import type { KubeObject } from '../api/objects.ts';
import { isMirrorPod, type PodReferences, podReferences } from '../api/pod-references.ts';
import type { Pod } from '../api/types.gen.ts';
import type { Index } from './lister.ts';

export const podsByNode: Index = {
  name: 'node',
  keys: (object) => {
    const nodeName = (object as unknown as Pod).spec?.nodeName;
    return nodeName ? [nodeName] : [];
  },
};

const none: PodReferences = {
  configMaps: new Set(),
  secrets: new Set(),
  claims: new Set(),
  resourceClaims: new Set(),
  serviceAccount: '',
};
const known = new WeakMap<KubeObject, PodReferences>();

/** A mirror pod refers to nothing: a node must not gain access by creating one. */
export function referencesOf(pod: KubeObject): PodReferences {
  let found = known.get(pod);
  if (!found)
    known.set(pod, (found = isMirrorPod(pod as unknown as Pod) ? none : podReferences(pod as unknown as Pod)));
  return found;
}

const isBound = (pod: KubeObject): boolean => Boolean((pod as unknown as Pod).spec?.nodeName);

const named = (pod: KubeObject, names: ReadonlySet<string>): string[] =>
  [...names].map((name) => `${pod.metadata.namespace ?? ''}/${name}`);

/** Bound pods by `namespace/name` of the config maps that they name. */
export const podsByConfigMap: Index = {
  name: 'config map',
  keys: (pod) => (isBound(pod) ? named(pod, referencesOf(pod).configMaps) : []),
};

/** The same for secrets. */
export const podsBySecret: Index = {
  name: 'secret',
  keys: (pod) => (isBound(pod) ? named(pod, referencesOf(pod).secrets) : []),
};
