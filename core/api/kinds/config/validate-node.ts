import type { FieldError } from '../../errors.ts';
import { labelValue, qualifiedName } from '../../names.ts';
import type { Node, Taint } from '../../types.gen.ts';
import { Findings, sameValue } from '../findings.ts';
import { checkCidr, parseCidr } from '../ip.ts';
import { taintEffects } from '../pod/validate-scheduling.ts';
import { checkResourceValue } from '../resource-names.ts';

function validateTaints(found: Findings, field: string, taints: readonly Taint[]): void {
  const seen = new Set<string>();
  for (const [i, taint] of taints.entries()) {
    const at = `${field}[${i}]`;
    found.invalid(`${at}.key`, taint.key, qualifiedName(taint.key));
    const errors = labelValue(taint.value ?? '');
    if (errors.length > 0) found.invalid(`${at}.value`, taint.value, errors.join(';'));
    found.oneOf(`${at}.effect`, taint.effect, taintEffects);
    const id = `${taint.key}:${taint.effect}`;
    if (seen.has(id)) {
      const { key: Key, value: Value = '', effect: Effect, timeAdded } = taint;
      found.duplicate(at, { Key, Value, Effect, TimeAdded: timeAdded ?? null });
      found.errors.at(-1)!.message += ': taints must be unique by key and effect pair';
    }
    seen.add(id);
  }
}

function validateResources(found: Findings, node: Node): void {
  for (const list of ['capacity', 'allocatable'] as const) {
    for (const [name, value] of Object.entries(node.status?.[list] ?? {})) {
      checkResourceValue(found, `status.${list}.${name}`, name, value);
    }
  }
}

export function validateNode(node: Node): FieldError[] {
  const found = new Findings();
  // kube-apiserver writes the path of taints so.
  validateTaints(found, 'metadata.taints', node.spec?.taints ?? []);
  validateResources(found, node);
  const cidrs = node.spec?.podCIDRs ?? [];
  for (const [i, cidr] of cidrs.entries()) checkCidr(found, `spec.podCIDRs[${i}]`, cidr);
  const families = new Set(cidrs.map((cidr) => parseCidr(cidr)?.address.length));
  const bad = cidrs.findIndex((cidr) => !parseCidr(cidr));
  if (cidrs.length > 1 && bad >= 0) {
    const why = `invalid CIDR[${bad}]: <nil> (invalid CIDR address: ${cidrs[bad]})`;
    const detail = `Internal error: invalid PodCIDRs. failed to check with dual stack with error:${why}`;
    found.add([{ field: 'spec.podCIDRs', reason: 'InternalError', message: detail }]);
  }
  if (cidrs.length > 1 && (families.size < 2 || cidrs.length > 2)) {
    found.invalid('spec.podCIDRs', cidrs, 'may specify no more than one CIDR for each IP family');
  }
  return found.errors;
}

export function validateNodeUpdate(node: Node, old: Node): FieldError[] {
  const found = new Findings();
  validateResources(found, node);
  const addresses = node.status?.addresses ?? [];
  for (const [i, address] of addresses.entries()) {
    if (!addresses.slice(0, i).some((other) => sameValue(other, address))) continue;
    found.duplicate(`status.addresses[${i}]`, { Type: address.type, Address: address.address });
  }
  const cidrs = old.spec?.podCIDRs ?? [];
  if (cidrs.length > 0 && !sameValue(cidrs, node.spec?.podCIDRs)) {
    found.forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid');
  }
  if (old.spec?.providerID && old.spec.providerID !== node.spec?.providerID) {
    found.forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid');
  }
  validateTaints(found, 'metadata.taints', node.spec?.taints ?? []);
  if ((node.spec?.externalID ?? '') !== (old.spec?.externalID ?? ''))
    found.forbidden('spec.externalID', 'may not be updated');
  return found.errors;
}
