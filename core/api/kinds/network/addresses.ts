// Addresses of services as objects: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/ip-address-v1/
import type { IPAddress, ServiceCIDR } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, nameColumn, text } from '../columns.ts';
import {
  ipAddressName,
  validateIpAddress,
  validateIpAddressUpdate,
  validateServiceCidr,
  validateServiceCidrUpdate,
} from './validate-addresses.ts';

function parentCell(address: IPAddress): string {
  const parent = address.spec?.parentRef;
  if (!parent) return '<none>';
  const resource = (parent.group ? `${parent.resource ?? ''}.${parent.group}` : (parent.resource ?? '')).toLowerCase();
  return [resource, parent.namespace, parent.name].filter(Boolean).join('/');
}

export const ipAddressRules: Rules<IPAddress> = {
  fieldLabels: {},
  columns: [nameColumn, text('ParentRef', parentCell)],
  validateName: ipAddressName,
  validate: validateIpAddress,
  validateUpdate: validateIpAddressUpdate,
};

export const serviceCidrRules: Rules<ServiceCIDR> = {
  columns: [nameColumn, text('CIDRs', (cidr) => (cidr.spec?.cidrs ?? []).join(',')), ageColumn],
  resetMetaForStatus: true,
  validate: validateServiceCidr,
  validateUpdate: validateServiceCidrUpdate,
};
