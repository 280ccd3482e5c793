// What probes do besides commands and HTTP requests: a TCP connection, a gRPC health check.
// https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
import { connect } from 'node:net';
import type { GRPCAction, Pod, TCPSocketAction } from '../../core/api/types.gen.ts';
import type { AnyContainer } from '../../core/kubelet/containers.ts';
import { findContainer } from '../../core/kubelet/containers.ts';
import { Messages, RpcChannel } from '../cri/grpc.ts';

export interface HandlerResult {
  ok: boolean;
  output: string;
  /** Well, but worth telling. */
  warning?: boolean;
}

/** Number of a port that may be named. Throws. */
export function portNumber(port: number | string, pod: Pod, container: AnyContainer): number {
  const number = typeof port === 'number' ? port : /^\d+$/.test(port) ? Number(port) : undefined;
  const named = (findContainer(pod, container.name)?.container ?? container).ports?.find(
    (p) => p.name === port,
  )?.containerPort;
  const found = number ?? named;
  if (found === undefined || found <= 0 || found > 65535) throw new Error(`invalid port number: ${port}`);
  return found;
}

export function tcpConnect(
  action: TCPSocketAction,
  pod: Pod,
  container: AnyContainer,
  podIP: string,
  timeoutMs: number,
): Promise<HandlerResult> {
  return new Promise((resolve) => {
    const host = action.host || podIP;
    let port: number;
    try {
      port = portNumber(action.port, pod, container);
    } catch (error) {
      return resolve({ ok: false, output: (error as Error).message });
    }
    const socket = connect({ host, port });
    const end = (ok: boolean, output: string): void => {
      socket.destroy();
      resolve({ ok, output });
    };
    socket.setTimeout(timeoutMs, () => end(false, `dial tcp ${host}:${port}: i/o timeout`));
    socket.once('connect', () => end(true, ''));
    socket.once('error', (error) => end(false, `dial tcp ${host}:${port}: ${error.message}`));
  });
}

const health = new Messages({
  nested: {
    HealthCheckRequest: { fields: { service: { type: 'string', id: 1 } } },
    HealthCheckResponse: { fields: { status: { type: 'int32', id: 1 } } },
  },
});
const serving = 1;

/** https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
export async function grpcHealth(
  action: GRPCAction,
  podIP: string,
  timeoutMs: number,
  userAgent: string,
): Promise<HandlerResult> {
  const channel = new RpcChannel({ at: { host: podIP, port: action.port }, headers: { 'user-agent': userAgent } });
  try {
    const request = health.encode('HealthCheckRequest', { service: action.service ?? '' });
    const answer = await channel.unary('/grpc.health.v1.Health/Check', request, timeoutMs);
    const { status } = health.decode('HealthCheckResponse', answer);
    if (status === serving) return { ok: true, output: 'service healthy' };
    return { ok: false, output: `service unhealthy (responded with "${status === 2 ? 'NOT_SERVING' : 'UNKNOWN'}")` };
  } catch (error) {
    const text = `failed to connect service "${podIP}:${action.port}" within ${timeoutMs / 1000}s: ${(error as Error).message}`;
    return { ok: false, output: text };
  } finally {
    channel.close();
  }
}
