// The API as pods find it where no address of its own stands behind the service `kubernetes`: each node answers on the service's
// address and passes requests on (agent/pod-api). docs/decisions/0013-pod-network-on-aws.md

/** On the service's own address, which every node has. The service's port leads there as to any endpoint. */
export const podApiPort = 6443;

const shortNames = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];

/** Names that pods know the API by, beside its address. */
export const podApiNames = (clusterDomain: string): string[] => [
  ...shortNames,
  `kubernetes.default.svc.${clusterDomain}`,
];

/** In whatever cluster domain. */
export const isPodApiName = (name: string): boolean =>
  shortNames.includes(name) || name.startsWith('kubernetes.default.svc.');
