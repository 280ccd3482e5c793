// /podProxy/NAMESPACE/POD/SCHEME/PORT/PATH: HTTP from the control plane to a pod, through its node. The control plane has no way
// of its own into the pod network. https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ServerPort } from '../server-port.ts';
import { ServingError } from './serving-error.ts';
import { join } from './splice.ts';

const shape = /^\/podProxy\/([^/]+)\/([^/]+)\/(http|https)\/(\d+)(\/[^?]*)?(\?.*)?$/;
/** Headers that are about one connection; the next hop makes its own. */
const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'host']);
const connectTimeoutMs = 30_000;

export const isPodProxy = (path: string | undefined): boolean => path?.startsWith('/podProxy/') ?? false;

interface Target {
  secure: boolean;
  options: { host: string; port: number; path: string };
}

/** Throws ServingError for a path that names no pod of this node with an address. */
function targetOf(port: ServerPort, path: string): Target {
  const parts = shape.exec(path);
  if (!parts) throw new ServingError(404, `404 page not found: ${path}`);
  const [, namespace = '', name = '', scheme, number, rest = '/', query = ''] = parts;
  const served = port.pod(namespace, name);
  if (!served) throw new ServingError(404, `pod "${name}" not found in namespace "${namespace}"`);
  // As this node has seen it: an address that somebody wrote into the pod's status leads nowhere.
  const host = served.podIP;
  if (!host) throw new ServingError(503, `pod "${name}" has no address yet`);
  return { secure: scheme === 'https', options: { host, port: Number(number), path: `${rest}${query}` } };
}

function dial(target: Target, request: IncomingMessage, keepConnection: boolean) {
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(
      ([name]) => (keepConnection && name === 'connection') || !hopByHop.has(name),
    ),
  );
  const options = { ...target.options, method: request.method, headers, timeout: connectTimeoutMs };
  // Pods make up their certificates: kube-apiserver does not check them either.
  return target.secure ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options);
}

export async function servePodProxy(
  port: ServerPort,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = targetOf(port, request.url ?? '');
  const outgoing = dial(target, request, false);
  response.on('close', () => outgoing.destroy());
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const failed = (error: Error) =>
      reject(
        new ServingError(
          503,
          `error trying to reach service: dial tcp ${target.options.host}:${target.options.port}: ${error.message}`,
        ),
      );
    outgoing.on('response', resolve);
    outgoing.on('error', failed);
    outgoing.on('timeout', () => outgoing.destroy(new Error('connection timed out')));
    pipeline(request, outgoing).catch(failed);
  });
  outgoing.setTimeout(0);
  const headers = Object.entries(answer.headers).filter(([name]) => !hopByHop.has(name));
  response.writeHead(answer.statusCode ?? 502, Object.fromEntries(headers));
  await pipeline(answer, response).catch(() => response.destroy());
}

/** A connection that changes its protocol (a WebSocket of the application's own) is joined byte for byte. */
export function splicePodProxy(
  port: ServerPort,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const target = targetOf(port, request.url ?? '');
  const outgoing = dial(target, request, true);
  return new Promise((resolve, reject) => {
    outgoing.on('error', (error) => reject(new ServingError(503, `error trying to reach service: ${error.message}`)));
    outgoing.on('response', (answer) => {
      answer.resume();
      reject(new ServingError(answer.statusCode ?? 502, 'the pod refused to change the protocol'));
    });
    outgoing.on('upgrade', (answer, pod, early) => {
      const lines = Object.entries(answer.headers).flatMap(([name, value]) =>
        [value ?? []].flat().map((one) => `${name}: ${one}`),
      );
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
      if (early.length) socket.write(early);
      if (head.length) pod.write(head);
      join(socket, pod);
      resolve();
    });
    outgoing.end();
  });
}
