// What probes and hooks do: a command in the container, an HTTP request, a TCP connection, a gRPC health check.
// https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { GRPCAction, HTTPGetAction, Pod, TCPSocketAction } from '../../core/api/types.gen.ts';
import type { AnyContainer } from '../../core/kubelet/containers.ts';
import { findContainer } from '../../core/kubelet/containers.ts';
import { Messages, RpcChannel } from '../cri/grpc.ts';

export interface HandlerResult {
  ok: boolean;
  output: string;
}

const maxBodyBytes = 10 * 1024;
const maxRedirects = 10;

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

interface HttpAnswer {
  status: number;
  statusText: string;
  location: string | undefined;
  body: string;
}

function get(url: URL, headers: Record<string, string>, timeoutMs: number): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const make = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = make(
      url,
      { headers, agent: false, rejectUnauthorized: false, signal: AbortSignal.timeout(timeoutMs) },
      (answer) => {
        let body = '';
        answer.setEncoding('utf8');
        answer.on('data', (text: string) => {
          if (body.length < maxBodyBytes) body += text;
        });
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            statusText: answer.statusMessage ?? '',
            location: answer.headers.location,
            body: body.slice(0, maxBodyBytes),
          }),
        );
      },
    );
    request.on('error', reject);
    request.end();
  });
}

/** Redirects are followed within the host only; one that leads elsewhere is a success with a warning, as in kubelet. */
export async function httpGet(
  action: HTTPGetAction,
  pod: Pod,
  container: AnyContainer,
  podIP: string,
  timeoutMs: number,
  userAgent: string,
): Promise<HandlerResult> {
  const host = action.host || podIP;
  const authority = host.includes(':') ? `[${host}]` : host;
  const scheme = (action.scheme ?? 'HTTP').toLowerCase();
  const headers: Record<string, string> = { 'User-Agent': userAgent, Accept: '*/*', Connection: 'close' };
  for (const header of action.httpHeaders ?? []) headers[header.name] = header.value;
  try {
    let url = new URL(
      `${scheme}://${authority}:${portNumber(action.port, pod, container)}/${(action.path ?? '/').replace(/^\//, '')}`,
    );
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const answer = await get(url, headers, timeoutMs);
      if (answer.status < 200 || answer.status >= 400)
        return { ok: false, output: `HTTP probe failed with statuscode: ${answer.status}` };
      if (answer.status < 300 || !answer.location) return { ok: true, output: answer.body };
      const next = new URL(answer.location, url);
      if (next.hostname !== url.hostname) return { ok: true, output: 'Probe terminated redirects' };
      url = next;
    }
    return { ok: false, output: `Get "${url}": stopped after ${maxRedirects} redirects` };
  } catch (error) {
    const timedOut = (error as Error).name === 'TimeoutError' || (error as Error).name === 'AbortError';
    const text = timedOut
      ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
      : (error as Error).message;
    return { ok: false, output: `Get "${scheme}://${authority}:${action.port}${action.path ?? '/'}": ${text}` };
  }
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
