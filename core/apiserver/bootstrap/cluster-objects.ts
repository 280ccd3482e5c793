// What every cluster holds from its first moment besides roles: namespaces, priority classes, flow control, the service
// `kubernetes`, and how to find the cluster.
import { copyJson } from '../../api/json-value.ts';
import type { KubeObject } from '../../api/objects.ts';
import { timestamp } from '../../ports.ts';
import flowControl from './flow-control.json' with { type: 'json' };

export interface BootstrapOptions {
  /**
   * Where pods reach the API: the endpoint of the service `kubernetes`. Its address may be the service's own, where nodes answer
   * on it. Without one the service stands with its address and no endpoint.
   */
  endpoint?: { ip: string; port: number };
  /** First address of the service range. */
  serviceIp: string;
  serviceCidrs: readonly string[];
  /** On which the nodes answer DNS; without it there is no service `kube-dns`. */
  dnsIp?: string;
  /** Public facts for those who join: the address from outside, and the authority's certificate (PEM). */
  clusterInfo?: {
    server: string;
    caPem: string;
    /** The server shows a certificate that everybody trusts, not one of the cluster's own authority. */
    publiclyTrusted?: boolean;
  };
  /** Anybody may read the issuer's public keys, so that others can check service account tokens. */
  publicIssuer?: boolean;
}

export const defaultNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const;

export const namespaceObject = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
  spec: { finalizers: ['kubernetes'] },
  status: { phase: 'Active' },
});

const priorityClass = (name: string, value: number, description: string): KubeObject => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name, generation: 1 },
  value,
  description,
  preemptionPolicy: 'PreemptLowerPriority',
});

export const systemPriorityClasses = (): KubeObject[] => [
  priorityClass(
    'system-cluster-critical',
    2_000_000_000,
    'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  ),
  priorityClass(
    'system-node-critical',
    2_000_001_000,
    'Used for system critical pods that must not be moved from their current node.',
  ),
];

export const flowControlObjects = (): KubeObject[] => copyJson(flowControl) as unknown as KubeObject[];

const named = (name: string): KubeObject['metadata'] => ({ namespace: 'default', name });

/** The service through which pods find the API. */
export function kubernetesService({ endpoint, serviceIp }: BootstrapOptions): KubeObject[] {
  const family = serviceIp.includes(':') ? 'IPv6' : 'IPv4';
  const service: KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...named('kubernetes'), labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      clusterIP: serviceIp,
      clusterIPs: [serviceIp],
      internalTrafficPolicy: 'Cluster',
      ipFamilies: [family],
      ipFamilyPolicy: 'SingleStack',
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: endpoint?.port ?? 443 }],
      sessionAffinity: 'None',
      type: 'ClusterIP',
    },
    status: { loadBalancer: {} },
  };
  return [service, addressOf(service, serviceIp), ...kubernetesEndpoints(endpoint)];
}

/** The claim to a service's cluster address. */
const addressOf = ({ metadata: { namespace, name } }: KubeObject, ip: string): KubeObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IPAddress',
  metadata: {
    name: ip,
    labels: {
      'ipaddress.kubernetes.io/ip-family': ip.includes(':') ? 'IPv6' : 'IPv4',
      'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
    },
  },
  spec: { parentRef: { resource: 'services', namespace, name } },
});

/**
 * The service by which users and tools find the cluster's DNS. Nothing is behind it: every node answers on its address itself, and
 * the address must be nobody else's. Its names are those that the usual add-on has.
 */
export function dnsService(ip: string): [service: KubeObject, address: KubeObject] {
  const service: KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      namespace: 'kube-system',
      name: 'kube-dns',
      labels: {
        'k8s-app': 'kube-dns',
        'kubernetes.io/cluster-service': 'true',
        'kubernetes.io/name': 'KubeDNS',
      },
    },
    spec: {
      clusterIP: ip,
      clusterIPs: [ip],
      internalTrafficPolicy: 'Cluster',
      ipFamilies: [ip.includes(':') ? 'IPv6' : 'IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
        { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
      ],
      sessionAffinity: 'None',
      type: 'ClusterIP',
    },
    status: { loadBalancer: {} },
  };
  return [service, addressOf(service, ip)];
}

/** Kept in step with the address that is handed in, whoever changed them. */
export function kubernetesEndpoints(endpoint: BootstrapOptions['endpoint']): KubeObject[] {
  const { ip = '', port = 443 } = endpoint ?? {};
  const subset = { addresses: [{ ip }], ports: [{ name: 'https', port, protocol: 'TCP' }] };
  return [
    {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { ...named('kubernetes'), labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
      subsets: endpoint ? [subset] : [],
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...named('kubernetes'), labels: { 'kubernetes.io/service-name': 'kubernetes' } },
      addressType: ip.includes(':') ? 'IPv6' : 'IPv4',
      endpoints: endpoint ? [{ addresses: [ip], conditions: { ready: true } }] : [],
      ports: [{ name: 'https', port, protocol: 'TCP' }],
    },
  ];
}

export const serviceCidr = ({ serviceCidrs }: BootstrapOptions, nowMs: number): KubeObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  metadata: { name: 'kubernetes' },
  spec: { cidrs: [...serviceCidrs] },
  status: {
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        lastTransitionTime: timestamp(nowMs),
        reason: '',
        message: 'Kubernetes default Service CIDR is ready',
      },
    ],
  },
});

/** The document of the issuer and its keys, for everybody: nothing in them is secret. */
export const publicIssuerBinding = (): KubeObject => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'slipway:public-service-account-issuer' },
  roleRef: {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: 'ClusterRole',
    name: 'system:service-account-issuer-discovery',
  },
  subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'system:unauthenticated' }],
});

/** kube-public/cluster-info: a kubeconfig without a user. */
export function clusterInfo({
  server,
  caPem,
  publiclyTrusted,
}: NonNullable<BootstrapOptions['clusterInfo']>): KubeObject {
  const kubeconfig = [
    'apiVersion: v1',
    'clusters:',
    '- cluster:',
    ...(publiclyTrusted ? [] : [`    certificate-authority-data: ${btoa(caPem)}`]),
    `    server: ${server}`,
    '  name: ""',
    'contexts: null',
    'current-context: ""',
    'kind: Config',
    'users: null',
    '',
  ].join('\n');
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'kube-public', name: 'cluster-info' },
    data: { kubeconfig },
  };
}

/** kube-system/extension-apiserver-authentication: the authority that a server behind the API verifies clients with. */
export const clientAuthority = (caPem: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'kube-system', name: 'extension-apiserver-authentication' },
  data: { 'client-ca-file': caPem },
});
