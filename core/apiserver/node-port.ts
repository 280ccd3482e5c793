// Ports that services open on every node: one claim in the store for each that is in use.
// Follows https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport
import { type FieldError, StatusError } from '../api/errors.ts';
import { invalidValue } from '../api/field-errors.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Service, ServiceSpec } from '../api/types.gen.ts';
import { timestamp } from '../ports.ts';
import { claim, randomBelow, unclaim } from './claims.ts';
import type { ApiServerDeps } from './server.ts';

/** Not served: it holds the claims only. */
const resource = 'nodeports.slipway.internal';
export const defaultNodePorts = { first: 30_000, last: 32_767 };

const rangeOf = (deps: ApiServerDeps) => deps.services?.nodePorts ?? defaultNodePorts;

const ownerOf = (object: KubeObject): string => String(object['owner']);
const ownerName = (service: KubeObject): string => `${service.metadata.namespace}/${service.metadata.name}`;

/** All node ports of a service. */
export function nodePortsOf(spec: ServiceSpec | undefined): number[] {
  const ports = (spec?.ports ?? []).map((port) => port.nodePort ?? 0);
  return [...new Set([...ports, spec?.healthCheckNodePort ?? 0])].filter((port) => port > 0);
}

async function isHeld(deps: ApiServerDeps, port: number, object: KubeObject): Promise<boolean> {
  const [namespace = '', name = ''] = ownerOf(object).split('/');
  const service = (await deps.store.get('services', { namespace, name }))?.object as Service | undefined;
  return nodePortsOf(service?.spec).includes(port);
}

async function tryPort(deps: ApiServerDeps, service: KubeObject, port: number, dryRun: boolean): Promise<boolean> {
  const name = String(port);
  if (dryRun) return !(await deps.store.get(resource, { namespace: '', name }));
  const metadata = { name, creationTimestamp: timestamp(deps.clock.now()) };
  const object: KubeObject = {
    apiVersion: 'slipway.internal/v1',
    kind: 'NodePort',
    metadata,
    owner: ownerName(service),
  };
  return await claim(deps, { resource, name, object }, (standing) => isHeld(deps, port, standing));
}

/** Claims the port that the service asks for. `field` names it in what is wrong with it. */
export async function claimPort(
  deps: ApiServerDeps,
  service: KubeObject,
  port: number,
  field: string,
  dryRun: boolean,
): Promise<FieldError | undefined> {
  const { first, last } = rangeOf(deps);
  if (port < first || port > last) {
    return invalidValue(
      field,
      port,
      `provided port is not in the valid range. The range of valid ports is ${first}-${last}`,
    );
  }
  return (await tryPort(deps, service, port, dryRun))
    ? undefined
    : invalidValue(field, port, 'provided port is already allocated');
}

/** Claims any free port. Throws InternalError when all are taken. */
export async function claimAnyPort(
  deps: ApiServerDeps,
  service: KubeObject,
  not: ReadonlySet<number>,
  dryRun: boolean,
): Promise<number> {
  const { first, last } = rangeOf(deps);
  const size = last - first + 1;
  const start = randomBelow(deps, size);
  for (let tried = 0; tried < size; tried++) {
    const port = first + ((start + tried) % size);
    if (!not.has(port) && (await tryPort(deps, service, port, dryRun))) return port;
  }
  throw new StatusError('InternalError', 'failed to allocate a nodePort: range is full');
}

export const releasePort = (deps: ApiServerDeps, service: KubeObject, port: number): Promise<void> =>
  unclaim(deps, resource, String(port), (object) => ownerOf(object) === ownerName(service));
