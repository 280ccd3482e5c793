// Takes out of answers what both servers choose freely, and lists where Slipway answers otherwise on purpose.
import type { Json } from './cases.ts';

const allocated = new Set(['clusterIP', 'clusterIPs', 'nodePort', 'healthCheckNodePort']);

/** `extra` of a signing request is of the recording's certificate. */
function walk(value: unknown, field: string): unknown {
  if (Array.isArray(value)) return allocated.has(field) ? `${value.length} given` : value.map((item) => walk(item, field));
  if (value === null || typeof value !== 'object') return allocated.has(field) && value !== 'None' ? 'given' : value;
  const entries = Object.entries(value).filter(([key]) => !(field === 'spec' && key === 'extra'));
  return Object.fromEntries(entries.map(([key, inner]) => [key, walk(inner, key)]));
}

const uid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** Without what shows kube-apiserver's own Go structures: a diff of them, or a whole specification. */
function normalCause(cause: string): string {
  const text = cause.replaceAll(uid, 'UID');
  if (/may not change fields other than|immutable after creation/.test(text)) return text.split('\n')[0]!;
  return text.replace(/( spec(?:\.template)?: Invalid value: )\{.*(: field is immutable)$/, '$1…$2');
}

/** How often metadata is found bad differs from kind to kind: once is enough. */
const causesOf = (causes: readonly string[]): string[] => [...new Set(causes.map(normalCause))].sort();

export function normalAnswer(answer: Json | undefined): Json | undefined {
  if (!answer) return undefined;
  const { old: _, causes, warnings, ...rest } = answer;
  const normal = walk(rest, '') as Json;
  // kube-apiserver walks maps in no order.
  if (warnings) normal['warnings'] = String(warnings).replace(/^299 - /, '').split(', 299 - ').sort();
  return causes ? { ...normal, causes: causesOf(causes as string[]) } : normal;
}

/** By case: why Slipway finds nothing where kube-apiserver has a cause. */
const unseen: Record<string, { reason: string; cause: string }> = {
  'autoscaling/v2 HorizontalPodAutoscaler create: bad behavior': {
    reason: 'an empty list is as one that is absent',
    cause: 'FieldValueRequired spec.behavior.scaleDown.policies: Required value: must specify at least one Policy',
  },
};

export function expectedOf(name: string, answer: Json | undefined): Json | undefined {
  const missed = unseen[name]?.cause;
  return missed ? { ...answer, causes: (answer!['causes'] as string[]).filter((cause) => cause !== missed) } : answer;
}
