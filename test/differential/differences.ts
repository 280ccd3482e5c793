// Where Slipway answers otherwise than kube-apiserver on purpose, with the reason.
import type { Difference } from './compare.ts';

export interface IntendedDifference {
  reason: string;
  matches(difference: Difference): boolean;
}

const isRevision = (value: unknown): boolean => typeof value === 'string' && /^<revision:\d+>$/.test(value);

export const intended: readonly IntendedDifference[] = [
  {
    reason:
      'Each resource has a sequence of revisions of its own, so that equal numbers of two resources mean nothing.',
    matches: ({ field, expected, actual }) =>
      field.endsWith('resourceVersion') && isRevision(expected) && isRevision(actual),
  },
  {
    reason:
      'The administrator of the recording has a static token with a uid; ours has a certificate, which carries none.',
    matches: ({ field, expected, actual }) =>
      (field === 'body.spec.uid' || field === 'body.status.userInfo.uid') &&
      expected === 'admin' &&
      actual === undefined,
  },
  {
    reason: 'Default roles hold what they aggregate from the start; kube-apiserver alone leaves that to a controller.',
    matches: ({ scenario, field, actual }) =>
      scenario === 'reviews' &&
      (field === 'body.status.allowed' ||
        (field === 'body.status.reason' && String(actual).includes('ClusterRole "view"'))),
  },
];
