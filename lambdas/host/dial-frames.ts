// What passes between the API and the dialer. A call is one invocation whose event is a DialEvent. Its answer begins with one
// line of JSON, the DialHead; the agent's body follows byte for byte. Where responses are not streamed it is a DialAnswer.
import type { AgentAddress } from '../../host/agent-address.ts';

/** The control plane's client certificate and the authority that agents' certificates are checked against (PEM). */
export interface DialCredentials {
  ca: string;
  certificate: string;
  key: string;
}

export type DialEvent =
  | { readonly do: 'ring'; readonly credentials: DialCredentials; readonly agents: readonly AgentAddress[] }
  | DialCall;

export interface DialCall {
  readonly do: 'call';
  readonly credentials: DialCredentials;
  readonly agent: AgentAddress;
  /** Path and query on the agent's server. */
  readonly path: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  /** Base64. */
  readonly body?: string;
  /** Buffered only: a body that has not ended after this many milliseconds is answered as far as it came. */
  readonly collectMs?: number;
}

/** What the agent answered, or why it could not be asked. */
export type DialHead =
  | { readonly status: number; readonly headers: readonly (readonly [string, string])[] }
  | { readonly error: string };

export interface DialAnswer {
  readonly head: DialHead;
  /** Base64. */
  readonly body: string;
}

/** A log that is followed does not end by itself. */
export const isFollowed = (path: string): boolean => {
  const { pathname, searchParams } = new URL(path, 'https://agent');
  return pathname.startsWith('/containerLogs/') && searchParams.get('follow') === 'true';
};

/** Lambda takes and gives 6 MB where nothing is streamed, and base64 makes three bytes four. */
export const maxDialBytes = 4 * 1024 * 1024;

/** A head is headers of one answer, which HTTP servers limit to far less. */
const maxHeadBytes = 256 * 1024;

const newline = 10;

/** Takes the head off a streamed answer; `rest` is what of the body came with it. Throws an Error for a stream without one. */
export async function readHead(
  chunks: AsyncIterator<Uint8Array, unknown>,
): Promise<{ head: DialHead; rest: Uint8Array }> {
  let bytes = new Uint8Array();
  for (;;) {
    const end = bytes.indexOf(newline);
    if (end >= 0) {
      const text = new TextDecoder().decode(bytes.subarray(0, end));
      return { head: JSON.parse(text) as DialHead, rest: bytes.subarray(end + 1) };
    }
    if (bytes.length > maxHeadBytes) throw new Error('the dialer answered without a head');
    const chunk = await chunks.next();
    if (chunk.done) throw new Error('the dialer ended before it answered');
    const joined = new Uint8Array(bytes.length + chunk.value.length);
    joined.set(bytes);
    joined.set(chunk.value, bytes.length);
    bytes = joined;
  }
}

/** Statuses that a Response may have no body with. */
const bodiless = new Set([204, 205, 304]);

/** The agent's answer as a Response. Throws an Error with the reason why the agent could not be asked. */
export function responseOf(head: DialHead, body: BodyInit): Response {
  if ('error' in head) throw new Error(head.error);
  const { status } = head;
  const headers = new Headers(head.headers.map(([name, value]): [string, string] => [name, value]));
  if (!bodiless.has(status)) return new Response(body, { status, headers });
  if (body instanceof ReadableStream) void body.cancel();
  return new Response(null, { status, headers });
}
