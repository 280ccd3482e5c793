// Writes events about objects as client-go's recorder does: what repeats raises a count, what resembles is gathered, and who
// says too much about one object is muted for a while. What waits together is written together. Losing an event is never an error.
// Follows https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ and client-go's event correlator.
import type { KubeObject } from '../api/objects.ts';
import type { CoreV1Event, ObjectReference } from '../api/types.gen.ts';
import { microTimestamp, type Ports, timestamp } from '../ports.ts';
import type { Client } from './client.ts';
import { resources } from './resources.ts';

/** Events about one object from one source: this many at once, then one every five minutes. */
const BURST = 25;
const REFILL_MS = 300_000;
/** More different messages than this within the window are gathered into one event. */
const SIMILAR_LIMIT = 10;
const SIMILAR_WINDOW_MS = 600_000;
/** Entries of each memory; the oldest goes first. */
const MEMORY_LIMIT = 4_096;
/** Events waiting to be written; more are dropped. */
const PENDING_LIMIT = 1_000;
/** Written together: a store takes what comes at once in one sync of its disk, and a function ends sooner. */
const BATCH_LIMIT = 16;
/** Delivered together. */
const DELIVERY_LIMIT = 100;

export interface RecorderOptions {
  client: Client;
  ports: Ports;
  /** `deployment-controller`. */
  component: string;
  /** Host of the reporter, when it matters (kubelet). */
  host?: string;
  /**
   * `reported`: the fields of events.k8s.io (eventTime, action, reporting controller and instance, series), as the scheduler
   * writes them; otherwise source, count and first and last timestamp.
   */
  style?: 'counted' | 'reported';
  /** How long each event waits before it is written, so that it does not take its turn before what it tells of. Default: 0. */
  holdMs?: number;
  /** Creates up to 100 events otherwise than by the client. What is refused is lost. Default: a create for each, side by side. */
  deliver?(events: readonly (KubeObject & CoreV1Event)[]): Promise<void>;
}

export interface EventDetails {
  /** What was being done (`Scheduling`), for style `reported`. */
  action?: string;
  related?: ObjectReference;
  fieldPath?: string;
}

/** A map that forgets its oldest entries. */
class Memory<Value> {
  readonly #entries = new Map<string, Value>();
  get(key: string): Value | undefined {
    return this.#entries.get(key);
  }
  set(key: string, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= MEMORY_LIMIT) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
  delete(key: string): void {
    this.#entries.delete(key);
  }
}

interface Known {
  namespace: string;
  name: string;
  count: number;
}

export class EventRecorder {
  readonly #options: RecorderOptions;
  readonly #known = new Memory<Known>();
  readonly #similar = new Memory<{ sinceMs: number; messages: Set<string> }>();
  readonly #allowance = new Memory<{ tokens: number; atMs: number }>();
  /** In the order of recording. */
  readonly #waiting: Recorded[] = [];
  #writing: Promise<void> | undefined;
  #serial = 0n;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Returns at once; the event is written in the background. */
  record(
    about: KubeObject,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    details: EventDetails = {},
  ): void {
    const involved = referenceTo(about, details.fieldPath);
    const nowMs = this.#options.ports.clock.now();
    const subject = [involved.kind, involved.namespace, involved.name, involved.uid, involved.apiVersion].join('\n');
    const gathered = this.#gather([subject, involved.fieldPath, type, reason].join('\n'), message, nowMs);
    if (this.#muted(subject, nowMs) || this.#waiting.length >= PENDING_LIMIT) return;
    this.#waiting.push({ involved, type, reason, ...gathered, details, sinceMs: nowMs, nowMs, times: 1 });
    this.#writing ??= this.#writeOn();
  }

  /** Resolves when all that was recorded so far is written. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  async #writeOn(): Promise<void> {
    const { clock } = this.#options.ports;
    const { holdMs = 0, deliver } = this.#options;
    const limit = deliver ? DELIVERY_LIMIT : BATCH_LIMIT;
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      const leftMs = first.nowMs + holdMs - clock.now();
      if (leftMs > 0) await new Promise<void>((resolve) => void clock.after(leftMs, resolve));
      const due = this.#waiting.findIndex(({ nowMs }) => nowMs + holdMs > clock.now());
      const count = Math.min(due < 0 ? this.#waiting.length : due, limit);
      // A clock that was set back makes none of them due: the first has waited all the same.
      await this.#writeAll(this.#waiting.splice(0, Math.max(count, 1))).catch((error: unknown) =>
        this.#options.ports.log('warn', 'events lost', { message: String(error) }),
      );
    }
    this.#writing = undefined;
  }

  /** The same event twice is written once. */
  async #writeAll(batch: readonly Recorded[]): Promise<void> {
    const different = new Map<string, Recorded>();
    for (const event of batch) {
      const before = different.get(event.id);
      const both = before && { sinceMs: before.sinceMs, times: before.times + event.times };
      different.set(event.id, { ...event, ...both });
    }
    const repeated = [...different.values()].filter(({ id }) => this.#known.get(id));
    const unrepeatable = await Promise.all(repeated.map((event) => this.#raise(event)));
    const fresh = [...different.values()].filter((event) => !repeated.includes(event) || unrepeatable.includes(event));
    await this.#create(fresh);
  }

  #muted(subject: string, nowMs: number): boolean {
    const allowance = this.#allowance.get(subject) ?? { tokens: BURST, atMs: nowMs };
    const tokens = Math.min(BURST, allowance.tokens + (nowMs - allowance.atMs) / REFILL_MS);
    this.#allowance.set(subject, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs });
    return tokens < 1;
  }

  #gather(group: string, message: string, nowMs: number): { id: string; message: string } {
    let similar = this.#similar.get(group);
    if (!similar || nowMs - similar.sinceMs > SIMILAR_WINDOW_MS) similar = { sinceMs: nowMs, messages: new Set() };
    if (similar.messages.size <= SIMILAR_LIMIT) similar.messages.add(message);
    this.#similar.set(group, similar);
    return similar.messages.size > SIMILAR_LIMIT
      ? { id: group, message: `(combined from similar events): ${message}` }
      : { id: `${group}\n${message}`, message };
  }

  /** Returns the event when it has to be told anew: it expired, or its namespace went. */
  async #raise(event: Recorded): Promise<Recorded | undefined> {
    const known = this.#known.get(event.id)!;
    const count = known.count + event.times;
    try {
      await this.#options.client.patch(resources.events, known, this.#repeat(event, count), { type: 'merge' });
      this.#known.set(event.id, { ...known, count });
      return undefined;
    } catch {
      this.#known.delete(event.id);
      return event;
    }
  }

  async #create(events: readonly Recorded[]): Promise<void> {
    if (events.length === 0) return;
    const { client, deliver } = this.#options;
    const objects = events.map((event) => this.#fresh(event));
    const create = async (index: number, write: () => Promise<unknown>): Promise<void> => {
      const { id, reason, times, involved } = events[index]!;
      const { namespace = '', name = '' } = objects[index]!.metadata;
      try {
        await write();
        this.#known.set(id, { namespace, name, count: times });
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        this.#options.ports.log('debug', 'event lost', { reason, about: involved.name, message });
      }
    };
    const delivered = deliver?.(objects);
    await Promise.all(
      objects.map((object, index) => create(index, () => delivered ?? client.create(resources.events, object))),
    );
  }

  #repeat(event: Recorded, count: number): unknown {
    return this.#options.style === 'reported'
      ? { series: { count, lastObservedTime: microTimestamp(event.nowMs) } }
      : { count, message: event.message, lastTimestamp: timestamp(event.nowMs) };
  }

  #fresh({ involved, type, reason, message, details, sinceMs, nowMs, times }: Recorded): KubeObject & CoreV1Event {
    const { component, host, style } = this.#options;
    const namespace = involved.namespace || 'default';
    // Nanoseconds since the epoch in hex, as client-go names events; the serial keeps those of one millisecond apart.
    this.#serial = (this.#serial + 1n) % 1_000_000n;
    const unique = (BigInt(Math.trunc(sinceMs)) * 1_000_000n + this.#serial).toString(16);
    const common = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${involved.name}.${unique}`, namespace },
      involvedObject: involved,
      type,
      reason,
      message,
      ...(details.related ? { related: details.related } : {}),
    };
    if (style === 'reported') {
      return {
        ...common,
        action: details.action ?? reason,
        eventTime: microTimestamp(sinceMs),
        reportingComponent: component,
        reportingInstance: host ? `${component}-${host}` : component,
        ...(times > 1 ? { series: { count: times, lastObservedTime: microTimestamp(nowMs) } } : {}),
      };
    }
    return {
      ...common,
      source: host ? { component, host } : { component },
      reportingComponent: component,
      reportingInstance: host ?? '',
      firstTimestamp: timestamp(sinceMs),
      lastTimestamp: timestamp(nowMs),
      count: times,
    };
  }
}

interface Recorded {
  involved: ObjectReference;
  type: string;
  reason: string;
  id: string;
  message: string;
  details: EventDetails;
  /** Its first and its last time. */
  sinceMs: number;
  nowMs: number;
  times: number;
}

function referenceTo(about: KubeObject, fieldPath: string | undefined): ObjectReference {
  const { namespace, name, uid, resourceVersion } = about.metadata;
  return {
    apiVersion: about.apiVersion,
    kind: about.kind,
    ...(namespace ? { namespace } : {}),
    name,
    uid,
    ...(resourceVersion ? { resourceVersion } : {}),
    ...(fieldPath ? { fieldPath } : {}),
  };
}
