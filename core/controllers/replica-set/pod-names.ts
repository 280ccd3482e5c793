// Names of new pods are drawn from the owner's revision, not by chance: two controllers that react to the same state, or one
// that lost the answer to its create, name the same pods, and the second create is refused instead of making one too many.
import { safeLetters } from '../hash.ts';
import type { StoredReplicaSet } from './model.ts';

const SUFFIX_LENGTH = 5;
/** Longest base that leaves room for the suffix in a name of 63, as generateName cuts it. */
const BASE_LIMIT = 58;

/** The first `count` names of this revision that are not taken. */
export function freePodNames(owner: StoredReplicaSet, count: number, isTaken: (name: string) => boolean): string[] {
  const base = `${owner.metadata.name}-`.slice(0, BASE_LIMIT);
  const names: string[] = [];
  for (let slot = 0; names.length < count; slot++) {
    const seed = `${owner.metadata.uid}/${owner.metadata.resourceVersion}/${slot}`;
    const name = base + safeLetters(seed, SUFFIX_LENGTH);
    if (!isTaken(name) && !names.includes(name)) names.push(name);
  }
  return names;
}
