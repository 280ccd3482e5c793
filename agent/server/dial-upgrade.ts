// Asks the runtime's streaming server (loopback HTTP) to switch protocols, and hands out the naked connection.
import { type IncomingHttpHeaders, request } from 'node:http';
import type { Socket } from 'node:net';
import { ServingError } from './serving-error.ts';

export interface Upgraded {
  socket: Socket;
  /** Bytes that came with the answer's head. */
  head: Buffer;
  headers: IncomingHttpHeaders;
}

/** Throws ServingError with the runtime's own status and text when it refuses. */
export function dialUpgrade(url: string, headers: Record<string, string | string[]>): Promise<Upgraded> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method: 'POST', headers });
    call.on('upgrade', (response, socket, head) => resolve({ socket, head, headers: response.headers }));
    call.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        reject(new ServingError(response.statusCode ?? 502, Buffer.concat(chunks).toString().trim())),
      );
    });
    call.on('error', (error) =>
      reject(new ServingError(502, `the runtime's streaming server cannot be reached: ${error.message}`)),
    );
    call.end();
  });
}
