// Talks to a real kube-apiserver, to record what it answers. Used with GOLDEN=write only.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { dirname, resolve } from 'node:path';
import { load } from 'js-yaml';

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority': string } }[];
  users: { user: { 'client-certificate': string; 'client-key': string } }[];
}

export interface Answer {
  status: number;
  date: string;
  /** As the header has them. */
  warnings: string;
  body: Record<string, unknown>;
}

export type Peer = (method: string, path: string, body?: unknown, accept?: string) => Promise<Answer>;

/** `file` is a kubeconfig with certificate files. */
export function connect(file: string): Peer {
  const config = load(readFileSync(file, 'utf8')) as Kubeconfig;
  const { cluster } = config.clusters[0]!;
  const { user } = config.users[0]!;
  const read = (path: string) => readFileSync(resolve(dirname(file), path));
  const options = {
    ca: read(cluster['certificate-authority']),
    cert: read(user['client-certificate']),
    key: read(user['client-key']),
  };
  return (method, path, body, accept = 'application/json') =>
    new Promise((done, fail) => {
      const sent = body === undefined ? '' : JSON.stringify(body);
      // Node frames no body of DELETE by itself.
      const headers = { accept, 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) };
      const call = request(
        new URL(path, cluster.server),
        { ...options, method, headers },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            done({ status: response.statusCode ?? 0, date: response.headers.date ?? '', warnings: String(response.headers['warning'] ?? ''), body: JSON.parse(text) });
          });
        },
      );
      call.on('error', fail);
      call.end(sent);
    });
}
