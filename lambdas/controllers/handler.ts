// The controllers, woken by the stream of the change table, by their own delayed wishes, and by the tick.
import type { Context } from 'aws-lambda';
import { invoker } from '../../aws/invoke.ts';
import { environment } from '../../aws/names.ts';
import { wakeQueue } from '../../aws/wake-queue.ts';
import { compose } from '../host/compose.ts';
import { decodeRecords } from '../host/decode.ts';
import type { BatchResponse, FunctionEvent } from '../host/event.ts';
import { metered } from '../host/meter.ts';
import { invoke, type ReactingFunction } from '../host/reacting-function.ts';
import { controllersFunction } from './function.ts';

let made: ReactingFunction | undefined;

export const handler = metered(
  'controllers',
  async (event: FunctionEvent, context: Context): Promise<BatchResponse> => {
    const { [environment.loadBalancersFunction]: balancers, [environment.wakeQueue]: queue } = process.env;
    const composed = await compose();
    made ??= controllersFunction({
      ...composed,
      ca: composed.cluster.keys.ca,
      ring: (names) => composed.nodes.ring(names),
      decode: decodeRecords,
      askForLoadBalancers: balancers ? () => invoker(composed.clients, balancers).later({}) : undefined,
      sendDelayed: queue ? wakeQueue(composed.clients, queue) : undefined,
    });
    return await invoke(made, event, () => context.getRemainingTimeInMillis());
  },
);
