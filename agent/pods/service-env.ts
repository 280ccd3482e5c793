// Environment variables of services: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
import type { Service } from '../../core/api/types.gen.ts';

const upper = (name: string): string => name.toUpperCase().replaceAll('-', '_');

function variablesOf(service: Service, into: Map<string, string>): void {
  const ip = service.spec?.clusterIP;
  const ports = service.spec?.ports ?? [];
  if (!ip || ip === 'None' || ports.length === 0) return;
  const prefix = upper(service.metadata?.name ?? '');
  const host = ip.includes(':') ? `[${ip}]` : ip;
  into.set(`${prefix}_SERVICE_HOST`, ip);
  into.set(`${prefix}_SERVICE_PORT`, String(ports[0]!.port));
  for (const port of ports) if (port.name) into.set(`${prefix}_SERVICE_PORT_${upper(port.name)}`, String(port.port));
  for (const [index, port] of ports.entries()) {
    const protocol = port.protocol ?? 'TCP';
    const url = `${protocol.toLowerCase()}://${host}:${port.port}`;
    const each = `${prefix}_PORT_${port.port}_${protocol}`;
    if (index === 0) into.set(`${prefix}_PORT`, url);
    into.set(each, url);
    into.set(`${each}_PROTO`, protocol.toLowerCase());
    into.set(`${each}_PORT`, String(port.port));
    into.set(`${each}_ADDR`, ip);
  }
}

/** Of all services of the pod's namespace (unless it does not want links), and always of the API itself. */
export function serviceEnvironment(
  services: Iterable<Service>,
  namespace: string,
  links: boolean,
): Map<string, string> {
  const variables = new Map<string, string>();
  const isApi = (s: Service): boolean => s.metadata?.namespace === 'default' && s.metadata.name === 'kubernetes';
  const all = [...services];
  const own = all.filter((s) => s.metadata?.namespace === namespace);
  const named = new Set(own.map((s) => s.metadata?.name));
  const api = all.find(isApi);
  if (api && !(links && named.has('kubernetes'))) variablesOf(api, variables);
  if (links) for (const service of own) variablesOf(service, variables);
  return variables;
}
