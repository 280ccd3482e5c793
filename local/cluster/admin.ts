// Speaks to a cluster's API as its administrator, with the certificate that the control plane left in its data directory.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { Readable } from 'node:stream';
import type { Client } from '../../core/client/client.ts';
import { httpClient } from '../../core/client/http.ts';
import type { ControlPlaneFiles, ControlPlaneReady } from '../config.ts';

/** Connections are kept open, and let the process end all the same. */
export const adminClient = (ready: Pick<ControlPlaneReady, 'server' | 'files'>): Client =>
  httpClient({ baseUrl: ready.server, fetch: certificateFetch(ready.files) });

const answerWithinMs = 10_000;

/** A `fetch` that shows a client certificate and trusts one CA, which the built-in one cannot. */
function certificateFetch(files: ControlPlaneFiles): typeof fetch {
  const agent = new Agent({
    ca: readFileSync(files.ca),
    cert: readFileSync(files.adminCertificate),
    key: readFileSync(files.adminKey),
    keepAlive: true,
  });
  return async (input, init) => {
    const asked = new Request(input, init);
    const body = asked.body ? Buffer.from(await asked.arrayBuffer()) : undefined;
    return new Promise((resolve, reject) => {
      const outgoing = request(
        asked.url,
        {
          agent,
          method: asked.method,
          headers: Object.fromEntries(asked.headers),
          signal: asked.signal,
          timeout: answerWithinMs,
        },
        (answer) => {
          const status = answer.statusCode ?? 500;
          const stream = status === 204 || status === 304 ? null : (Readable.toWeb(answer) as ReadableStream);
          resolve(new Response(stream, { status, headers: { 'content-type': answer.headers['content-type'] ?? '' } }));
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error('the API server did not answer in time')));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  };
}
