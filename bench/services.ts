// Rows about the rules of services: one endpoint more on a node that knows N services, beside making the whole table anew. Both are
// what the agent hands to nft, in a network namespace of its own, from the start of nft to its end.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RuleBook } from '../agent/net/services/rule-book.ts';
import { serviceRules } from '../agent/net/services/service-rules.ts';
import { runOrFail } from '../local/run.ts';
import { inTurns, type Row } from './measure.ts';

const counts = [10, 1_000, 5_000] as const;
const runs = 9;
const endpointsOfEach = 2;
const node = {
  name: 'bench',
  zone: undefined,
  address: '10.64.0.11',
  podRange: '10.64.17.0/24',
  serviceRange: '10.128.0.0/16',
};

const dotted = (network: string, i: number): string => `${network}.${i >> 8}.${i & 255}`;

function rulesOf(i: number, endpoints: number) {
  const metadata = { namespace: 'default', name: `service-${i}` };
  const service = { metadata, spec: { clusterIP: dotted('10.128', i), ports: [{ port: 80 }] } };
  const addresses = Array.from({ length: endpoints }, (_, k) => dotted(`10.${65 + k}`, i));
  const slice = {
    metadata,
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080 }],
    endpoints: addresses.map((address) => ({ addresses: [address], nodeName: 'another' })),
  };
  return serviceRules(service, [slice], node);
}

async function rowOf(count: number, folder: string, namespace: string): Promise<Row> {
  const file = join(folder, 'rules.nft');
  const hand = async (commands: readonly string[]): Promise<number> => {
    writeFileSync(file, `${commands.join('\n')}\n`);
    const began = performance.now();
    await runOrFail('nsenter', [`--net=/run/netns/${namespace}`, 'nft', '-f', file]);
    return performance.now() - began;
  };
  const book = new RuleBook();
  for (let i = 0; i < count; i++) book.replace(`default/service-${i}`, rulesOf(i, endpointsOfEach));
  await hand(book.whole(node).commands);
  let endpoints = endpointsOfEach;
  const [slipway = 0, peer = 0] = await inTurns(runs, [
    () => {
      endpoints = endpoints === endpointsOfEach ? endpointsOfEach + 1 : endpointsOfEach;
      book.replace('default/service-3', rulesOf(3, endpoints));
      return hand(book.take().commands);
    },
    () => hand(book.whole(node).commands),
  ]);
  const what = `one endpoint more or less among ${count} services`;
  return { what, unit: 'ms', better: 'less', slipway, peer, peerName: 'all rules made anew' };
}

/** Needs root. */
export async function serviceRows(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  const namespace = `slipway-bench-${process.pid}`;
  await runOrFail('ip', ['netns', 'add', namespace]);
  try {
    const rows: Row[] = [];
    for (const count of counts) rows.push(await rowOf(count, folder, namespace));
    return rows;
  } finally {
    await runOrFail('ip', ['netns', 'del', namespace]);
    rmSync(folder, { recursive: true });
  }
}
