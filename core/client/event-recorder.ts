// Writes events about objects as client-go's recorder does: what repeats raises a count, what resembles is gathered, and who
// says too much about one object is muted for a while. Losing an event is never an error.
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
  #tail: Promise<void> = Promise.resolve();
  #pending = 0;
  #serial = 0n;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Returns at once; the event is written in the background, in order. */
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
    if (this.#muted(subject, nowMs) || this.#pending >= PENDING_LIMIT) return;
    this.#pending++;
    this.#tail = this.#tail
      .then(() => this.#hold(nowMs))
      .then(() => this.#write({ involved, type, reason, ...gathered, details, nowMs }))
      .catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        this.#options.ports.log('debug', 'event lost', { reason, about: involved.name, message: why });
      })
      .finally(() => this.#pending--);
  }

  /** Resolves when all that was recorded so far is written. */
  flush(): Promise<void> {
    return this.#tail;
  }

  /** Resolves when an event of that time may be written. */
  async #hold(recordedMs: number): Promise<void> {
    const { clock } = this.#options.ports;
    const leftMs = recordedMs + (this.#options.holdMs ?? 0) - clock.now();
    if (leftMs > 0) await new Promise<void>((resolve) => void clock.after(leftMs, resolve));
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

  async #write(event: Recorded): Promise<void> {
    const known = this.#known.get(event.id);
    const { client } = this.#options;
    if (known) {
      const count = known.count + 1;
      try {
        await client.patch(resources.events, known, this.#repeat(event, count), { type: 'merge' });
        this.#known.set(event.id, { ...known, count });
        return;
      } catch {
        // It expired, or its namespace went: it is told anew.
        this.#known.delete(event.id);
      }
    }
    const object = this.#fresh(event);
    await client.create(resources.events, object);
    const { namespace = '', name = '' } = object.metadata;
    this.#known.set(event.id, { namespace, name, count: 1 });
  }

  #repeat(event: Recorded, count: number): unknown {
    return this.#options.style === 'reported'
      ? { series: { count, lastObservedTime: microTimestamp(event.nowMs) } }
      : { count, message: event.message, lastTimestamp: timestamp(event.nowMs) };
  }

  #fresh({ involved, type, reason, message, details, nowMs }: Recorded): KubeObject & CoreV1Event {
    const { component, host, style } = this.#options;
    const namespace = involved.namespace || 'default';
    // Nanoseconds since the epoch in hex, as client-go names events; the serial keeps those of one millisecond apart.
    this.#serial = (this.#serial + 1n) % 1_000_000n;
    const unique = (BigInt(nowMs) * 1_000_000n + this.#serial).toString(16);
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
        eventTime: microTimestamp(nowMs),
        reportingComponent: component,
        reportingInstance: host ? `${component}-${host}` : component,
      };
    }
    return {
      ...common,
      source: host ? { component, host } : { component },
      reportingComponent: component,
      reportingInstance: host ?? '',
      firstTimestamp: timestamp(nowMs),
      lastTimestamp: timestamp(nowMs),
      count: 1,
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
  nowMs: number;
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
