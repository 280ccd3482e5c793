import type { FieldError } from '../../errors.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  pathSegmentName,
  portName,
  portNumber,
  wildcardDns1123Subdomain,
} from '../../names.ts';
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressClass,
  IngressClassParametersReference,
  TypedLocalObjectReference,
} from '../../types.gen.ts';
import { byteLength, Findings } from '../findings.ts';
import { checkIp, parseAddress } from '../ip.ts';
import { checkDomainPath } from './domain-path.ts';

const maxControllerBytes = 250;
const noIp = 'must be a DNS name, not an IP address';
const classAnnotation = 'kubernetes.io/ingress.class';

const hostRule = (host: string) => (host.includes('*') ? wildcardDns1123Subdomain(host) : dns1123Subdomain(host));

function checkReference(
  found: Findings,
  field: string,
  reference: TypedLocalObjectReference | IngressClassParametersReference,
): void {
  if (reference.apiGroup !== undefined)
    found.invalid(`${field}.apiGroup`, reference.apiGroup, dns1123Subdomain(reference.apiGroup));
  for (const name of ['kind', 'name'] as const) {
    if (!reference[name]) found.required(`${field}.${name}`);
    else found.invalid(`${field}.${name}`, reference[name], pathSegmentName(reference[name]));
  }
}

function validateBackend(found: Findings, field: string, { resource, service }: IngressBackend): void {
  if (resource && service) found.invalid(field, '', 'cannot set both resource and service backends');
  else if (resource) checkReference(found, `${field}.resource`, resource);
  else if (service) {
    if (!service.name) found.required(`${field}.service.name`);
    else found.invalid(`${field}.service.name`, service.name, dns1123Label(service.name));
    const { name, number } = service.port ?? {};
    if (name && number) found.invalid(field, '', 'cannot set both port name & port number');
    else if (name) found.invalid(`${field}.service.port.name`, name, portName(name));
    else if (number) found.invalid(`${field}.service.port.number`, number, portNumber(number));
    else found.required(field, 'port name or number is required');
  } else found.invalid(field, '', 'resource or service backend is required');
}

function validatePath(found: Findings, field: string, rule: HTTPIngressPath): void {
  const { path = '', pathType } = rule;
  if (!pathType) {
    found.required(`${field}.pathType`, 'pathType must be specified');
    return;
  }
  const strict = pathType === 'Exact' || pathType === 'Prefix';
  if (strict || pathType === 'ImplementationSpecific') {
    if (!path.startsWith('/') && (strict || path)) found.invalid(`${field}.path`, path, 'must be an absolute path');
  } else found.unsupported(`${field}.pathType`, pathType, ['Exact', 'ImplementationSpecific', 'Prefix']);
  if (strict) {
    for (const part of ['//', '/./', '/../', '%2f', '%2F']) {
      if (path.includes(part)) found.invalid(`${field}.path`, path, `must not contain '${part}'`);
    }
    for (const end of ['/..', '/.'])
      if (path.endsWith(end)) found.invalid(`${field}.path`, path, `cannot end with '${end}'`);
  }
  validateBackend(found, `${field}.backend`, rule.backend ?? {});
}

export function validateIngress(ingress: Ingress): FieldError[] {
  const found = new Findings();
  validateSpec(found, ingress);
  const annotation = ingress.metadata?.annotations?.[classAnnotation];
  const name = ingress.spec?.ingressClassName;
  if (annotation !== undefined && name !== undefined && annotation !== name) {
    const why = 'must match `ingressClassName` when both are specified';
    found.invalid(`annotations.${classAnnotation}`, annotation, why);
  }
  return found.errors;
}

function validateSpec(found: Findings, ingress: Ingress): void {
  const spec = ingress.spec ?? {};
  const rules = spec.rules ?? [];
  if (rules.length === 0 && !spec.defaultBackend) {
    found.invalid('spec', spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified');
  }
  if (spec.defaultBackend) validateBackend(found, 'spec.defaultBackend', spec.defaultBackend);
  for (const [i, { host, http }] of rules.entries()) {
    const at = `spec.rules[${i}]`;
    if (host) {
      if (parseAddress(host)) found.invalid(`${at}.host`, host, noIp);
      found.invalid(`${at}.host`, host, hostRule(host));
    }
    if (http && (http.paths ?? []).length === 0) found.required(`${at}.http.paths`);
    for (const [j, path] of (http?.paths ?? []).entries()) validatePath(found, `${at}.http.paths[${j}]`, path);
  }
  for (const [i, { hosts, secretName }] of (spec.tls ?? []).entries()) {
    for (const [j, host] of (hosts ?? []).entries()) found.invalid(`spec.tls[${i}].hosts[${j}]`, host, hostRule(host));
    if (secretName) found.invalid(`spec.tls[${i}].secretName`, secretName, dns1123Subdomain(secretName));
  }
  const name = spec.ingressClassName;
  if (name !== undefined) found.invalid('spec.ingressClassName', name, dns1123Subdomain(name));
}

export function validateIngressUpdate(ingress: Ingress, _old: Ingress, subresource: string): FieldError[] {
  const found = new Findings();
  if (subresource !== 'status') {
    validateSpec(found, ingress);
    return found.errors;
  }
  for (const [i, { ip, hostname }] of (ingress.status?.loadBalancer?.ingress ?? []).entries()) {
    const at = `status.loadBalancer.ingress[${i}]`;
    if (ip) checkIp(found, `${at}.ip`, ip);
    if (!hostname) continue;
    found.invalid(`${at}.hostname`, hostname, dns1123Subdomain(hostname));
    if (parseAddress(hostname)) found.invalid(`${at}.hostname`, hostname, noIp);
  }
  return found.errors;
}

export function validateIngressClass(ingressClass: IngressClass): FieldError[] {
  const found = new Findings();
  const { controller = '', parameters } = ingressClass.spec ?? {};
  if (byteLength(controller) > maxControllerBytes) found.tooLong('spec.controller', maxControllerBytes);
  checkDomainPath(found, 'spec.controller', controller);
  if (!parameters) return found.errors;
  const at = 'spec.parameters';
  checkReference(found, at, parameters);
  const { scope, namespace } = parameters;
  if (!scope) found.required(`${at}.scope`);
  else if (scope !== 'Cluster' && scope !== 'Namespace')
    found.unsupported(`${at}.scope`, scope, ['Cluster', 'Namespace']);
  else if (scope === 'Namespace') {
    if (namespace === undefined) found.required(`${at}.namespace`, "`parameters.scope` is set to 'Namespace'");
    else found.invalid(`${at}.namespace`, namespace, dns1123Label(namespace));
  } else if (namespace !== undefined) found.forbidden(`${at}.namespace`, "`parameters.scope` is set to 'Cluster'");
  return found.errors;
}

export function validateIngressClassUpdate(ingressClass: IngressClass, old: IngressClass): FieldError[] {
  const found = new Findings();
  found.unchanged('spec.controller', ingressClass.spec?.controller, old.spec?.controller);
  found.add(validateIngressClass(ingressClass));
  return found.errors;
}
