// Probes and lifecycle handlers: https://kubernetes.io/docs/concepts/workloads/pods/probes/
import { httpHeaderName, portName, portNumber } from '../../names.ts';
import type { HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from '../../types.gen.ts';
import type { Findings } from '../findings.ts';

export function checkPortNumberOrName(found: Findings, field: string, port: number | string | undefined): void {
  if (typeof port === 'string') found.invalid(field, port, portName(port));
  else found.invalid(field, port ?? 0, portNumber(port ?? 0));
}

function validateHttpGet(found: Findings, field: string, get: HTTPGetAction): void {
  if (!get.path) found.required(`${field}.path`);
  checkPortNumberOrName(found, `${field}.port`, get.port);
  if (get.scheme !== 'HTTP' && get.scheme !== 'HTTPS')
    found.unsupported(`${field}.scheme`, get.scheme ?? '', ['HTTP', 'HTTPS']);
  for (const { name } of get.httpHeaders ?? []) found.invalid(`${field}.httpHeaders`, name, httpHeaderName(name));
}

type Handler = LifecycleHandler & Pick<Probe, 'grpc'>;

const handlerTypes = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;

function validateHandler(found: Findings, field: string, handler: Handler, graceSeconds: number | undefined): void {
  const [first, ...others] = handlerTypes.filter((type) => handler[type]);
  if (!first) found.required(field, 'must specify a handler type');
  const at = `${field}.${first}`;
  if (first === 'exec' && (handler.exec!.command ?? []).length === 0) found.required(`${at}.command`);
  if (first === 'httpGet') validateHttpGet(found, at, handler.httpGet!);
  if (first === 'tcpSocket') checkPortNumberOrName(found, `${at}.port`, handler.tcpSocket!.port);
  if (first === 'grpc') checkPortNumberOrName(found, `${at}.port`, handler.grpc!.port);
  if (first === 'sleep' && graceSeconds !== undefined) {
    const { seconds } = handler.sleep!;
    if (seconds < 0 || seconds > graceSeconds) {
      found.invalid(at, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`);
    }
  }
  for (const type of others) found.forbidden(`${field}.${type}`, 'may not specify more than 1 handler type');
}

function validateProbe(found: Findings, field: string, probe: Probe, graceSeconds: number | undefined): void {
  validateHandler(found, field, probe, graceSeconds);
  const numbers = [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const;
  for (const name of numbers) found.nonNegative(`${field}.${name}`, probe[name]);
  if (probe.terminationGracePeriodSeconds !== undefined && probe.terminationGracePeriodSeconds <= 0) {
    found.invalid(
      `${field}.terminationGracePeriodSeconds`,
      probe.terminationGracePeriodSeconds,
      'must be greater than 0',
    );
  }
}

export interface Probed {
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  startupProbe?: Probe;
}

export function validateProbes(
  found: Findings,
  field: string,
  container: Probed,
  graceSeconds: number | undefined,
): void {
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    const probe = container[name];
    if (!probe) continue;
    const at = `${field}.${name}`;
    validateProbe(found, at, probe, graceSeconds);
    if (name === 'readinessProbe') {
      if (probe.terminationGracePeriodSeconds !== undefined) {
        found.invalid(
          `${at}.terminationGracePeriodSeconds`,
          probe.terminationGracePeriodSeconds,
          'must not be set for readinessProbes',
        );
      }
    } else if (probe.successThreshold !== 1)
      found.invalid(`${at}.successThreshold`, probe.successThreshold ?? 0, 'must be 1');
  }
}

export function validateLifecycle(
  found: Findings,
  field: string,
  lifecycle: Lifecycle | undefined,
  graceSeconds: number | undefined,
): void {
  if (!lifecycle) return;
  if (lifecycle.postStart) validateHandler(found, `${field}.postStart`, lifecycle.postStart, graceSeconds);
  if (lifecycle.preStop) validateHandler(found, `${field}.preStop`, lifecycle.preStop, graceSeconds);
}
