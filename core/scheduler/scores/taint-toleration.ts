import { findUntolerated } from '../../api/tolerations.ts';
import { type StaticScore, toHighest } from './score.ts';

/** Fewer taints that would rather not have the pod. */
export const taintPreference: StaticScore = {
  name: 'TaintToleration',
  weight: 3,
  score({ pod }, { node }) {
    const taints = node.spec?.taints ?? [];
    return taints.filter((taint) => findUntolerated([taint], pod.spec?.tolerations, ['PreferNoSchedule'])).length;
  },
  normalize: toHighest(true),
};
