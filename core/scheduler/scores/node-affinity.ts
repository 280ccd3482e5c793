import { termMatches } from '../../api/node-selector.ts';
import { type StaticScore, toHighest } from './score.ts';

/** The weights of the preferred terms that match. */
export const nodeAffinityPreference: StaticScore = {
  name: 'NodeAffinity',
  weight: 2,
  score({ pod }, { node }) {
    const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    return preferred.reduce((sum, { preference, weight }) => sum + (termMatches(preference, node) ? weight : 0), 0);
  },
  normalize: toHighest(false),
};
