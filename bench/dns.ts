// Rows about the node's DNS: answers a second and the time they take, for the names of 1,000 services, beside dnsmasq with the
// same names. One process each, on loopback; Slipway's with the flags of an agent.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { agentProcess } from '../agent/process.ts';
import { installPackages } from '../local/install/debian.ts';
import { run } from '../local/run.ts';
import { freePort } from '../test/e2e/cluster.ts';
import { load } from './dns-load.ts';
import { inTurns, median, type Row } from './measure.ts';

const services = 1000;
const questions = 100_000;
const warmUp = 20_000;
const runs = 4;
const program = fileURLToPath(new URL('dns-server.ts', import.meta.url));

const records = Array.from({ length: services }, (_, i) => ({
  name: `service-${i}.default.svc.cluster.local`,
  address: `10.96.${i >> 8}.${i & 255}`,
}));

interface Running {
  port: number;
  stop(): Promise<void>;
}

const running = (child: ChildProcess, port: number): Running => ({
  port,
  async stop() {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  },
});

async function startOwn(folder: string): Promise<Running> {
  const file = join(folder, 'records.json');
  writeFileSync(file, JSON.stringify(records));
  const child = spawn(process.execPath, [...agentProcess.flags, program, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...agentProcess.env },
  });
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  return running(child, Number(line));
}

/** Debian's package, installed if it is not there (without a service). */
async function startDnsmasq(folder: string): Promise<Running> {
  if ((await run('sh', ['-c', 'command -v dnsmasq'])).code !== 0) await installPackages(['dnsmasq-base']);
  const file = join(folder, 'dnsmasq.conf');
  const port = await freePort();
  const lines = [
    `port=${port}`,
    'listen-address=127.0.0.1',
    'bind-interfaces',
    'no-resolv',
    'no-hosts',
    'keep-in-foreground',
    'user=root',
    'pid-file=',
    ...records.map(({ name, address }) => `host-record=${name},${address}`),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const child = spawn('dnsmasq', [`--conf-file=${file}`], { stdio: 'inherit' });
  await sleep(500); // it has no way to say that it listens; the warm-up finds out
  return running(child, port);
}

/** `peers`: also measure dnsmasq, which is installed for it. */
export async function dnsRows(peers: boolean): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  const names = records.map(({ name }) => name);
  const servers: Running[] = [];
  try {
    for (const start of peers ? [startOwn, startDnsmasq] : [startOwn]) servers.push(await start(folder));
    for (const { port } of servers) await load(port, names, warmUp);
    const p99s: number[][] = servers.map(() => []);
    const rates = await inTurns(
      runs,
      servers.map(({ port }, side) => async () => {
        const { perSecond, p99Ms } = await load(port, names, questions);
        p99s[side]!.push(p99Ms);
        return perSecond;
      }),
    );
    return [
      row('answers/s', 'more', rates, 'DNS answers for names of 1000 services, 64 questions at a time'),
      row('ms', 'less', p99s.map(median), 'DNS answers for names of 1000 services, 64 questions at a time, p99'),
    ];
  } finally {
    for (const server of servers) await server.stop();
    rmSync(folder, { recursive: true });
  }
}

const row = (unit: string, better: Row['better'], [slipway = 0, peer]: readonly number[], what: string): Row => ({
  what,
  unit,
  better,
  slipway,
  ...(peer === undefined ? {} : { peer, peerName: 'dnsmasq' }),
});
