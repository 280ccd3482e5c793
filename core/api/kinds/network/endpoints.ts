import type { CoreV1EndpointPort, Endpoints } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, nameColumn, text } from '../columns.ts';
import { validateEndpoints, validateEndpointsUpdate } from './validate-endpoints.ts';

const shownAddresses = 3;

const withPort = (ip: string, port: number): string => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

function endpointsCell(endpoints: Endpoints): string {
  const subsets = endpoints.subsets ?? [];
  if (subsets.length === 0) return '<none>';
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map((address) => address.ip)
      : ports.flatMap((port: CoreV1EndpointPort) => addresses.map((address) => withPort(address.ip, port.port))),
  );
  const shown = all.slice(0, shownAddresses).join(',');
  return all.length > shownAddresses ? `${shown} + ${all.length - shownAddresses} more...` : shown;
}

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoints-v1/ */
export const endpointsRules: Rules<Endpoints> = {
  columns: [nameColumn, text('Endpoints', endpointsCell), ageColumn],
  allowCreateOnUpdate: true,
  setDefaults(endpoints) {
    for (const subset of endpoints.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
  },
  validate: validateEndpoints,
  validateUpdate: validateEndpointsUpdate,
};
