import type { Resources } from '../requests.ts';
import { type LoadScore, MAX_SCORE } from './score.ts';

/** 100 when CPU and memory are used to the same share, 50 when one is full and the other empty. */
function balance(allocatable: Resources, cpuMilli: number, memory: number): number {
  if (allocatable.cpuMilli === 0 || allocatable.memory === 0) return MAX_SCORE;
  const cpuShare = Math.min(1, cpuMilli / allocatable.cpuMilli);
  const memoryShare = Math.min(1, memory / allocatable.memory);
  return Math.floor((1 - Math.abs(cpuShare - memoryShare) / 2) * MAX_SCORE);
}

/** How much more even the use of CPU and memory becomes: 75 when nothing changes. A pod that asks for neither is all the same to it. */
export const balancedAllocation: LoadScore = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  score({ requests }, { allocatable, requested }) {
    if (requests.cpuMilli === 0 && requests.memory === 0) return 0;
    const before = balance(allocatable, requested.cpuMilli, requested.memory);
    const after = balance(allocatable, requested.cpuMilli + requests.cpuMilli, requested.memory + requests.memory);
    return MAX_SCORE / 2 + Math.trunc((MAX_SCORE / 2 + after - before) / 2);
  },
};
