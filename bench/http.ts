// One keep-alive client for both sides, so that what is compared is the server.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';

export interface Target {
  name: string;
  baseUrl: string;
  /** Processes whose memory counts as the control plane's. */
  pids: number[];
  credentials: { token?: string; certificate?: string; key?: string };
  stop(): Promise<void>;
}

export interface Api {
  call(
    method: string,
    path: string,
    body?: string,
    type?: string,
  ): Promise<{ status: number; bytes: number; text: string }>;
  /** Calls back for each line of a streamed answer until closed, and once if the server ends it. */
  watch(path: string, onLine: (line: string) => void, onEnd?: () => void): Promise<() => void>;
  close(): void;
}

export function connect(target: Target, sockets: number): Api {
  const { credentials } = target;
  const agent = new Agent({
    keepAlive: true,
    maxSockets: sockets,
    // Both sides make up their certificates and listen on loopback only.
    rejectUnauthorized: false,
    ...(credentials.certificate
      ? { cert: readFileSync(credentials.certificate), key: readFileSync(credentials.key!) }
      : {}),
  });
  const authorization = credentials.token ? { authorization: `Bearer ${credentials.token}` } : {};

  const call: Api['call'] = (method, path, body, type = 'application/json') =>
    new Promise((resolve, reject) => {
      const headers = {
        accept: 'application/json',
        ...authorization,
        ...(body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) }),
      };
      const sent = request(`${target.baseUrl}${path}`, { method, agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const whole = Buffer.concat(chunks);
          resolve({
            status: response.statusCode ?? 0,
            bytes: whole.length,
            get text() {
              return whole.toString();
            },
          });
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });

  const watch: Api['watch'] = (path, onLine, onEnd = () => {}) =>
    new Promise((resolve, reject) => {
      const sent = request(
        `${target.baseUrl}${path}`,
        { agent, headers: { accept: 'application/json', ...authorization } },
        (response) => {
          let rest = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            const lines = (rest + chunk).split('\n');
            rest = lines.pop()!;
            for (const line of lines) onLine(line);
          });
          let stopped = false;
          response.on('error', () => {});
          response.on('close', () => {
            if (!stopped) onEnd();
          });
          resolve(() => {
            stopped = true;
            sent.destroy();
          });
        },
      );
      sent.on('error', reject);
      sent.end();
    });

  return { call, watch, close: () => agent.destroy() };
}

/** As call, but anything other than success throws. */
export async function must(
  api: Api,
  method: string,
  path: string,
  body?: string,
): Promise<{ bytes: number; text: string }> {
  const answer = await api.call(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 300)}`);
  return answer;
}
