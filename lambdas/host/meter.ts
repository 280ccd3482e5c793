// What a function asks of AWS, for who wants to know what a cluster costs: with SLIPWAY_METER set, each invocation ends with a line
// in the log that has its counts. Without it a handler is the very same function, and nothing of the meter is loaded.
import type { CoreClients } from '../../aws/core-clients.ts';
import type { Meter } from '../../aws/cost/meter.ts';
import { environment } from '../../aws/names.ts';
import type { Log } from '../../core/ports.ts';
import { lambdaLog } from './log.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** One for each process: of two invocations that one environment has at once, which Lambda never does, nobody would know whose is whose. */
let meter: Promise<Meter> | undefined;

const theMeter = (): Promise<Meter> => {
  meter ??= import('../../aws/cost/meter.ts').then(({ Meter }) => new Meter());
  return meter;
};

/** Counts the requests of these clients from now on, if that is wanted. */
export async function meterClients(clients: CoreClients, env: Environment): Promise<void> {
  if (!env[environment.meter]) return;
  const { meterPlugin } = await import('../../aws/cost/plugin.ts');
  clients.use(meterPlugin(await theMeter()));
}

export interface MeterOptions {
  env?: Environment;
  log?: Log;
  now?: () => number;
  /** Counted once for each invocation: what called the function. */
  front?: 'api-gateway';
}

/** Milliseconds are those of the handler, as Lambda bills them, without a cold start's. */
export function metered<A extends unknown[], R>(
  name: string,
  handler: (...args: A) => Promise<R>,
  { env = process.env, log = lambdaLog('info'), now = () => performance.now(), front }: MeterOptions = {},
): (...args: A) => Promise<R> {
  if (!env[environment.meter]) return handler;
  return async (...args) => {
    const counts = await theMeter();
    counts.cause = name;
    const beganMs = now();
    try {
      return await handler(...args);
    } finally {
      counts.add('lambda', name, 'requests', 1);
      counts.add('lambda', name, 'ms', Math.ceil(now() - beganMs));
      if (front) counts.add(front, 'request', 'requests', 1);
      log('info', 'counted', { counts: counts.take() });
    }
  };
}
