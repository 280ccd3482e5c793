// The dialer's two ways of answering: as a stream, where followed logs flow, and in one piece.
import type { Writable } from 'node:stream';
import type { Context } from 'aws-lambda';
import type { Clock, Log } from '../../core/ports.ts';
import type { AgentConnections } from '../../host/node-dialer.ts';
import {
  type DialAnswer,
  type DialCredentials,
  type DialEvent,
  isFollowed,
  maxDialBytes,
} from '../host/dial-frames.ts';
import { pump } from '../host/pump.ts';
import { dial, ring } from './dial.ts';

export interface DialerParts {
  agentsFor(credentials: DialCredentials): AgentConnections;
  clock: Clock;
  log: Log;
}

/** What is left to a function for the end of its answer. */
const marginMs = 2_000;

type Remaining = Pick<Context, 'getRemainingTimeInMillis'>;

const limitOf = (context: Remaining): number => Math.max(1_000, context.getRemainingTimeInMillis() - marginMs);

async function ringAll({ agentsFor, log }: DialerParts, event: Extract<DialEvent, { do: 'ring' }>): Promise<void> {
  const deaf = await ring(agentsFor(event.credentials), event);
  if (deaf.length > 0) log('info', 'doorbells-not-heard', { nodes: deaf });
}

export const streamingDialer =
  (parts: DialerParts) =>
  async (event: DialEvent, stream: Writable, context: Remaining): Promise<void> => {
    if (event.do === 'ring') {
      await ringAll(parts, event);
      stream.end('');
      return;
    }
    const gone = new AbortController();
    const { head, body } = await dial(parts.agentsFor(event.credentials), event, gone.signal);
    stream.write(`${JSON.stringify(head)}\n`);
    const limitMs = limitOf(context);
    await pump(body, stream, {
      clock: parts.clock,
      limitMs,
      quietMs: limitMs,
      endless: isFollowed(event.path),
      onGone: () => gone.abort(),
    });
  };

export const bufferedDialer =
  (parts: DialerParts) =>
  async (event: DialEvent, context: Remaining): Promise<DialAnswer | undefined> => {
    if (event.do === 'ring') {
      await ringAll(parts, event);
      return undefined;
    }
    const gone = new AbortController();
    const { head, body } = await dial(parts.agentsFor(event.credentials), event, gone.signal);
    if (!body) return { head, body: '' };
    const until = event.collectMs ?? limitOf(context);
    const collected = await collect(body, until, parts.clock);
    gone.abort();
    if (collected.why === 'large') return failed(`the answer is larger than ${maxDialBytes} bytes: ask for less`);
    if (collected.why === 'late' && event.collectMs === undefined) return failed('the answer took too long');
    return { head, body: collected.bytes.toString('base64') };
  };

const failed = (error: string): DialAnswer => ({ head: { error }, body: '' });

/** What comes until the end, the time or the limit. */
async function collect(
  body: ReadableStream<Uint8Array>,
  untilMs: number,
  clock: Clock,
): Promise<{ bytes: Buffer; why: 'end' | 'late' | 'large' }> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  let cancelTimer: () => void = () => {};
  const late = new Promise<'late'>((resolve) => (cancelTimer = clock.after(untilMs, () => resolve('late'))));
  const done = (why: 'end' | 'late' | 'large') => ({ bytes: Buffer.concat(chunks), why });
  try {
    for (;;) {
      const next = await Promise.race([reader.read(), late]);
      if (next === 'late') return done('late');
      if (next.done) return done('end');
      chunks.push(next.value);
      length += next.value.length;
      if (length > maxDialBytes) return done('large');
    }
  } finally {
    cancelTimer();
    await reader.cancel().catch(() => undefined);
  }
}
