// IP addresses and service CIDRs as objects.
import type { FieldError } from '../../errors.ts';
import { dns1123Subdomain, pathSegmentName } from '../../names.ts';
import type { IPAddress, ServiceCIDR } from '../../types.gen.ts';
import { Findings, immutable } from '../findings.ts';
import { checkCidr, checkIp, parseCidr } from '../ip.ts';

/** The name of an address object is the address. */
export function ipAddressName(name: string): string[] {
  const found = new Findings();
  checkIp(found, '', name, true);
  return found.errors.map((error) => error.message.slice(`Invalid value: ${JSON.stringify(name)}: `.length));
}

export function validateIpAddress(address: IPAddress): FieldError[] {
  const found = new Findings();
  const parent = address.spec?.parentRef;
  const at = 'spec.parentRef';
  if (!parent) {
    found.required(at);
    return found.errors;
  }
  if (parent.group) found.invalid(`${at}.group`, parent.group, dns1123Subdomain(parent.group));
  for (const name of ['resource', 'name'] as const) {
    if (!parent[name]) found.required(`${at}.${name}`);
    else found.invalid(`${at}.${name}`, parent[name], pathSegmentName(parent[name]));
  }
  if (parent.namespace) found.invalid(`${at}.namespace`, parent.namespace, pathSegmentName(parent.namespace));
  return found.errors;
}

export function validateIpAddressUpdate(address: IPAddress, old: IPAddress): FieldError[] {
  const found = new Findings();
  found.unchanged('spec.parentRef', address.spec?.parentRef, old.spec?.parentRef);
  return found.errors;
}

export function validateServiceCidr({ spec }: ServiceCIDR): FieldError[] {
  const found = new Findings();
  const at = 'spec.cidrs';
  const cidrs = spec?.cidrs ?? [];
  if (cidrs.length === 0) found.required(at, 'at least one CIDR required');
  else if (cidrs.length > 2) found.invalid(at, { CIDRs: cidrs }, 'may only hold up to 2 values');
  else {
    for (const [i, cidr] of cidrs.entries()) checkCidr(found, `${at}[${i}]`, cidr, true);
    const [first, second] = cidrs.map((cidr) => parseCidr(cidr)?.address.length);
    if (cidrs.length === 2 && first !== undefined && first === second) {
      const why = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
      found.invalid(at, cidrs, why);
    }
  }
  return found.errors;
}

export function validateServiceCidrUpdate(cidr: ServiceCIDR, old: ServiceCIDR, subresource: string): FieldError[] {
  const found = new Findings();
  if (subresource === 'status') return [];
  const now = cidr.spec?.cidrs ?? [];
  const before = old.spec?.cidrs ?? [];
  if (now.length !== before.length && !(before.length === 1 && now.length === 2)) {
    found.invalid('spec.cidrs', now, immutable);
    return found.errors;
  }
  for (const [i, value] of before.entries()) if (value !== now[i]) found.invalid(`spec.cidrs[${i}]`, now[i], immutable);
  if (now.length !== before.length) found.add(validateServiceCidr(cidr));
  return found.errors;
}
