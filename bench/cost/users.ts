// Who calls the API: workers whose agents are the real ones over pretended containers, and kubectl.
import { resendMs } from '../../agent/node-reporter.ts';
import { type SimulatedNode, startSimulatedNode } from '../../agent/simulated/fleet.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import type { Client } from '../../core/client/client.ts';
import { EventRecorder } from '../../core/client/event-recorder.ts';
import { httpClient } from '../../core/client/http.ts';
import type { Ports } from '../../core/ports.ts';
import { tokenOf } from '../../lambdas/fixture/composed.ts';
import { proxyEvent, responseStream } from '../../lambdas/fixture/gateway.ts';
import type { World } from './world.ts';

/** A presigned identity is good for a quarter of an hour. */
const tokenMs = 14 * 60_000;
/** To API Gateway and through it. */
const networkMs = 10;
const leaseSeconds = 300;
const statusEveryMs = resendMs(leaseSeconds);
/** A streamed answer is billed as a request for each begun 10 MB. */
const requestBytes = 10 * 1_048_576;

/** A caller's `fetch`, over API Gateway, as a session of a role. `cause`: what its calls are for. */
export function gatewayFetch(world: World, role: string, session: string, cause: (request: Request) => string) {
  let token = '';
  let madeMs = Number.NEGATIVE_INFINITY;
  return async (request: Request): Promise<Response> => {
    const { time, total } = world;
    if (time.now - madeMs > tokenMs) {
      token = tokenOf({ clock: time.clock }, role, session);
      madeMs = time.now;
    }
    const why = cause(request);
    const event = await eventOf(request, token);
    const answer = responseStream();
    await time.sleep(networkMs);
    let bytes = 0;
    const called = world.api.invoke({ event, stream: answer }, why);
    called
      .catch(() => undefined)
      .finally(() => {
        total.add('api-gateway', 'request', 'requests', Math.max(1, Math.ceil(bytes / requestBytes)), why);
        total.add('api-gateway', role === 'Workers' ? 'to workers' : 'to users', 'bytesOut', bytes, why);
      });
    const first = await answer.more();
    const { statusCode = 502, headers = {} } = answer.prelude() ?? {};
    bytes += JSON.stringify(headers).length;
    const take = (controller: ReadableStreamDefaultController<Uint8Array>, text: string): void => {
      const chunk = Buffer.from(text);
      bytes += chunk.length;
      controller.enqueue(chunk);
    };
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        if (first) take(controller, first);
      },
      async pull(controller) {
        const more = await answer.more();
        if (more === undefined) controller.close();
        else take(controller, more);
      },
      cancel: () => void answer.stream.destroy(),
    });
    return new Response([101, 204, 205, 304].includes(statusCode) ? null : body, { status: statusCode, headers });
  };
}

async function eventOf(request: Request, token: string) {
  const url = new URL(request.url);
  const query: Record<string, string[]> = {};
  for (const [name, value] of url.searchParams) (query[name] ??= []).push(value);
  const body = request.body ? Buffer.from(await request.arrayBuffer()) : undefined;
  return proxyEvent(url.pathname, {
    method: request.method,
    query,
    headers: Object.fromEntries(request.headers),
    token,
    ...(body ? { body } : {}),
  });
}

const quiet = () => {};

export async function addNode(world: World, index: number): Promise<SimulatedNode> {
  const name = `i-${index.toString(16).padStart(17, '0')}`;
  const cause = ({ url }: Request): string => {
    const { pathname } = new URL(url);
    if (pathname.endsWith('/events')) return "nodes' events";
    return pathname.endsWith('/token') ? "pods' tokens" : 'node sync';
  };
  const client = httpClient({
    baseUrl: 'https://api',
    fetch: gatewayFetch(world, 'Workers', name, cause),
    userAgent: 'slipway-agent',
  });
  const ports: Ports = { clock: world.time.clock, ids: world.ids, log: quiet };
  // As a node's own: events wait a little, and go with the sync.
  const recorder = new EventRecorder({
    client,
    ports,
    component: 'kubelet',
    host: name,
    holdMs: 500,
    deliver: (events) => node.agent.sync.reportEvents(events),
  });
  const node = await startSimulatedNode(name, index, {
    client,
    log: quiet,
    capacity: { cpu: '4', memory: '16Gi', pods: '110' },
    syncIntervalSeconds: 75,
    leaseDurationSeconds: leaseSeconds,
    peers: true,
    recordEvent: (pod, { type, reason, message }, fieldPath) => {
      const path = fieldPath ? { fieldPath } : {};
      // What a node with a container runtime does besides, before it creates a container.
      if (reason === 'Created') {
        recorder.record(pod, 'Normal', 'Pulled', 'Container image already present on machine', path);
        void requestToken(client, pod).catch(() => undefined);
      }
      if (reason === 'Started') world.podsStarted++;
      recorder.record(pod, type, reason, message, path);
    },
  });
  const report = (): void => {
    node.report();
    world.time.after(statusEveryMs, report);
  };
  world.time.after(statusEveryMs, report);
  return node;
}

/** For the volume that every pod has, unless it says otherwise. */
async function requestToken(client: Client, { metadata: { namespace, name, uid } }: KubeObject): Promise<void> {
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name, uid };
  const answer = await client.raw(`/api/v1/namespaces/${namespace}/serviceaccounts/default/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 3_607, audiences: [], boundObjectRef },
    }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  await answer.body?.cancel();
}

export const kubectl = (world: World, cause: string): Client =>
  httpClient({
    baseUrl: 'https://api',
    fetch: gatewayFetch(world, 'Admin', 'kubectl', () => cause),
    userAgent: 'kubectl',
  });
