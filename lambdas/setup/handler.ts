// The custom resource that sets a cluster up, in the form that the CDK Provider framework calls.
import { awsClients } from '../../aws/clients.ts';
import { randomIds, systemClock } from '../../host/ports.ts';
import { lambdaLog } from '../host/log.ts';
import { openStore } from '../host/open-store.ts';
import { onEvent, type SetupAnswer, type SetupEvent } from './setup.ts';

const parts = {
  env: process.env,
  clients: awsClients(),
  openStore,
  ports: { clock: systemClock, ids: randomIds, log: lambdaLog('info') },
};

export const handler = (event: SetupEvent): Promise<SetupAnswer> => onEvent(event, parts);
