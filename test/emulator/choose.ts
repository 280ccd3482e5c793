// Which emulator: the one that is named, the one that runs already, or what this machine can run.
import type { Emulator } from './emulator.ts';
import { localstackLacks, startLocalStack } from './localstack.ts';
import { ministackLacks, startMiniStack } from './ministack.ts';

export interface Choice {
  wanted?: 'localstack' | 'ministack';
  say?: (what: string) => void;
}

/** Throws an Error that says what the machine lacks. AWS_ENDPOINT_URL counts when nothing is named. */
export async function chooseEmulator({ wanted, say = () => undefined }: Choice): Promise<Emulator> {
  const given = process.env['AWS_ENDPOINT_URL'];
  if (given && !wanted) return await givenEmulator(given);
  const onInstall = (what: string): void => say(`${what} is installed into .cache, once`);
  const lacks = wanted === 'ministack' ? 'it was not asked for' : await localstackLacks();
  if (!lacks) {
    say('LocalStack starts');
    return await startLocalStack({ onInstall });
  }
  if (wanted === 'localstack') throw new Error(lacks);
  const neither = await ministackLacks();
  if (neither) throw new Error(wanted ? neither : `${lacks}; ${neither}`);
  if (!wanted) say(`${lacks}: MiniStack is taken instead`);
  say('MiniStack starts');
  return await startMiniStack({ onInstall });
}

/** It is somebody else's: it is not stopped. Whether it streams is asked by a function of MiniStack's that LocalStack has not. */
async function givenEmulator(endpoint: string): Promise<Emulator> {
  const health = await fetch(`${endpoint}/_localstack/health`).catch(() => undefined);
  if (!health?.ok) throw new Error(`no emulator answers at AWS_ENDPOINT_URL=${endpoint}`);
  const { edition = '' } = (await health.json()) as { edition?: string };
  return { name: 'given', endpoint, streams: /ministack|light/i.test(edition), stop: async () => undefined };
}
