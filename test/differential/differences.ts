// Where Slipway answers otherwise than kube-apiserver on purpose, with the reason.
import type { Difference } from './compare.ts';

export interface IntendedDifference {
  reason: string;
  matches(difference: Difference): boolean;
}

const isRevision = (value: unknown): boolean => typeof value === 'string' && /^<revision:\d+>$/.test(value);

export const intended: readonly IntendedDifference[] = [
  {
    reason: 'The address under which the server was asked.',
    matches: ({ field }) => field.endsWith('.serverAddress'),
  },
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
  {
    reason: 'The refusal of a patch shows the patched object whole: its revision, and the keys in an order of its own.',
    matches: ({ scenario, field, expected, actual }) => {
      const ending = (text: unknown): string => String(text).slice(String(text).lastIndexOf('": '));
      const shown = field === 'body.message' || field === 'body.details.causes.0.message';
      return (
        scenario.startsWith('patch') &&
        shown &&
        String(expected).includes('Invalid value: "{') &&
        ending(expected) === ending(actual)
      );
    },
  },
  {
    reason:
      "The difference within a refused update is shown in fields of the API; kube-apiserver shows its own Go structures'.",
    matches: ({ field, expected, actual }) => {
      const before = (text: unknown): string => String(text).split('\n@@')[0]!.split('\n ')[0]!;
      const refused = /may not (?:change fields other than|be changed)|is immutable after creation/.test(
        String(expected),
      );
      return /message$/.test(field) && refused && before(expected) === before(actual);
    },
  },
  {
    reason: 'A precondition that fails is told without the key that the object has in etcd.',
    matches: ({ field, expected, actual }) => {
      const [intro = '', rest = ''] = String(expected).split(/StorageError: .*AdditionalErrorMsg: /);
      const plain = (text: string): string => text.replace(/object meta: \d+$/, 'object meta: ?');
      return field === 'body.message' && rest !== '' && plain(intro + rest) === plain(String(actual));
    },
  },
  {
    reason: 'What a patch of ephemeral containers says of other fields is not taken, and nobody is named who set it.',
    matches: ({ scenario, step, field }) =>
      scenario === 'bindings' && /^(24|29) /.test(step) && field.startsWith('body.metadata.managedFields'),
  },
  {
    reason:
      'A patch of a scale that also says labels, of which a scale has none, is remembered as any other patch of it.',
    matches: ({ scenario, step, field }) =>
      scenario === 'generations' && step.startsWith('21 ') && field.startsWith('body.metadata.managedFields'),
  },
  {
    reason: 'A pod with two budgets is an error of the cluster, and the answer names a reason as every other does.',
    matches: ({ scenario, field, expected, actual }) =>
      scenario === 'evictions' && field === 'body.reason' && expected === undefined && actual === 'InternalError',
  },
  {
    reason: 'Flow schemas are kept, not acted on: nobody reports whether their priority level exists.',
    matches: ({ scenario, field, actual }) =>
      scenario.startsWith('flowschema') &&
      ((field.endsWith('status.conditions') && actual === undefined) ||
        (field.endsWith('cells.5') && actual === '?') ||
        field.includes('metadata.managedFields')),
  },
];
