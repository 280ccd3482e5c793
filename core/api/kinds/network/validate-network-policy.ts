import type { FieldError } from '../../errors.ts';
import { portName, portNumber } from '../../names.ts';
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../types.gen.ts';
import { Findings } from '../findings.ts';
import { checkCidr, networkOf, parseCidr } from '../ip.ts';
import { validateLabelSelector } from '../label-selector.ts';

const policyTypes = ['Ingress', 'Egress'];

function validatePort(found: Findings, field: string, { protocol, port, endPort }: NetworkPolicyPort): void {
  if (protocol !== undefined && !['TCP', 'UDP', 'SCTP'].includes(protocol)) {
    found.unsupported(`${field}.protocol`, protocol, ['TCP', 'UDP', 'SCTP']);
  }
  const end = `${field}.endPort`;
  if (typeof port === 'number') {
    found.invalid(`${field}.port`, port, portNumber(port));
    if (endPort === undefined) return;
    if (endPort < port) found.invalid(end, port, 'must be greater than or equal to `port`');
    found.invalid(end, endPort, portNumber(endPort));
  } else if (port !== undefined) {
    if (endPort !== undefined) found.invalid(end, endPort, 'may not be specified when `port` is non-numeric');
    found.invalid(`${field}.port`, port, portName(port));
  } else if (endPort !== undefined) found.invalid(end, endPort, 'may not be specified when `port` is not specified');
}

function validateIpBlock(found: Findings, field: string, { cidr, except }: IPBlock): void {
  if (!cidr) {
    found.required(`${field}.cidr`);
    return;
  }
  checkCidr(found, `${field}.cidr`, cidr);
  const outer = parseCidr(cidr);
  if (!outer) return;
  for (const [i, text] of (except ?? []).entries()) {
    const at = `${field}.except[${i}]`;
    checkCidr(found, at, text);
    const inner = parseCidr(text);
    if (!inner) continue;
    const within = networkOf({ address: inner.address, prefix: outer.prefix }).join() === networkOf(outer).join();
    if (!within || inner.prefix <= outer.prefix || inner.address.length !== outer.address.length) {
      found.invalid(at, text, 'must be a strict subset of `cidr`');
    }
  }
}

function validatePeer(
  found: Findings,
  field: string,
  { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer,
): void {
  validateLabelSelector(found, `${field}.podSelector`, podSelector);
  validateLabelSelector(found, `${field}.namespaceSelector`, namespaceSelector);
  if (ipBlock) validateIpBlock(found, `${field}.ipBlock`, ipBlock);
  if (!podSelector && !namespaceSelector && !ipBlock) found.required(field, 'must specify a peer');
  else if (ipBlock && (podSelector || namespaceSelector)) {
    found.forbidden(field, 'may not specify both ipBlock and another peer');
  }
}

export function validateNetworkPolicy(policy: NetworkPolicy): FieldError[] {
  const found = new Findings();
  const spec = policy.spec ?? { podSelector: {} };
  validateLabelSelector(found, 'spec.podSelector', spec.podSelector);
  const rules = [
    ...(spec.ingress ?? []).map(({ ports, from }, i) => ({
      at: `spec.ingress[${i}]`,
      ports,
      peers: from,
      name: 'from',
    })),
    ...(spec.egress ?? []).map(({ ports, to }, i) => ({ at: `spec.egress[${i}]`, ports, peers: to, name: 'to' })),
  ];
  for (const { at, ports, peers, name } of rules) {
    for (const [i, port] of (ports ?? []).entries()) validatePort(found, `${at}.ports[${i}]`, port);
    for (const [i, peer] of (peers ?? []).entries()) validatePeer(found, `${at}.${name}[${i}]`, peer);
  }
  const types = spec.policyTypes ?? [];
  if (types.length > policyTypes.length) {
    found.invalid('spec.policyTypes', types, 'may not specify more than two policyTypes');
    return found.errors;
  }
  for (const [i, type] of types.entries()) {
    if (!policyTypes.includes(type)) found.unsupported(`spec.policyTypes[${i}]`, type, policyTypes);
  }
  return found.errors;
}
