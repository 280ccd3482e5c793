// Cluster IPs and IP families of services: https://kubernetes.io/docs/concepts/services-networking/dual-stack/
import type { FieldError } from '../../errors.ts';
import type { ServiceSpec } from '../../types.gen.ts';
import { Findings } from '../findings.ts';
import { checkIp, isIpv6 } from '../ip.ts';

const families = ['IPv4', 'IPv6'];
const familyPolicies = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
const unchangeable = 'may not change once set';

/** What must hold before addresses are given to a service. */
export function clusterIpErrors(spec: ServiceSpec): FieldError[] {
  const found = new Findings();
  validateClusterIps(found, spec);
  return found.errors;
}

export function validateClusterIps(found: Findings, spec: ServiceSpec): void {
  if (spec.type === 'ExternalName') return;
  const field = 'spec.clusterIPs';
  const ips = spec.clusterIPs ?? [];
  if (spec.clusterIP) {
    if (ips.length === 0) found.required(field);
    else if (ips[0] !== spec.clusterIP) found.invalid(field, ips, 'first value must match `clusterIP`');
  } else if (ips.length > 0) found.invalid(field, ips, 'must be empty when `clusterIP` is not specified');
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    if (!families.includes(family)) found.unsupported(`spec.ipFamilies[${i}]`, family, families);
    if (spec.ipFamilies!.indexOf(family) < i) found.duplicate(`spec.ipFamilies[${i}]`, family);
  }
  const policy = spec.ipFamilyPolicy;
  if (policy !== undefined && !familyPolicies.includes(policy)) {
    found.unsupported('spec.ipFamilyPolicy', policy, familyPolicies);
  }
  if (!checkAddresses(found, field, ips)) return;
  if (ips.length > 1 && new Set(ips.map(isIpv6)).size < 2) {
    found.invalid(field, ips, 'may specify no more than one IP for each IP family');
  }
  if (ips[0] === 'None') return;
  for (const [i, ip] of ips.entries()) {
    const family = spec.ipFamilies?.[i];
    if ((family === 'IPv4' && isIpv6(ip)) || (family === 'IPv6' && !isIpv6(ip))) {
      found.invalid(`${field}[${i}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``);
    }
  }
}

/** False when an address is none, so that families need not be looked at. */
function checkAddresses(found: Findings, field: string, ips: readonly string[]): boolean {
  let good = true;
  for (const [i, ip] of ips.entries()) {
    if (i === 0 && ip === 'None') {
      if (ips.length > 1) {
        good = false;
        found.invalid(field, ips, "'None' must be the first and only value");
      }
    } else if (!checkIp(found, `${field}[${i}]`, ip)) good = false;
  }
  if (ips.length > 2) found.invalid(field, ips, 'may only hold up to 2 values');
  return good;
}

/** A first cluster IP stays; a second one may come, and go when the policy says so. */
export function validateClusterIpsUpdate(
  found: Findings,
  spec: ServiceSpec,
  old: ServiceSpec,
  isHeadless: (spec: ServiceSpec) => boolean,
): void {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return;
  const headless = isHeadless(spec);
  if (!headless || !isHeadless(old)) checkIps(found, spec, old);
  if (!headless && !isHeadless(old)) checkFamilies(found, spec, old);
}

function checkRelease(found: Findings, spec: ServiceSpec, what: string): void {
  if (spec.ipFamilyPolicy === 'SingleStack') return;
  const why = `must be set to 'SingleStack' when releasing the secondary ${what}`;
  found.invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy ?? null, why);
}

function checkIps(found: Findings, spec: ServiceSpec, old: ServiceSpec): void {
  const ips = spec.clusterIPs ?? [];
  const before = old.clusterIPs ?? [];
  if (ips.length === before.length) {
    for (const [i, ip] of before.entries()) {
      if (ip !== ips[i]) found.invalid(`spec.clusterIPs[${i}]`, ips, unchangeable);
    }
    return;
  }
  if (ips.length === 0) found.invalid('spec.clusterIPs[0]', ips, 'primary clusterIP can not be unset');
  else if (before.length > 0 && ips[0] !== before[0]) found.invalid('spec.clusterIPs[0]', ips, unchangeable);
  if (before.length > ips.length && ips.length === 1) checkRelease(found, spec, 'clusterIP');
}

function checkFamilies(found: Findings, spec: ServiceSpec, old: ServiceSpec): void {
  const now = spec.ipFamilies ?? [];
  const before = old.ipFamilies ?? [];
  const at = 'spec.ipFamilies[0]';
  if (now.length === before.length) {
    for (const [i, family] of before.entries()) if (family !== now[i]) found.invalid(at, now, unchangeable);
    return;
  }
  if (before.length > now.length && (spec.clusterIPs ?? []).length === 0) {
    found.invalid(at, now, 'primary ipFamily can not be unset');
  }
  if (now.length > 0 && before.length > 0 && now[0] !== before[0])
    found.invalid(at, spec.clusterIPs ?? null, unchangeable);
  if (before.length > now.length && now.length === 1) checkRelease(found, spec, 'ipFamily');
}
