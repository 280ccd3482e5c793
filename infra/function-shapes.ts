// The functions: what each is for, how much memory it has, how long it may run, and why.
import type { FunctionShape } from './function.ts';

export const functionNames = [
  'api',
  'scheduler',
  'controllers',
  'tick',
  'dialer',
  'workers',
  'load-balancers',
  'instance-events',
  'setup',
] as const;

export type FunctionName = (typeof functionNames)[number];

/** The longest that API Gateway waits for a whole answer, and lasts while it streams one. */
export const answerSeconds = { buffer: 29, stream: 900 } as const;

/** Of a reaction: it ends when nothing is left to do; until then another invocation of the same shard waits. */
const reactionTimeout = {
  timeoutSeconds: 60,
  timeoutReason: 'a batch is worked off in seconds; a hanging one is given up before the tick has come twice',
};

/** A CPU share grows with memory: 1,769 MB are one CPU. Lambda bills memory times time, so that work which only computes costs the same. */
export function functionShapes(responses: 'stream' | 'buffer'): Record<FunctionName, FunctionShape> {
  const answer = {
    timeoutSeconds: answerSeconds[responses],
    timeoutReason: 'as long as API Gateway waits for an answer or streams one',
  };
  return {
    api: {
      description: 'Kubernetes API',
      memoryMb: 1024,
      memoryReason: 'half a CPU for a cold start of about a second; a held watch costs 0.05 USD an hour at this size',
      ...answer,
    },
    scheduler: {
      description: 'Binds pods to nodes; woken by the change log',
      memoryMb: 1024,
      memoryReason: 'caches of pods and nodes, and half a CPU since scheduling computes',
      ...reactionTimeout,
    },
    controllers: {
      description: 'All controllers; woken by the change log',
      memoryMb: 1024,
      memoryReason: 'caches of every kind that a controller watches',
      ...reactionTimeout,
      loopReason: 'it wakes itself by delayed messages, as often as something is due',
    },
    tick: {
      description: 'Once a minute: due times, leases, sealing of gaps',
      memoryMb: 512,
      memoryReason: 'it runs 43,200 times a month and mostly waits for answers of DynamoDB',
      timeoutSeconds: 55,
      timeoutReason: 'it ends before the next one begins',
    },
    dialer: {
      description: 'Calls agents inside the VPC: doorbells, logs',
      memoryMb: 256,
      memoryReason: 'it passes bytes on and holds none',
      ...answer,
    },
    workers: {
      description: 'Sets the size of the Auto Scaling group by the pods that wait',
      memoryMb: 512,
      memoryReason: 'lists pods and nodes once a run',
      ...reactionTimeout,
    },
    'load-balancers': {
      description: 'Network Load Balancers for services that ask for one',
      memoryMb: 512,
      memoryReason: 'lists services and nodes once a run, and waits for AWS',
      ...reactionTimeout,
    },
    'instance-events': {
      description: 'Marks the node of an instance that ends',
      memoryMb: 512,
      memoryReason: 'one write to one node',
      timeoutSeconds: 30,
      timeoutReason: 'a handful of requests; EventBridge tries again',
    },
    setup: {
      description: 'Makes keys and default objects at a deployment',
      memoryMb: 1024,
      memoryReason: 'it runs once a deployment and makes keys, which computes',
      timeoutSeconds: 120,
      timeoutReason: 'some hundred requests to tables that have just been made',
    },
  };
}
