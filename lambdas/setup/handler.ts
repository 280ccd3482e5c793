// The custom resource that sets a cluster up: called by CloudFormation itself, or through the CDK Provider framework (onEvent).
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'aws-lambda';
import { coreClients } from '../../aws/core-clients.ts';
import { randomIds, systemClock } from '../../host/ports.ts';
import { lambdaLog } from '../host/log.ts';
import { openStore } from '../host/open-store.ts';
import { patiently } from './patience.ts';
import { answerDirectly, isDirect } from './respond.ts';
import { onEvent, type SetupAnswer, type SetupEvent } from './setup.ts';

const log = lambdaLog('info');
const parts = {
  env: process.env,
  clients: coreClients(),
  openStore,
  ports: { clock: systemClock, ids: randomIds, log },
};

export async function handler(event: SetupEvent, context: Context): Promise<SetupAnswer | undefined> {
  const patience = { remainingMs: () => context.getRemainingTimeInMillis(), wait: sleep };
  const work = (asked: SetupEvent): Promise<SetupAnswer> => patiently(() => onEvent(asked, parts), patience);
  if (!isDirect(event)) return await work(event);
  await answerDirectly(event, { work, log, fetch: globalThis.fetch });
  return undefined;
}
