// The two ends of rows about the network, each in a pod's network namespace (bench/pod-peers.ts): `node http-peer.ts serve PORT`
// answers, and says "ready"; `node http-peer.ts ask` reads lines. `rate HOST PORT TOTAL AT_ONCE KEEP`: how many requests a second
// were answered. `bits HOST PORT BYTES`: how many bits a second of one long answer came.
import { Agent, createServer, get } from 'node:http';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { perSecond } from './measure.ts';

const answer = 'x'.repeat(100);

const chunk = Buffer.alloc(65_536);

/** `/BYTES` is so long an answer, anything else a short one. */
function serve(port: number): void {
  const server = createServer(({ url = '' }, response) => {
    const bytes = Number(url.slice(1));
    if (!(bytes > 0)) return response.end(answer);
    const chunks = Array.from({ length: Math.ceil(bytes / chunk.length) }, () => chunk);
    return Readable.from(chunks).pipe(response);
  });
  server.listen(port, () => console.log('ready'));
}

/** `false`: by a connection of its own. Rejects for an answer that is not the server's. */
const ask = (agent: Agent | false, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    get({ agent, host, port }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('end', () => (bytes === answer.length ? resolve() : reject(new Error(`${bytes} bytes`))));
    }).on('error', reject);
  });

async function rate(host: string, [port = 0, total = 0, atOnce = 0, keep = 0]: readonly number[]): Promise<number> {
  const kept = new Agent({ keepAlive: true, maxSockets: atOnce });
  try {
    return await perSecond(total, atOnce, () => ask(keep === 1 && kept, host, port));
  } finally {
    kept.destroy();
  }
}

/** From the first byte to the last. */
async function bits(host: string, [port = 0, bytes = 0]: readonly number[]): Promise<number> {
  const { body } = await fetch(`http://${host}:${port}/${bytes}`);
  if (!body) throw new Error('an answer without a body');
  let [began, received] = [0, 0];
  for await (const piece of body) {
    if (began === 0) began = performance.now();
    else received += (piece as Uint8Array).length;
  }
  return (received * 8 * 1000) / (performance.now() - began);
}

async function askInTurns(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const [what, host = '', ...numbers] = line.split(' ');
    console.log(await (what === 'rate' ? rate : bits)(host, numbers.map(Number)));
  }
}

if (process.argv[2] === 'serve') serve(Number(process.argv[3]));
else await askInTurns();
