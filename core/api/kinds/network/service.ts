import { dns1123Label } from '../../names.ts';
import type { Service, ServicePort, ServiceSpec } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, formatLabels, nameColumn, text, wide } from '../columns.ts';
import { sameValue } from '../findings.ts';
import { isExternallyAccessible, needsClusterIp, needsHealthCheckNodePort, needsNodePorts } from './service-types.ts';
import { serviceWarnings } from './service-warnings.ts';
import { validateService, validateServiceUpdate } from './validate-service.ts';

const stickySeconds = 10800;

function setDefaults(service: Service): void {
  service.spec ??= {};
  const spec = service.spec;
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: stickySeconds } };
  }
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (!port.targetPort) port.targetPort = port.port;
  }
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') {
    spec.allocateLoadBalancerNodePorts ??= true;
    for (const ingress of service.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
  }
}

/** One is the other's first entry; who sets the older field alone means both. Not a default: nobody is said to have set it. */
function fillClusterIps(spec: ServiceSpec): void {
  if (spec.clusterIP && spec.clusterIPs === undefined) spec.clusterIPs = [spec.clusterIP];
}

/** Who changes the older field alone means both. */
function followClusterIp(spec: ServiceSpec, old: ServiceSpec): void {
  if ((spec.clusterIP ?? '') === (old.clusterIP ?? '') || !sameValue(spec.clusterIPs, old.clusterIPs)) return;
  if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP];
  else delete spec.clusterIPs;
}

/** What the cluster assigned and the caller left out stays as it was. */
function keepAssigned(spec: ServiceSpec, old: ServiceSpec): void {
  if (needsClusterIp(old) && needsClusterIp(spec)) {
    if (!spec.clusterIP) {
      if (old.clusterIP) spec.clusterIP = old.clusterIP;
      if ((spec.clusterIPs ?? []).length === 0 && old.clusterIPs) spec.clusterIPs = [...old.clusterIPs];
    }
    spec.ipFamilies ??= old.ipFamilies;
    spec.ipFamilyPolicy ??= old.ipFamilyPolicy;
  }
  if (needsNodePorts(old) && needsNodePorts(spec)) keepNodePorts(spec.ports ?? [], old.ports ?? []);
  if (needsHealthCheckNodePort(old) && needsHealthCheckNodePort(spec)) {
    spec.healthCheckNodePort ||= old.healthCheckNodePort;
  }
}

function keepNodePorts(ports: ServicePort[], old: ServicePort[]): void {
  const keyOf = (port: ServicePort) => `${port.protocol}/${port.port}`;
  const before = new Map(old.filter((port) => port.nodePort).map((port) => [keyOf(port), port.nodePort!]));
  const used = new Set(ports.map((port) => port.nodePort).filter(Boolean));
  for (const port of ports) {
    const nodePort = before.get(keyOf(port));
    if (port.nodePort || !nodePort || used.has(nodePort)) continue;
    port.nodePort = nodePort;
    used.add(nodePort);
  }
}

/** A change of type drops what only the former type has, unless the caller changed that too. */
function dropOfFormerType(spec: ServiceSpec, old: ServiceSpec): void {
  const drop = (field: keyof ServiceSpec, had: boolean, has: boolean): void => {
    if (had && !has && sameValue(spec[field], old[field])) delete spec[field];
  };
  const had = needsClusterIp(old);
  const has = needsClusterIp(spec);
  if (had && !has && sameValue(spec.clusterIP, old.clusterIP) && sameValue(spec.clusterIPs, old.clusterIPs)) {
    delete spec.clusterIP;
    delete spec.clusterIPs;
  }
  drop('ipFamilies', had, has);
  drop('ipFamilyPolicy', had, has);
  const nodePorts = (ports: ServicePort[] | undefined) => (ports ?? []).map((port) => port.nodePort ?? 0);
  if (needsNodePorts(old) && !needsNodePorts(spec) && sameValue(nodePorts(spec.ports), nodePorts(old.ports))) {
    for (const port of spec.ports ?? []) delete port.nodePort;
  }
  drop('healthCheckNodePort', needsHealthCheckNodePort(old), needsHealthCheckNodePort(spec));
  drop('allocateLoadBalancerNodePorts', old.type === 'LoadBalancer', spec.type === 'LoadBalancer');
  drop('loadBalancerClass', old.type === 'LoadBalancer', spec.type === 'LoadBalancer');
  drop('internalTrafficPolicy', old.type !== 'ExternalName', spec.type !== 'ExternalName');
  drop('externalTrafficPolicy', isExternallyAccessible(old), isExternallyAccessible(spec));
}

function externalIpCell({ spec, status }: Service): string {
  const external = spec?.externalIPs ?? [];
  if (spec?.type === 'ExternalName') return spec.externalName ?? '';
  if (spec?.type !== 'LoadBalancer') return external.length > 0 ? external.join(',') : '<none>';
  const ingress = (status?.loadBalancer?.ingress ?? [])
    .map((point) => point.ip || point.hostname || '')
    .filter(Boolean);
  const all = [...[...new Set(ingress)].sort(), ...external];
  return all.length > 0 ? all.join(',') : '<pending>';
}

const portsCell = (ports: ServicePort[] | undefined): string =>
  (ports ?? []).map((p) => `${p.port}${p.nodePort ? `:${p.nodePort}` : ''}/${p.protocol}`).join(',') || '<none>';

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/ */
export const serviceRules: Rules<Service> = {
  fieldLabels: {
    'spec.clusterIP': (service) => service.spec?.clusterIP,
    'spec.type': (service) => service.spec?.type,
  },
  columns: [
    nameColumn,
    text('Type', (service) => service.spec?.type ?? ''),
    text('Cluster-IP', ({ spec }) => spec?.clusterIPs?.[0] || spec?.clusterIP || '<none>'),
    text('External-IP', externalIpCell),
    text('Port(s)', (service) => portsCell(service.spec?.ports)),
    ageColumn,
    wide('Selector', (service) => formatLabels(service.spec?.selector)),
  ],
  validateName: dns1123Label,
  allowCreateOnUpdate: true,
  warnings: (service) => [...serviceWarnings(service)],
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  newStatus: () => ({ loadBalancer: {} }),
  setDefaults,
  prepareForCreate(service) {
    if (service.spec) fillClusterIps(service.spec);
  },
  prepareForUpdate(service, old, _context, subresource) {
    if (subresource === 'status' || !service.spec || !old.spec) return;
    fillClusterIps(service.spec);
    followClusterIp(service.spec, old.spec);
    keepAssigned(service.spec, old.spec);
    dropOfFormerType(service.spec, old.spec);
    if (service.spec.type !== 'LoadBalancer') service.status = { ...service.status, loadBalancer: {} };
  },
};
