// A cluster on AWS in this process, in simulated time: the functions' own code, composed as Lambda composes it, over tables and
// services in memory. What it asks of AWS is counted.
// What the functions import when they first need it is there before: reading files takes time that is not simulated.
import '../../aws/sdk/dynamodb.ts';
import '../../aws/sdk/lambda.ts';
import '../../aws/sdk/sqs.ts';
import '../../aws/sdk/ssm.ts';
import '../../core/api/strict-yaml.ts';
import { type CoreClients, coreClients } from '../../aws/core-clients.ts';
import { Meter } from '../../aws/cost/meter.ts';
import { meterPlugin } from '../../aws/cost/plugin.ts';
import { changesSchema, objectsSchema } from '../../aws/dynamo/schema.ts';
import { openDynamoStore } from '../../aws/dynamo/store.ts';
import { environment as names } from '../../aws/names.ts';
import { wakeQueue } from '../../aws/wake-queue.ts';
import { seededRandom } from '../../core/client/fixture/random.ts';
import type { Ids, Ports } from '../../core/ports.ts';
import { functionShapes } from '../../infra/function-shapes.ts';
import type { ProxyEvent } from '../../lambdas/api/request.ts';
import { streamingHandler } from '../../lambdas/api/stream.ts';
import { controllersFunction } from '../../lambdas/controllers/function.ts';
import { apiUrl, prefix, sts, env as testEnv } from '../../lambdas/fixture/composed.ts';
import type { Streamed } from '../../lambdas/fixture/gateway.ts';
import { type Composed, composeFresh } from '../../lambdas/host/compose.ts';
import { decodeRecords } from '../../lambdas/host/decode.ts';
import type { BatchResponse, FunctionEvent } from '../../lambdas/host/event.ts';
import { lambdaLog } from '../../lambdas/host/log.ts';
import { invoke } from '../../lambdas/host/reacting-function.ts';
import { schedulerFunction } from '../../lambdas/scheduler/function.ts';
import { onEvent } from '../../lambdas/setup/setup.ts';
import { runTick } from '../../lambdas/tick/function.ts';
import { seededIds } from '../../test/simulation/functions/control-plane.ts';
import { type Latencies, type Services, servicesPlugin } from './aws.ts';
import { type Environment, SimulatedFunction } from './function.ts';
import { Processor } from './processor.ts';
import { Streams } from './streams.ts';
import { MemoryTables } from './tables.ts';
import type { SimulatedTime } from './time.ts';

const minuteMs = 60_000;
const mostDeliveries = 2;
const messagesPerBatch = 10;
const tableNames = { objectsTable: 'objects', changesTable: 'changes' };
const env = {
  ...testEnv,
  [names.dialer]: 'dialer',
  [names.scheduler]: 'scheduler',
  [names.controllers]: 'controllers',
};

/** What is not computed here, but taken to be so. */
export interface Model {
  latencies: Latencies;
  /** Of a doorbell: the dialer's connection to an agent, milliseconds. */
  ringMs: number;
  /** Processor milliseconds of a cold start, by function. */
  initMs(name: string): number;
}

export interface ApiCall {
  event: ProxyEvent;
  stream: Streamed;
}

export class World {
  readonly time: SimulatedTime;
  readonly total = new Meter();
  /** The same names each time. */
  readonly ids: Ids = seededIds(seededRandom(1));
  readonly tables: MemoryTables;
  readonly #processor = new Processor();
  readonly #model: Model;
  readonly #services: Services;
  readonly #streams: Streams;
  readonly #functions = new Map<string, SimulatedFunction<never, unknown>>();
  /** Rings a node's doorbell. */
  onRing: (name: string) => void = () => {};
  /** Messages that have come, and invocations that have some. */
  #waiting = 0;
  #delivering = 0;
  /** Pods whose status became Running. */
  podsStarted = 0;
  readonly api: SimulatedFunction<ApiCall, void>;
  readonly #tick: SimulatedFunction<{ time: string }, void>;

  constructor(time: SimulatedTime, model: Model) {
    this.time = time;
    this.#model = model;
    this.#streams = new Streams(time);
    this.tables = new MemoryTables({ objects: objectsSchema, changes: changesSchema }, this.#streams.inserted);
    this.#services = {
      time,
      processor: this.#processor,
      tables: this.tables,
      latencies: model.latencies,
      parameters: new Map([
        [`${prefix}/api-url`, { Value: apiUrl, Type: 'String' }],
        [`${prefix}/agent-version`, { Value: '0.1.0', Type: 'String' }],
      ]),
      invoke: (name, event) => this.#invokeLater(name, event as never),
      reserve: (name, executions) => {
        this.#functions.get(name)!.reserved = executions;
      },
      message: (delaySeconds) => this.#message(delaySeconds),
    };
    this.api = this.#function('api', async (environment) => {
      const { composed, ports } = await this.#compose(environment);
      return async ({ event, stream }, remainingMs) => {
        const handler = streamingHandler({ compose: async () => composed, ...ports, runtime: stream.runtime });
        await handler(event, stream.stream, { getRemainingTimeInMillis: remainingMs });
      };
    });
    this.#tick = this.#function('tick', async (environment) => {
      const { composed } = await this.#compose(environment);
      return (event) => runTick(event, { ...composed, env });
    });
    const reactors = (['scheduler', 'controllers'] as const).map((name) =>
      this.#function<FunctionEvent, BatchResponse>(name, (environment) => this.#reacting(name, environment)),
    );
    for (const reactor of reactors) {
      this.#streams.consume({ name: reactor.name, invoke: (event) => reactor.invoke(event, reactor.name) });
    }
    this.#function<{ agents: { name: string }[] }, void>('dialer', async () => async ({ agents }) => {
      await time.sleep(model.ringMs);
      for (const { name } of agents) this.onRing(name);
    });
  }

  /** As the deployment does it. Not counted. */
  async setUp(): Promise<void> {
    const meter = new Meter();
    const clients = this.#clients(meter);
    const ports: Ports = { clock: this.time.clock, ids: this.ids, log: () => {} };
    const store = openDynamoStore({ client: await clients.dynamo(), ...tableNames, ports });
    await this.time.settle(onEvent({ RequestType: 'Create' }, { env, clients, openStore: async () => store, ports }));
    this.#tickAgain();
  }

  /** Counts what is charged by the time, once it is over. */
  chargeFor(durationMs: number): void {
    this.total.add('dynamodb', 'storage', 'byteMs', this.tables.storedBytes * durationMs, 'storage');
    // Five pollers that wait 20 s each: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    this.total.add('sqs', 'ReceiveMessage', 'requests', (5 * durationMs) / 20_000, 'queue polling');
  }

  coldStarts(): string {
    return [...this.#functions.values()].map(({ name, coldStarts }) => `${name} ${coldStarts}`).join(', ');
  }

  #function<E, R>(name: keyof ReturnType<typeof functionShapes>, make: MakeOf<E, R>): SimulatedFunction<E, R> {
    const { memoryMb, timeoutSeconds } = functionShapes('stream')[name];
    const made = new SimulatedFunction<E, R>(
      { name, memoryMb, timeoutSeconds, initMs: this.#model.initMs(name), make },
      { time: this.time, processor: this.#processor, total: this.total },
    );
    this.#functions.set(name, made as never);
    return made;
  }

  #clients(meter: Meter): CoreClients {
    const clients = coreClients({
      region: 'us-east-1',
      credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
    });
    clients.use(meterPlugin(meter));
    clients.use(servicesPlugin(this.#services));
    return clients;
  }

  async #compose(environment: Environment): Promise<{ composed: Composed; ports: Ports; clients: CoreClients }> {
    const clients = this.#clients(environment.meter);
    const log = lambdaLog('info', (line) => environment.log(line));
    const ports: Ports = { clock: environment.clock, ids: this.ids, log };
    const openStore = async () => openDynamoStore({ client: await clients.dynamo(), ...tableNames, ports });
    const fetch: typeof sts = async (url, init) => {
      await this.time.sleep(this.#model.latencies.other);
      return await sts!(url, init);
    };
    const composed = await composeFresh({ env, ...ports, clients, openStore, fetch: fetch! });
    return { composed, ports, clients };
  }

  async #reacting(name: 'scheduler' | 'controllers', environment: Environment) {
    const { composed, clients } = await this.#compose(environment);
    const host = { ...composed, decode: decodeRecords };
    const reacting =
      name === 'scheduler'
        ? schedulerFunction(host)
        : controllersFunction({
            ...host,
            ca: composed.cluster.keys.ca,
            ring: (nodes) => composed.nodes.ring(nodes),
            sendDelayed: wakeQueue(clients, 'https://sqs.us-east-1.amazonaws.com/1/wishes'),
          });
    return (event: FunctionEvent, remainingMs: () => number) => invoke(reacting, event, remainingMs);
  }

  #tickAgain(): void {
    const nextMs = Math.floor(this.time.now / minuteMs + 1) * minuteMs;
    this.time.after(nextMs - this.time.now, () => {
      void this.#tick.invoke({ time: new Date(nextMs).toISOString() }, 'tick').catch(() => undefined);
      this.#tickAgain();
    });
  }

  #invokeLater(name: string, event: never): void {
    const called = this.#functions.get(name);
    const cause = name === 'dialer' ? 'doorbells' : 'called by the tick';
    this.time.after(10, () => void called?.invoke(event, cause).catch(() => undefined));
  }

  #message(delaySeconds: number): void {
    this.time.after(delaySeconds * 1_000, () => {
      this.#waiting++;
      void this.#deliver();
    });
  }

  /** As the mapping in infra/wake-ups.ts: two invocations at once, up to ten messages in each. */
  async #deliver(): Promise<void> {
    if (this.#delivering === mostDeliveries) return;
    this.#delivering++;
    while (this.#waiting > 0) {
      const count = Math.min(this.#waiting, messagesPerBatch);
      this.#waiting -= count;
      // They are deleted together.
      this.total.add('sqs', 'DeleteMessageBatch', 'requests', 1, 'delayed wishes');
      const Records = Array.from({ length: count }, () => ({ messageId: 'wish' }));
      await this.#functions
        .get('controllers')
        ?.invoke({ Records } as never, 'delayed wishes')
        .catch(() => undefined);
    }
    this.#delivering--;
  }
}

type MakeOf<E, R> = ConstructorParameters<typeof SimulatedFunction<E, R>>[0]['make'];
