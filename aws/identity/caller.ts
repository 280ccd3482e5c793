// Asks STS whose a checked token is, by calling its URL with the cluster's name in the signed header.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
import { StatusError } from '../../core/api/errors.ts';

/** As STS names the caller. */
interface Caller {
  account: string;
  arn: string;
  userId: string;
}

export interface CallerOptions {
  /** The name that the token must be signed for. */
  cluster: string;
  /** Called instead of the token's own origin: an emulator that is known to callers by another name. */
  endpoint?: string;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

const timeoutMs = 5_000;
/** An answer is a few hundred bytes. */
const maxAnswerBytes = 16 * 1024;

const unavailable = (why: string): StatusError =>
  new StatusError('ServiceUnavailable', `STS cannot be asked who the caller is: ${why}`);

/** undefined: STS does not take the signature. Throws ServiceUnavailable when it cannot be asked. */
export function callerOf({
  cluster,
  endpoint,
  fetch = globalThis.fetch,
}: CallerOptions): (call: { origin: string; query: string }) => Promise<Caller | undefined> {
  const origin = endpoint && new URL(endpoint).origin;
  return async (call) => {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${origin ?? call.origin}/?${call.query}`, {
        headers: { 'x-k8s-aws-id': cluster, accept: 'application/json' },
        // An answer that points elsewhere is no answer of STS.
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      text = await limitedText(response);
    } catch (error) {
      throw unavailable(reasonOf(error));
    }
    if (response.ok) return readCaller(text);
    if (response.status === 429 || response.status >= 500 || /Throttling/.test(text)) {
      throw unavailable(`it answered ${response.status}`);
    }
    return undefined;
  };
}

const reasonOf = (error: unknown): string => {
  const { cause } = error as { cause?: { code?: string } };
  return cause?.code ?? (error as Error).message;
};

async function limitedText({ body }: Response): Promise<string> {
  let text = '';
  let length = 0;
  const decoder = new TextDecoder();
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > maxAnswerBytes) throw new Error('its answer is too long');
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

/** JSON as it was asked for, or the XML that some emulators answer whatever they are asked. */
function readCaller(text: string): Caller {
  const caller = text.trimStart().startsWith('<') ? callerOfXml(text) : callerOfJson(text);
  if (!caller.account || !caller.arn || !caller.userId) throw unavailable('its answer names nobody');
  return caller;
}

function callerOfJson(text: string): Caller {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw unavailable('its answer cannot be read');
  }
  const { GetCallerIdentityResponse: answer } = (parsed ?? {}) as {
    GetCallerIdentityResponse?: { GetCallerIdentityResult?: Record<string, unknown> };
  };
  const field = (name: string): string => {
    const value = answer?.GetCallerIdentityResult?.[name];
    return typeof value === 'string' ? value : '';
  };
  return { account: field('Account'), arn: field('Arn'), userId: field('UserId') };
}

function callerOfXml(text: string): Caller {
  const field = (name: string): string => new RegExp(`<${name}>([^<&]*)</${name}>`).exec(text)?.[1] ?? '';
  return { account: field('Account'), arn: field('Arn'), userId: field('UserId') };
}
