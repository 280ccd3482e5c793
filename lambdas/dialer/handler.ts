// The function in the workers' network that reaches agents: doorbells, logs, stats, proxied requests. It has no rights in AWS.
import { systemClock } from '../../host/ports.ts';
import { lambdaLog } from '../host/log.ts';
import { metered } from '../host/meter.ts';
import { responsesOf } from '../host/settings.ts';
import { streamingRuntime } from '../host/streaming.ts';
import { bufferedDialer, streamingDialer } from './answers.ts';
import { connectionsCache } from './dial.ts';

const parts = { agentsFor: connectionsCache(), clock: systemClock, log: lambdaLog('info') };

export const handler: unknown =
  responsesOf(process.env) === 'buffer'
    ? metered('dialer', bufferedDialer(parts))
    : streamingRuntime().streamifyResponse(metered('dialer', streamingDialer(parts)));
