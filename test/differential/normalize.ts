// Makes what differs from run to run symbolic: uids, times, revisions, generated names, the scenario's namespace.
import type { Answer } from './scenario.ts';

const uid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
const time = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\b/g;

/** Numbers each different value in the order of its first appearance, so that equality between fields stays visible. */
class Symbols {
  readonly #known = new Map<string, string>();
  readonly #label: string;
  constructor(label: string) {
    this.#label = label;
  }
  of(value: string): string {
    const known = this.#known.get(value);
    if (known) return known;
    const made = `<${this.#label}:${this.#known.size + 1}>`;
    this.#known.set(value, made);
    return made;
  }
}

/** Addresses that scenarios themselves write. */
const given = new Set(['10.0.0.9', '10.0.0.77']);

const listMetadata = (metadata: unknown): unknown =>
  metadata && typeof metadata === 'object' && 'resourceVersion' in metadata
    ? { ...metadata, resourceVersion: '' }
    : metadata;

export function normalize(answers: readonly Answer[], namespace: string): Answer[] {
  const uids = new Symbols('uid');
  const names = new Symbols('generated');
  const revisions = new Symbols('revision');

  const text = (value: string): string =>
    value
      .replaceAll(namespace, '{ns}')
      .replaceAll(uid, (found) => uids.of(found))
      .replaceAll(time, '<time>')
      .replaceAll(/\b(generated-)([a-z0-9]{5})\b/g, (_, prefix: string, suffix: string) => prefix + names.of(suffix))
      .replaceAll(/\bkube-api-access-[a-z0-9]{5}\b/g, 'kube-api-access-<generated>')
      .replaceAll(/\b10\.0\.\d+\.\d+\b/g, (address) => (given.has(address) ? address : '<cluster-ip>'))
      .replaceAll(/:3[012]\d{3}\//g, ':<node-port>/');

  const walk = (value: unknown, field: string): unknown => {
    if (typeof value === 'string') {
      if (field === 'resourceVersion') return value === '' || value === '0' ? value : revisions.of(value);
      if (field === 'continue') return '<continue>';
      if (field === 'token' && value.startsWith('eyJ')) return '<token>';
      // An age: a loaded machine shows a second more, and a time that a scenario itself writes grows older by the day.
      if (field === 'cells' && /^\d+(?:s|d(?:\d+h)?|y(?:\d+d)?)$/.test(value)) return '<age>';
      if (field === 'clusterIP') return value === 'None' ? value : '<cluster-ip>';
      return text(value);
    }
    if (field === 'nodePort' && typeof value === 'number') return '<node-port>';
    if (field === 'clusterIPs' && Array.isArray(value))
      return value.map((item) => (item === 'None' ? item : '<cluster-ip>'));
    if (Array.isArray(value)) return value.map((item) => walk(item, field));
    if (value === null || typeof value !== 'object') return value;
    const fields = value as Record<string, unknown>;
    // A list's revision is the store's, not an object's; a column's description is prose.
    if ('items' in fields || 'rows' in fields)
      return walkFields({ ...fields, metadata: listMetadata(fields['metadata']) });
    if (field === 'columnDefinitions') return walkFields({ ...fields, description: '' });
    return walkFields(fields);
  };
  const walkFields = (fields: Record<string, unknown>): unknown => {
    const entries = Object.entries(fields).map(([key, inner]) => [text(key), walk(inner, key)] as const);
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  return answers.map((answer) => ({
    ...answer,
    step: answer.step,
    warnings: answer.warnings.map(text),
    body: walk(answer.body, ''),
  }));
}
