import type { FieldError } from '../../errors.ts';
import { dns1123Label, dns1123Subdomain, portNumber, qualifiedName } from '../../names.ts';
import type { Service, ServicePort, ServiceSpec } from '../../types.gen.ts';
import { Findings, repeats } from '../findings.ts';
import { checkCidr, checkIp, isIpv6 } from '../ip.ts';
import { validateLabels } from '../object-meta.ts';
import { protocols } from '../pod/validate-containers.ts';
import { checkPortNumberOrName } from '../pod/validate-probes.ts';
import { checkEndpointIp } from './endpoint-ip.ts';
import { isExternallyAccessible, needsHealthCheckNodePort } from './service-types.ts';
import { validateClusterIps, validateClusterIpsUpdate } from './validate-cluster-ips.ts';

const onlyLoadBalancer = "may only be used when `type` is 'LoadBalancer'";
const maxStickySeconds = 86400;
const rangesAnnotation = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

export const isHeadless = (spec: ServiceSpec): boolean =>
  spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';

function validateType(found: Findings, spec: ServiceSpec): void {
  if ((spec.ports ?? []).length === 0 && !isHeadless(spec) && spec.type !== 'ExternalName')
    found.required('spec.ports');
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && isHeadless(spec)) {
    found.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`);
  }
  if (spec.type !== 'ExternalName') return;
  for (const name of ['clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const) {
    if ((spec[name]?.length ?? 0) > 0) found.forbidden(`spec.${name}`, 'may not be set for ExternalName services');
  }
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (!name) found.required('spec.externalName');
  else found.invalid('spec.externalName', name, dns1123Subdomain(name));
}

function validatePorts(found: Findings, ports: readonly ServicePort[]): void {
  const names = new Set<string>();
  for (const [i, port] of ports.entries()) {
    const at = `spec.ports[${i}]`;
    if (!port.name) {
      if (ports.length > 1) found.required(`${at}.name`);
    } else {
      found.invalid(`${at}.name`, port.name, dns1123Label(port.name));
      if (names.has(port.name)) found.duplicate(`${at}.name`, port.name);
      names.add(port.name);
    }
    found.invalid(`${at}.port`, port.port ?? 0, portNumber(port.port ?? 0));
    found.oneOf(`${at}.protocol`, port.protocol, protocols);
    checkPortNumberOrName(found, `${at}.targetPort`, port.targetPort);
    if (port.appProtocol !== undefined)
      found.invalid(`${at}.appProtocol`, port.appProtocol, qualifiedName(port.appProtocol));
  }
}

function validateUniquePorts(found: Findings, spec: ServiceSpec): void {
  const ports = spec.ports ?? [];
  for (const [i, { nodePort }] of ports.entries()) {
    if (spec.type === 'ClusterIP' && nodePort) {
      found.forbidden(`spec.ports[${i}].nodePort`, "may not be used when `type` is 'ClusterIP'");
    }
  }
  for (const i of repeats(ports, ({ nodePort, protocol }) => `${protocol}/${nodePort}`)) {
    const { nodePort } = ports[i]!;
    if (nodePort) found.duplicate(`spec.ports[${i}].nodePort`, nodePort);
  }
  for (const i of repeats(ports, ({ port, protocol }) => `${protocol}/${port}`)) {
    const { port, protocol } = ports[i]!;
    const shown = { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
    found.duplicate(`spec.ports[${i}]`, shown);
  }
}

function validateAffinity(found: Findings, spec: ServiceSpec): void {
  found.oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']);
  if (spec.sessionAffinity !== 'ClientIP') return;
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 0;
  if (seconds > 0 && seconds <= maxStickySeconds) return;
  const why = `must be greater than 0 and less than ${maxStickySeconds}`;
  found.invalid('spec.sessionAffinityConfig.clientIP.timeoutSeconds', seconds, why);
}

function validateLoadBalancer(found: Findings, service: Service): void {
  const spec = service.spec!;
  const balanced = spec.type === 'LoadBalancer';
  const ranges = spec.loadBalancerSourceRanges ?? [];
  const annotation = service.metadata?.annotations?.[rangesAnnotation];
  if (ranges.length > 0) {
    if (!balanced) found.forbidden('spec.LoadBalancerSourceRanges', onlyLoadBalancer);
    for (const [i, range] of ranges.entries()) checkCidr(found, `spec.LoadBalancerSourceRanges[${i}]`, range.trim());
  } else if (annotation !== undefined) {
    const at = `metadata.annotations[${rangesAnnotation}]`;
    if (!balanced) found.forbidden(at, onlyLoadBalancer);
    if (annotation.trim()) for (const range of annotation.split(',')) checkCidr(found, at, range.trim());
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && !balanced) {
    found.forbidden('spec.allocateLoadBalancerNodePorts', onlyLoadBalancer);
  }
  const name = spec.loadBalancerClass;
  if (name === undefined) return;
  if (balanced) found.invalid('spec.loadBalancerClass', name, qualifiedName(name));
  else found.forbidden('spec.loadBalancerClass', onlyLoadBalancer);
}

function validateTraffic(found: Findings, spec: ServiceSpec): void {
  const external = spec.externalTrafficPolicy;
  if (!isExternallyAccessible(spec)) {
    if (external)
      found.invalid('spec.externalTrafficPolicy', external, 'may only be set for externally-accessible services');
  } else found.oneOf('spec.externalTrafficPolicy', external, ['Cluster', 'Local']);
  const check = spec.healthCheckNodePort ?? 0;
  if (!needsHealthCheckNodePort(spec)) {
    const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    if (check !== 0) found.invalid('spec.healthCheckNodePort', check, why);
  } else if (check !== 0) found.invalid('spec.healthCheckNodePort', check, portNumber(check));
  const internal = spec.internalTrafficPolicy;
  if (internal !== undefined && !['Cluster', 'Local'].includes(internal)) {
    found.unsupported('spec.internalTrafficPolicy', internal, ['Cluster', 'Local']);
  }
  const distributions = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
  const distribution = spec.trafficDistribution;
  if (distribution !== undefined && !distributions.includes(distribution)) {
    found.unsupported('spec.trafficDistribution', distribution, distributions);
  }
}

function validate(found: Findings, service: Service): void {
  const spec = service.spec!;
  const hints = service.metadata?.annotations?.['service.kubernetes.io/topology-aware-hints'];
  const mode = service.metadata?.annotations?.['service.kubernetes.io/topology-mode'];
  if (hints !== undefined && mode !== undefined && hints !== mode) {
    const why = 'must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified';
    found.invalid('metadata.annotations[service.kubernetes.io/topology-mode]', mode, why);
  }
  validateType(found, spec);
  validatePorts(found, spec.ports ?? []);
  validateLabels(found, 'spec.selector', spec.selector);
  validateAffinity(found, spec);
  validateClusterIps(found, spec);
  for (const [i, ip] of (spec.externalIPs ?? []).entries()) {
    if (checkIp(found, `spec.externalIPs[${i}]`, ip)) checkEndpointIp(found, `spec.externalIPs[${i}]`, ip);
  }
  found.oneOf('spec.type', spec.type, types);
  validateUniquePorts(found, spec);
  validateLoadBalancer(found, service);
  validateTraffic(found, spec);
}

export function validateService(service: Service): FieldError[] {
  const found = new Findings();
  validate(found, service);
  return found.errors;
}

function validateStatus(found: Findings, service: Service): void {
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  const field = 'status.loadBalancer.ingress';
  if (service.spec?.type !== 'LoadBalancer') {
    if (ingress.length > 0) found.forbidden(field, "may only be used when `spec.type` is 'LoadBalancer'");
    return;
  }
  for (const [i, { ip, ipMode, hostname }] of ingress.entries()) {
    const at = `${field}[${i}]`;
    if (ip) checkIp(found, `${at}.ip`, ip);
    if (ipMode === undefined) {
      if (ip) found.required(`${at}.ipMode`, 'must be specified when `ip` is set');
    } else if (!ip) found.forbidden(`${at}.ipMode`, 'may not be specified when `ip` is not set');
    else if (!['Proxy', 'VIP'].includes(ipMode)) found.unsupported(`${at}.ipMode`, ipMode, ['Proxy', 'VIP']);
    if (!hostname) continue;
    found.invalid(`${at}.hostname`, hostname, dns1123Subdomain(hostname));
    if (/^[\d.]+$/.test(hostname) || isIpv6(hostname)) {
      found.invalid(`${at}.hostname`, hostname, 'must be a DNS name, not an IP address');
    }
  }
}

export function validateServiceUpdate(service: Service, old: Service, subresource: string): FieldError[] {
  const found = new Findings();
  if (subresource === 'status') {
    validateStatus(found, service);
    return found.errors;
  }
  const spec = service.spec!;
  const before = old.spec!;
  validateClusterIpsUpdate(found, spec, before, isHeadless);
  if (
    spec.type === 'LoadBalancer' &&
    before.type === 'LoadBalancer' &&
    spec.loadBalancerClass !== before.loadBalancerClass
  ) {
    found.invalid('spec.loadBalancerClass', spec.loadBalancerClass ?? null, 'may not change once set');
  }
  const checked = needsHealthCheckNodePort(spec) && needsHealthCheckNodePort(before);
  if (checked && spec.healthCheckNodePort !== before.healthCheckNodePort) {
    found.forbidden('spec.healthCheckNodePort', 'field is immutable');
  }
  validate(found, service);
  return found.errors;
}
