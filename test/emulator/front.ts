// The host names of API Gateway and of ECR's registry, where an emulator serves the same under its own: TLS in front, and nothing
// else. kubectl sends an identity over TLS only, and the URL of the cluster and the names of images are then what they would be on AWS.
import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeAuthority, makeLeaf } from '../../core/api/cluster-certificates.ts';
import { account, region } from './emulator.ts';

export interface Front {
  /** PEM of the authority that signed the certificate. */
  ca: string;
  /** Host name of the API: `ID.execute-api.REGION.amazonaws.com`. */
  hostname: string;
  /** On 127.0.0.1. */
  port: number;
  /** In the cluster's URL: 443, or the one that LocalStack writes into it. */
  urlPort: number;
  /** Listens on one more address, until the server is closed or the front is. */
  listen(address: string, port: number): Promise<Server>;
  close(): Promise<void>;
}

/** Host of the account's registry. */
export const registryHost = `${account}.dkr.ecr.${region}.amazonaws.com`;

/** @param apiUrl the cluster's, `https://HOSTNAME/STAGE` */
export async function startFront(endpoint: string, apiUrl: string): Promise<Front> {
  const { hostname, pathname, port: urlPort } = new URL(apiUrl);
  const [id] = hostname.split('.') as [string];
  const making = { nowMs: Date.now(), randomBytes: (length: number) => new Uint8Array(randomBytes(length)) };
  const authority = await makeAuthority('emulator', making);
  const leaf = await makeLeaf(
    authority,
    { commonName: hostname, names: [hostname, registryHost, '127.0.0.1'] },
    making,
  );
  const stage = pathname.slice(1);
  const passOn = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const isForRegistry = incoming.headers.host === registryHost;
    const path = incoming.url!.slice(pathname.length) || '/';
    const target = isForRegistry ? incoming.url! : `/restapis/${id}/${stage}/_user_request_${path}`;
    pass(incoming, outgoing, new URL(endpoint + target));
  };
  const servers: Server[] = [];
  const listen = async (address: string, port: number): Promise<Server> => {
    const server = createServer({ key: leaf.key, cert: leaf.certificate, noDelay: true }, passOn);
    server.requestTimeout = 0;
    servers.push(server);
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, address, resolve));
    return server;
  };
  const { port } = (await listen('127.0.0.1', 0)).address() as AddressInfo;
  return {
    ca: authority.certificate,
    hostname,
    port,
    urlPort: Number(urlPort || 443),
    listen,
    async close() {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

/** Piece by piece, both ways; a client that hangs up ends the request, and a cut answer is cut for the client. */
function pass(incoming: IncomingMessage, outgoing: ServerResponse, target: URL): void {
  const { host: _, connection: __, ...headers } = incoming.headers;
  const options = { method: incoming.method, headers, host: target.hostname, port: target.port };
  const inner = request({ ...options, path: target.pathname + target.search }, (answer) => {
    const { connection: ___, 'transfer-encoding': ____, ...given } = answer.headers;
    outgoing.writeHead(answer.statusCode ?? 502, given);
    outgoing.flushHeaders();
    answer.on('data', (piece: Buffer) => outgoing.write(piece));
    answer.on('end', () => outgoing.end());
    answer.on('close', () => {
      if (!answer.complete) outgoing.destroy();
    });
  });
  inner.on('error', () => {
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(502).end('{"message": "Internal server error"}');
  });
  outgoing.on('close', () => inner.destroy());
  incoming.pipe(inner);
}
