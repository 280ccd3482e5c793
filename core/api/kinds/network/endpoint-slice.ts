import type { EndpointSlice } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, nameColumn, text } from '../columns.ts';
import { validateEndpointSlice, validateEndpointSliceUpdate } from './validate-endpoints.ts';

const shownEntries = 3;

function listCell(entries: readonly string[]): string {
  const shown = entries.slice(0, shownEntries).join(',');
  if (entries.length > shownEntries) return `${shown} + ${entries.length - shownEntries} more...`;
  return shown || '<unset>';
}

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/ */
export const endpointSliceRules: Rules<EndpointSlice> = {
  columns: [
    nameColumn,
    text('AddressType', (slice) => slice.addressType ?? ''),
    text('Ports', (slice) =>
      listCell((slice.ports ?? []).map((port) => (port.port === undefined ? (port.name ?? '*') : String(port.port)))),
    ),
    text('Endpoints', (slice) => listCell((slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? []))),
    ageColumn,
  ],
  generation: ({ metadata, apiVersion: _version, kind: _kind, ...rest }) => [rest, metadata?.labels],
  setDefaults(slice) {
    for (const port of slice.ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  validate: validateEndpointSlice,
  validateUpdate: validateEndpointSliceUpdate,
};
