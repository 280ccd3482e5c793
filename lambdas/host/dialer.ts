// The API's way to the agents: through the dialer, a function in the workers' network. It is told with each call whom to call
// and what to show, so that it needs no rights and reads nothing itself.

import type { ClusterKeys } from '../../aws/cluster-keys.ts';
import type { CoreClients } from '../../aws/core-clients.ts';
import { type Invoker, invoker } from '../../aws/invoke.ts';
import { StatusError } from '../../core/api/errors.ts';
import type { NodeDialer } from '../../core/apiserver/server.ts';
import type { Log } from '../../core/ports.ts';
import type { Store } from '../../core/store/store.ts';
import { type AgentAddress, agentAddressOf } from '../../host/agent-address.ts';
import {
  type DialAnswer,
  type DialCall,
  type DialCredentials,
  isFollowed,
  maxDialBytes,
  readHead,
  responseOf,
} from './dial-frames.ts';
import type { Settings } from './settings.ts';

/** Reaches agents, and rings their doorbells. */
export interface Nodes extends NodeDialer {
  /** Rings the doorbells of these nodes, without waiting for them. A node that is not there, or has no address, is left out. */
  ring(names: readonly string[]): Promise<void>;
}

export interface DialerOptions {
  clients: CoreClients;
  settings: Pick<Settings, 'dialer' | 'responses'>;
  keys: ClusterKeys;
  store: Store;
  log: Log;
}

/** How long a followed log is collected where nothing can be streamed, in milliseconds. */
const collectMs = 3_000;
/** An asynchronous event may have 1 MB; an address takes about a hundred bytes. */
const ringsPerCall = 1_000;

export function nodesThroughDialer(options: DialerOptions): Nodes {
  const { clients, settings, keys } = options;
  if (!settings.dialer) return withoutDialer;
  const credentials: DialCredentials = { ca: keys.ca.certificate, ...keys.nodeClient };
  return dialing(invoker(clients, settings.dialer), credentials, options);
}

const withoutDialer: Nodes = {
  fetch: async () => {
    throw new StatusError('ServiceUnavailable', 'this cluster has no function that reaches nodes');
  },
  ring: async () => undefined,
};

export function dialing(
  dialer: Invoker,
  credentials: DialCredentials,
  { settings, store, log }: Pick<DialerOptions, 'settings' | 'store' | 'log'>,
): Nodes {
  const addressOf = async (name: string): Promise<AgentAddress | undefined> => {
    try {
      const node = await store.get('nodes', { namespace: '', name });
      return node && agentAddressOf(node.object);
    } catch (error) {
      log('debug', 'doorbell-not-rung', { node: name, error: String(error) });
      return undefined;
    }
  };
  return {
    async fetch(node, path, init = {}) {
      const call = { do: 'call', credentials, agent: agentAddressOf(node), path, ...(await requestOf(init)) } as const;
      const signal = init.signal ?? undefined;
      if (settings.responses === 'stream') return await streamed(dialer, call, signal);
      const event: DialCall = isFollowed(path) ? { ...call, collectMs } : call;
      const { head, body } = (await dialer.whole(event, signal)) as DialAnswer;
      return responseOf(head, Buffer.from(body, 'base64'));
    },
    async ring(names) {
      const found = await Promise.all([...new Set(names)].map(addressOf));
      const agents = found.filter((address) => address !== undefined);
      for (let from = 0; from < agents.length; from += ringsPerCall) {
        await dialer.later({ do: 'ring', credentials, agents: agents.slice(from, from + ringsPerCall) });
      }
    },
  };
}

/** Method, headers and body of a call. Throws RequestEntityTooLarge for a body that no invocation can carry. */
async function requestOf(init: RequestInit): Promise<Pick<DialCall, 'method' | 'headers' | 'body'>> {
  const bytes = init.body ? Buffer.from(await new Response(init.body).arrayBuffer()) : undefined;
  if (bytes && bytes.length > maxDialBytes) {
    throw new StatusError(
      'RequestEntityTooLarge',
      `a body of more than ${maxDialBytes} bytes cannot be sent to a node`,
    );
  }
  return {
    method: init.method ?? 'GET',
    headers: [...new Headers(init.headers)],
    ...(bytes ? { body: bytes.toString('base64') } : {}),
  };
}

async function streamed(dialer: Invoker, call: DialCall, signal: AbortSignal | undefined): Promise<Response> {
  const gone = new AbortController();
  const both = signal ? AbortSignal.any([signal, gone.signal]) : gone.signal;
  const chunks = await dialer.streamed(call, both);
  const { head, rest } = await readHead(chunks);
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      if (rest.length > 0) controller.enqueue(rest);
    },
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    // The connection to Lambda ends with it: nothing goes on reading for nobody.
    cancel: () => gone.abort(),
  });
  return responseOf(head, body);
}
