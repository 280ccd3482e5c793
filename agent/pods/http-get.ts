// The HTTP requests of probes and hooks, as a kubelet makes them: any certificate is good, and the output is a piece of the body.
// https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/#http-probes
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { HTTPGetAction, Pod } from '../../core/api/types.gen.ts';
import type { AnyContainer } from '../../core/kubelet/containers.ts';
import { type HandlerResult, portNumber } from './handlers.ts';

const maxBodyBytes = 10 * 1024;
const maxRedirects = 10;

interface HttpAnswer {
  status: number;
  location: string | undefined;
  body: string;
}

type Headers = Record<string, string | string[]>;

/** Names are one whatever their case, and may repeat. `User-Agent` and `Accept` give way to the action's; an empty one is not sent. */
export function headersOf({ httpHeaders }: HTTPGetAction, userAgent: string): Headers {
  const given = new Map<string, { name: string; values: string[] }>();
  for (const { name, value } of httpHeaders ?? []) {
    const entry = given.get(name.toLowerCase()) ?? { name, values: [] };
    entry.values.push(value);
    given.set(name.toLowerCase(), entry);
  }
  const headers: Headers = { Connection: 'close' };
  if (!given.has('user-agent')) headers['User-Agent'] = userAgent;
  if (!given.has('accept')) headers['Accept'] = '*/*';
  for (const [key, { name, values }] of given) {
    if (['user-agent', 'accept'].includes(key) && values[0] === '') continue;
    headers[name] = values.length === 1 || key === 'host' ? values[0]! : values;
  }
  return headers;
}

function urlOf(action: HTTPGetAction, pod: Pod, container: AnyContainer, podIP: string): URL {
  const host = action.host || podIP;
  const authority = host.includes(':') ? `[${host}]` : host;
  const scheme = (action.scheme ?? 'HTTP').toLowerCase();
  const path = (action.path ?? '/').replace(/^\//, '');
  return new URL(`${scheme}://${authority}:${portNumber(action.port, pod, container)}/${path}`);
}

/** Rejects when there is no answer. */
function get(url: URL, headers: Headers, signal: AbortSignal | undefined): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const make = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = make(url, { headers, agent: false, rejectUnauthorized: false, signal }, (answer) => {
      const chunks: Buffer[] = [];
      let length = 0;
      const done = (): void =>
        resolve({
          status: answer.statusCode ?? 0,
          location: answer.headers.location,
          body: Buffer.concat(chunks).subarray(0, maxBodyBytes).toString('utf8'),
        });
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length < maxBodyBytes) return;
        done(); // what follows is not waited for: it may have no end
        request.destroy();
      });
      answer.on('error', reject);
      answer.on('end', done);
    });
    request.on('error', reject);
    request.end();
  });
}

/** Follows redirects within the host; one that leads elsewhere is the answer. */
async function follow(first: URL, headers: Headers, signal: AbortSignal | undefined): Promise<HttpAnswer> {
  let url = first;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const answer = await get(url, headers, signal);
    if (answer.status < 300 || answer.status >= 400 || !answer.location) return answer;
    const next = new URL(answer.location, url);
    if (next.hostname !== first.hostname) return answer;
    url = next;
  }
  throw new Error(`stopped after ${maxRedirects} redirects`);
}

const isTimeout = ({ name }: Error): boolean => name === 'TimeoutError' || name === 'AbortError';

/** A probe: what is not told by a status below 400 within the time has failed. Never rejects. */
export async function httpGet(
  action: HTTPGetAction,
  pod: Pod,
  container: AnyContainer,
  podIP: string,
  timeoutMs: number,
  userAgent: string,
): Promise<HandlerResult> {
  let url: URL;
  try {
    url = urlOf(action, pod, container, podIP);
  } catch (error) {
    return { ok: false, output: (error as Error).message };
  }
  try {
    const { status, body } = await follow(url, headersOf(action, userAgent), AbortSignal.timeout(timeoutMs));
    if (status < 200 || status >= 400) return { ok: false, output: `HTTP probe failed with statuscode: ${status}` };
    if (status < 300) return { ok: true, output: body };
    return { ok: true, warning: true, output: `Probe terminated redirects, Response body: ${body}` };
  } catch (error) {
    const text = isTimeout(error as Error)
      ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
      : (error as Error).message;
    return { ok: false, output: `Get "${url}": ${text}` };
  }
}

/** OpenSSL's words for a server that speaks plain HTTP. */
const isPlainHttp = (error: unknown): boolean => /wrong version number|packet length too long/i.test(String(error));

/**
 * A hook: whatever the answer says, it is one. A server that speaks plain HTTP where HTTPS was asked for is asked so.
 * Rejects when there is no answer.
 */
export async function httpHook(
  action: HTTPGetAction,
  pod: Pod,
  container: AnyContainer,
  podIP: string,
  userAgent: string,
): Promise<void> {
  const url = urlOf(action, pod, container, podIP);
  const headers = headersOf(action, userAgent);
  try {
    await follow(url, headers, undefined);
  } catch (error) {
    if (url.protocol !== 'https:' || !isPlainHttp(error)) throw new Error(`Get "${url}": ${(error as Error).message}`);
    const plain = new URL(url);
    plain.protocol = 'http:';
    for (const name of Object.keys(headers)) if (name.toLowerCase() === 'authorization') delete headers[name];
    await follow(plain, headers, undefined);
  }
}
