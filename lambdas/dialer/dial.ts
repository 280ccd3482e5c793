// What the dialer does with an event: it rings doorbells, or makes one call to an agent. It holds nothing of its own; whom to
// call and what to show comes with the event.
import { type AgentConnections, createAgentDialer } from '../../host/node-dialer.ts';
import type { DialCall, DialCredentials, DialEvent, DialHead } from '../host/dial-frames.ts';

type Ring = Extract<DialEvent, { do: 'ring' }>;

/** Agents are rung at the same time, this many: each is a TLS connection. */
const ringsAtOnce = 64;

/** Connections to agents are kept for the next call with the same credentials. */
export function connectionsCache(
  make: (credentials: DialCredentials) => AgentConnections = createAgentDialer,
): (credentials: DialCredentials) => AgentConnections {
  let known: { for: string; agents: AgentConnections } | undefined;
  return (credentials) => {
    const wanted = JSON.stringify([credentials.ca, credentials.certificate, credentials.key]);
    if (known?.for !== wanted) {
      known?.agents.close();
      known = { for: wanted, agents: make(credentials) };
    }
    return known.agents;
  };
}

/**
 * Rings each agent, and once more the one that did not hear it: the first call may have met a connection that was just closed
 * as idle. Names of those that heard neither are returned: a lost doorbell is only a delay.
 */
export async function ring(agents: AgentConnections, { agents: rung }: Ring): Promise<string[]> {
  const deaf: string[] = [];
  for (let from = 0; from < rung.length; from += ringsAtOnce) {
    const calls = rung.slice(from, from + ringsAtOnce).map((agent) =>
      agents
        .ring(agent)
        .catch(() => agents.ring(agent))
        .catch(() => deaf.push(agent.name)),
    );
    await Promise.all(calls);
  }
  return deaf;
}

export interface Dialed {
  head: DialHead;
  body: ReadableStream<Uint8Array> | undefined;
}

/** Never throws: an agent that cannot be reached is an answer too. */
export async function dial(agents: AgentConnections, call: DialCall, signal: AbortSignal): Promise<Dialed> {
  try {
    const response = await agents.fetch(call.agent, call.path, {
      method: call.method,
      headers: call.headers.map(([name, value]): [string, string] => [name, value]),
      ...(call.body === undefined ? {} : { body: Buffer.from(call.body, 'base64') }),
      signal,
    });
    return { head: { status: response.status, headers: [...response.headers] }, body: response.body ?? undefined };
  } catch (error) {
    return { head: { error: error instanceof Error ? error.message : String(error) }, body: undefined };
  }
}
