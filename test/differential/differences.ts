// Where Slipway answers otherwise than kube-apiserver on purpose, with the reason.
import type { Difference } from './compare.ts';

export interface IntendedDifference {
  reason: string;
  matches(difference: Difference): boolean;
}

const isRevision = (value: unknown): boolean => typeof value === 'string' && /^<revision:\d+>$/.test(value);

/** Requests that are wrong: kube-apiserver answers some of them with 500, which says that the server is to blame. */
const serverErrorsForBadInput = [
  ['lists', '15'],
  ['lists', '17'],
  ['patches', '4'],
  ['pod-updates', '11'],
];

export const intended: readonly IntendedDifference[] = [
  {
    reason: 'The address under which the server was asked.',
    matches: ({ field }) => field.endsWith('.serverAddress'),
  },
  {
    reason: 'A bad request is answered with 400 or 422 and says so, never with 500.',
    matches: ({ scenario, step }) =>
      serverErrorsForBadInput.some(([name, index]) => scenario === name && step.startsWith(`${index} `)),
  },
  {
    reason: "A patch whose result is refused shows that result as JSON; the order of its fields is not Go's.",
    matches: ({ scenario, step, field, actual }) =>
      scenario === 'patches' &&
      (step.startsWith('10 ') || step.startsWith('22 ')) &&
      (field === 'body.message' || field === 'body.details.causes.0.message') &&
      String(actual).includes('Invalid value: "{'),
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
    reason:
      "A patch that cannot be applied is the client's mistake: 400, where kube-apiserver answers 500 without a reason.",
    matches: ({ scenario, field, expected, actual }) =>
      scenario === 'patches' &&
      ((['status', 'body.code'].includes(field) && expected === 500 && actual === 400) ||
        (field === 'body.reason' && expected === undefined && actual === 'BadRequest')),
  },
  {
    reason: 'The refusal of a patch shows the patched object whole: its revision, and the keys in an order of its own.',
    matches: ({ scenario, field, expected, actual }) => {
      const ending = (text: unknown): string => String(text).slice(String(text).lastIndexOf('": '));
      const shown = field === 'body.message' || field === 'body.details.causes.0.message';
      return (
        scenario === 'patches' &&
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
      const refused = /may not change fields other than|is immutable after creation/.test(String(expected));
      return /message$/.test(field) && refused && before(expected) === before(actual);
    },
  },
  {
    reason: 'The annotation of a daemon set for its oldest clients is not hidden in tables and partial objects.',
    matches: ({ scenario, field, actual }) =>
      scenario === 'daemonset-apps-v1' &&
      field.endsWith('metadata.annotations') &&
      JSON.stringify(actual) === '{"deprecated.daemonset.template.generation":"1"}',
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
