// The two ends of bench/cluster-ip.ts, each in a pod's network namespace: `node http-peer.ts serve PORT` answers, and says "ready";
// `node http-peer.ts ask` reads lines `HOST PORT TOTAL AT_ONCE KEEP` and says how many requests a second were answered.
import { Agent, createServer, get } from 'node:http';
import { createInterface } from 'node:readline';
import { perSecond } from './measure.ts';

const answer = 'x'.repeat(100);

function serve(port: number): void {
  createServer((_request, response) => response.end(answer)).listen(port, () => console.log('ready'));
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

async function askInTurns(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const [host = '', ...numbers] = line.split(' ');
    const [port = 0, total = 0, atOnce = 0, keep = 0] = numbers.map(Number);
    const kept = new Agent({ keepAlive: true, maxSockets: atOnce });
    console.log(await perSecond(total, atOnce, () => ask(keep === 1 && kept, host, port)));
    kept.destroy();
  }
}

if (process.argv[2] === 'serve') serve(Number(process.argv[3]));
else await askInTurns();
