// Starts workers for pods that fit nowhere, and ends those that have nothing to do.
import { awsClients } from '../../aws/clients.ts';
import { regionOf } from '../../aws/identity/endpoints.ts';
import { environment } from '../../aws/names.ts';
import { workerGroup } from '../../aws/workers.ts';
import { compose } from '../host/compose.ts';
import type { Call } from '../host/event.ts';
import { metered } from '../host/meter.ts';
import { required } from '../host/settings.ts';
import { type WorkersFunction, workersFunction } from './function.ts';

const clients = awsClients();
let made: WorkersFunction | undefined;

export const handler = metered('workers', async (call: Call): Promise<void> => {
  const { env } = process;
  const composed = await compose({ clients });
  made ??= workersFunction({
    ...composed,
    group: workerGroup(clients, required(env, environment.workers)),
    types: required(env, environment.workerTypes).split(','),
    marks: {
      region: regionOf(env) ?? required(env, 'AWS_REGION'),
      labels: JSON.parse(env[environment.workerLabels] ?? '{}'),
      taints: JSON.parse(env[environment.workerTaints] ?? '[]'),
    },
    minimum: Number(env[environment.workersMinimum] ?? 0),
    maximum: Number(required(env, environment.workersLimit)),
    idleMs: 1_000 * Number(env[environment.workersIdleSeconds] ?? 600),
  });
  await made.look(call.tick !== undefined);
});
