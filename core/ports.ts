// What a host must hand in. Nothing in core reads a clock, makes an id, starts a timer or prints by itself.

/** Milliseconds since the Unix epoch, and timers that a host (or a simulation) drives. */
export interface Clock {
  now(): number;
  /**
   * Calls back once after `delayMs`; the function returned cancels it. `slackMs` says how much later is still well: a host that
   * is not always there is not woken for the call before then.
   */
  after(delayMs: number, callback: () => void, slackMs?: number): () => void;
}

export interface Ids {
  /** A random (version 4) UUID. */
  uuid(): string;
  /** `length` random letters of the alphabet that Kubernetes uses for generated names. */
  suffix(length: number): string;
  /** Cryptographically strong random bytes. */
  bytes(length: number): Uint8Array;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Structured log: an event's name and its fields. Never a secret, a token or a key. */
export type Log = (level: LogLevel, event: string, fields?: Record<string, unknown>) => void;

export interface Ports {
  clock: Clock;
  ids: Ids;
  log: Log;
}

/** RFC 3339 with seconds, as Kubernetes writes metav1.Time. */
export const timestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** RFC 3339 with microseconds, as Kubernetes writes metav1.MicroTime. */
export const microTimestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 23)}000Z`;
