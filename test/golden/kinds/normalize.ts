// Takes out of answers what both servers choose freely, and lists where Slipway answers otherwise on purpose.
import type { Json } from './cases.ts';

const allocated = new Set(['clusterIP', 'clusterIPs', 'nodePort', 'healthCheckNodePort']);

function walk(value: unknown, field: string): unknown {
  if (Array.isArray(value)) return allocated.has(field) ? `${value.length} given` : value.map((item) => walk(item, field));
  if (value === null || typeof value !== 'object') return allocated.has(field) && value !== 'None' ? 'given' : value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner, key)]));
}

/** The diff within a message shows kube-apiserver's own Go structures. */
const firstLine = (cause: string): string =>
  /may not change fields other than|immutable after creation/.test(cause) ? cause.split('\n')[0]! : cause;

export function normalAnswer(answer: Json | undefined): Json | undefined {
  if (!answer) return undefined;
  const { old: _, causes, ...rest } = answer;
  const normal = walk(rest, '') as Json;
  return causes ? { ...normal, causes: (causes as string[]).map(firstLine) } : normal;
}

/** By case: why Slipway answers otherwise, and what it answers. */
const intended: Record<string, { reason: string; answer: Json }> = {};

export const expectedOf = (name: string, answer: Json | undefined): Json | undefined => intended[name]?.answer ?? answer;
