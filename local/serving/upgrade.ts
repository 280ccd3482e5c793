// exec, attach and port-forward: once the API has allowed it, the client's connection is joined to the agent's, byte for byte.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { join } from '../../agent/server/splice.ts';
import type { Tunnel } from '../../core/apiserver/server.ts';
import type { NodeConnections } from '../../host/node-dialer.ts';

/** Of no concern to the agent, or credentials that are not meant for it. */
const droppedHeaders = /^(host|authorization|cookie|content-length|transfer-encoding|impersonate-.*)$/i;
/** A bearer token that a browser passes as a WebSocket protocol. */
const tokenProtocol = /^base64url\.bearer\.authorization\.k8s\.io\./;

/** The request as the agent is to see it. */
export function agentRequest(incoming: IncomingMessage, path: string, host: string): string {
  const lines = [`${incoming.method} ${path} HTTP/1.1`, `Host: ${host}`];
  const { rawHeaders } = incoming;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    let value = rawHeaders[i + 1]!;
    if (droppedHeaders.test(name)) continue;
    if (/^sec-websocket-protocol$/i.test(name)) {
      const protocols = value.split(',').map((protocol) => protocol.trim());
      value = protocols.filter((protocol) => !tokenProtocol.test(protocol)).join(', ');
    }
    lines.push(`${name}: ${value}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Resolves once both are joined. */
export async function spliceToAgent(
  nodes: NodeConnections,
  tunnel: Tunnel,
  incoming: IncomingMessage,
  client: Duplex,
  head: Buffer,
): Promise<void> {
  let agent: Duplex;
  let host: string;
  try {
    ({ socket: agent, host } = await nodes.connect(tunnel.node));
  } catch (error) {
    const message = `error dialing backend: ${(error as Error).message}`;
    await refuseUpgrade(new Response(message, { status: 502, headers: { 'content-type': 'text/plain' } }), client);
    return;
  }
  agent.write(agentRequest(incoming, tunnel.path, host));
  if (head.length > 0) agent.write(head);
  join(client, agent);
}

/** Writes an answer by hand: the connection has left the HTTP server's care. */
export async function refuseUpgrade(response: Response, socket: Duplex): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer());
  const lines = [`HTTP/1.1 ${response.status} ${response.statusText || 'Refused'}`];
  for (const [name, value] of response.headers) lines.push(`${name}: ${value}`);
  lines.push(`content-length: ${body.length}`, 'connection: close');
  socket.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]));
}
