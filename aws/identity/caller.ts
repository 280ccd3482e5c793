// Asks STS whose a checked token is, by calling its URL with the cluster's name in the signed header.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
import { StatusError } from '../../core/api/errors.ts';
import { type Fields, readAnswer } from './sts-answer.ts';

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

function readCaller(text: string): Caller {
  let field: Fields;
  try {
    field = readAnswer(text, 'GetCallerIdentity');
  } catch {
    throw unavailable('its answer cannot be read');
  }
  const caller = { account: field('Account'), arn: field('Arn'), userId: field('UserId') };
  if (!caller.account || !caller.arn || !caller.userId) throw unavailable('its answer names nobody');
  return caller;
}
