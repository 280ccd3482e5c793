// Which objects a list, watch or deletecollection is about.
import { badRequest } from '../api/errors.ts';
import { goQuote } from '../api/field-errors.ts';
import type { Kind } from '../api/kinds/kind.ts';
import type { KubeObject } from '../api/objects.ts';
import {
  type FieldSelector,
  matchesFields,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
  type Selector,
  SelectorError,
} from '../api/selectors.ts';

export interface Selection {
  /** True: there is no selector at all. */
  everything: boolean;
  /** The one name that can match, when the field selector demands it. */
  name: string | undefined;
  matches(object: KubeObject): boolean;
}

function parse<T>(text: string, parser: (text: string) => T): T {
  try {
    return parser(text);
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(error.message);
    throw error;
  }
}

const metadataLabels = ['metadata.name', 'metadata.namespace'];

function checkLabels(kind: Kind, selector: FieldSelector): void {
  for (const { field } of selector) {
    if (field === 'metadata.name' || kind.fieldLabelNames.includes(field)) continue;
    // Cluster-scoped kinds with field labels of their own (nodes, persistent volumes) do not know the namespace's.
    if (field === 'metadata.namespace' && (kind.namespaced || kind.fieldLabelNames.length === 0)) continue;
    throw badRequest(
      kind.fieldLabelNames.length > 0
        ? `field label not supported: ${field}`
        : `${goQuote(field)} is not a known field selector: only ${metadataLabels.map(goQuote).join(', ')}`,
    );
  }
}

/** Throws BadRequest for selectors that do not parse and for field labels that the kind does not have. */
export function selectionOf(kind: Kind, labelSelector: string, fieldSelector: string): Selection {
  const labels: Selector = labelSelector ? parse(labelSelector, parseLabelSelector) : [];
  const fields: FieldSelector = fieldSelector ? parse(fieldSelector, parseFieldSelector) : [];
  checkLabels(kind, fields);
  const own = fields.filter(({ field }) => !metadataLabels.includes(field));
  const metadata = fields.filter(({ field }) => metadataLabels.includes(field));
  const name = metadata.find(({ field, operator }) => field === 'metadata.name' && operator === '=')?.value;
  return {
    everything: labels.length === 0 && fields.length === 0,
    name: name || undefined,
    matches(object) {
      const { metadata: meta } = object;
      if (labels.length > 0 && !matchesLabels(labels, meta.labels)) return false;
      for (const { field, operator, value } of metadata) {
        const actual = (field === 'metadata.name' ? meta.name : meta.namespace) ?? '';
        if ((actual === value) !== (operator === '=')) return false;
      }
      return (
        own.length === 0 || matchesFields(own, kind.fieldLabels(kind.fromStorage ? kind.fromStorage(object) : object))
      );
    },
  };
}
