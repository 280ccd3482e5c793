// Where Slipway answers otherwise than kube-apiserver on purpose, with the reason.
import type { Difference } from './compare.ts';

export interface IntendedDifference {
  reason: string;
  matches(difference: Difference): boolean;
}

export const intended: readonly IntendedDifference[] = [];
