// What the cluster gives to services when they are written, and takes back when they change or go.

import type { FieldError } from '../api/errors.ts';
import { invalid } from '../api/errors.ts';
import { invalidValue } from '../api/field-errors.ts';
import { repeats } from '../api/kinds/findings.ts';
import { clusterIpErrors } from '../api/kinds/network/validate-cluster-ips.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Service, ServiceSpec } from '../api/types.gen.ts';
import type { WriteScope } from './call.ts';
import { claimAddress, claimAnyAddress, releaseAddress } from './cluster-ip.ts';
import { claimAnyPort, claimPort, nodePortsOf, releasePort } from './node-port.ts';
import type { Release } from './server.ts';

const isService = (scope: WriteScope): boolean => scope.kind.resource === 'services';
const specOf = (object: KubeObject | undefined): ServiceSpec | undefined => (object as Service | undefined)?.spec;

const headless = 'None';
const addressesOf = (spec: ServiceSpec | undefined): string[] =>
  (spec?.clusterIPs ?? []).filter((ip) => ip && ip !== headless);

/**
 * Claims the addresses and ports that a service (new, or changed from `old`) needs and writes them into it. The claims
 * that were made come back as releases, for when the write fails after all. Throws Invalid.
 */
export async function allocate(scope: WriteScope, object: KubeObject, old: KubeObject | undefined): Promise<Release[]> {
  const spec = specOf(object);
  if (!isService(scope) || scope.subresource !== '' || !spec) return [];
  const releases: Release[] = [];
  const errors: FieldError[] = [];
  try {
    await allocateAddress(scope, object, spec, specOf(old), releases, errors);
    if (errors.length === 0) await allocatePorts(scope, object, spec, specOf(old), releases, errors);
    if (errors.length > 0) throw invalid('Service', '', object.metadata.name ?? '', errors);
  } catch (error) {
    for (const release of releases) await release();
    throw error;
  }
  return releases;
}

/** This cluster's services have one address, of IPv4. */
function familyErrors(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const noSelector = Object.keys(spec.selector ?? {}).length === 0;
  // A headless service without a selector may name any family: nothing is allocated for it.
  if (spec.clusterIP === headless && noSelector) return errors;
  if (spec.ipFamilyPolicy === 'RequireDualStack') {
    errors.push(
      invalidValue(
        'spec.ipFamilyPolicy',
        spec.ipFamilyPolicy,
        'this cluster is not configured for dual-stack services',
      ),
    );
  }
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    if (family !== 'IPv4')
      errors.push(invalidValue(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster'));
  }
  return errors;
}

async function allocateAddress(
  scope: WriteScope,
  object: KubeObject,
  spec: ServiceSpec,
  old: ServiceSpec | undefined,
  releases: Release[],
  errors: FieldError[],
): Promise<void> {
  if (spec.type === 'ExternalName') return;
  errors.push(...clusterIpErrors(spec));
  if (errors.length > 0) return;
  const noSelector = Object.keys(spec.selector ?? {}).length === 0;
  const isHeadless = spec.clusterIP === headless;
  spec.ipFamilyPolicy ??= isHeadless && noSelector ? 'RequireDualStack' : 'SingleStack';
  errors.push(...familyErrors(spec));
  if (errors.length > 0) return;
  if (!spec.ipFamilies?.length)
    spec.ipFamilies = spec.ipFamilyPolicy === 'RequireDualStack' ? ['IPv4', 'IPv6'] : ['IPv4'];
  if (isHeadless) {
    spec.clusterIPs = [headless];
    return;
  }
  const wanted = spec.clusterIP || spec.clusterIPs?.[0] || '';
  if (wanted && addressesOf(old).includes(wanted)) return;
  const { deps, dryRun } = scope;
  let address = wanted;
  if (wanted) {
    const error = await claimAddress(deps, object, wanted, dryRun);
    if (error) {
      errors.push(error);
      return;
    }
  } else address = await claimAnyAddress(deps, object, dryRun);
  if (!dryRun) releases.push(() => releaseAddress(deps, object, address));
  spec.clusterIP = address;
  spec.clusterIPs = [address];
}

async function allocatePorts(
  scope: WriteScope,
  object: KubeObject,
  spec: ServiceSpec,
  old: ServiceSpec | undefined,
  releases: Release[],
  errors: FieldError[],
): Promise<void> {
  const { deps, dryRun } = scope;
  const held = new Set(nodePortsOf(old));
  const mine = new Set(held);
  const take = (port: number): void => {
    mine.add(port);
    if (!dryRun) releases.push(() => releasePort(deps, object, port));
  };
  const opens =
    spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
  const ports = spec.ports ?? [];
  const twice = repeats(ports, ({ nodePort, protocol }) => `${protocol}/${nodePort}`);
  for (const [index, port] of ports.entries()) {
    if (port.nodePort && twice.has(index)) {
      errors.push(invalidValue(`spec.ports[${index}].nodePort`, port.nodePort, 'provided port is already allocated'));
    }
    if (!port.nodePort || mine.has(port.nodePort) || (spec.type !== 'NodePort' && spec.type !== 'LoadBalancer'))
      continue;
    const error = await claimPort(deps, object, port.nodePort, `spec.ports[${index}].nodePort`, dryRun);
    if (error) errors.push(error);
    else take(port.nodePort);
  }
  if (errors.length > 0) return;
  for (const port of opens ? ports : []) {
    if (port.nodePort) continue;
    // TCP and UDP of one port number share a node port.
    const twin = ports.find((other) => other.port === port.port && other.protocol !== port.protocol && other.nodePort);
    port.nodePort = twin?.nodePort ?? (await claimAnyPort(deps, object, mine, dryRun));
    if (!twin) take(port.nodePort);
  }
  if (spec.type !== 'LoadBalancer' || spec.externalTrafficPolicy !== 'Local') return;
  if (!spec.healthCheckNodePort) {
    spec.healthCheckNodePort = await claimAnyPort(deps, object, mine, dryRun);
    take(spec.healthCheckNodePort);
  } else if (!held.has(spec.healthCheckNodePort)) {
    const error = await claimPort(deps, object, spec.healthCheckNodePort, 'spec.healthCheckNodePort', dryRun);
    if (error) errors.push(error);
    else take(spec.healthCheckNodePort);
  }
}

/** Gives back what `old` held and `object` (undefined: it is gone) does not. The write has happened: a failure is only logged. */
export async function releaseAllocations(
  scope: WriteScope,
  old: KubeObject,
  object: KubeObject | undefined,
): Promise<void> {
  if (!isService(scope)) return;
  const kept = specOf(object);
  try {
    const addresses = new Set(addressesOf(kept));
    for (const address of addressesOf(specOf(old))) {
      if (!addresses.has(address)) await releaseAddress(scope.deps, old, address);
    }
    const ports = new Set(nodePortsOf(kept));
    for (const port of nodePortsOf(specOf(old))) if (!ports.has(port)) await releasePort(scope.deps, old, port);
  } catch (error) {
    scope.deps.log('warn', 'service.release-failed', { service: old.metadata.name, error: String(error) });
  }
}
