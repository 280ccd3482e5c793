import { type LoadScore, MAX_SCORE } from './score.ts';

const free = (requested: number, capacity: number): number =>
  requested > capacity ? 0 : Math.floor(((capacity - requested) * MAX_SCORE) / capacity);

/** The more CPU and memory would be left, the better. */
export const leastAllocated: LoadScore = {
  name: 'NodeResourcesFit',
  weight: 1,
  score({ weights }, { allocatable, weights: used }) {
    let sum = 0;
    let kinds = 0;
    if (allocatable.cpuMilli > 0) {
      sum += free(used.cpuMilli + weights.cpuMilli, allocatable.cpuMilli);
      kinds++;
    }
    if (allocatable.memory > 0) {
      sum += free(used.memory + weights.memory, allocatable.memory);
      kinds++;
    }
    return kinds === 0 ? 0 : Math.floor(sum / kinds);
  },
};
