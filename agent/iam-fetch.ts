// `fetch` with tokens of the instance's role. A clock that is wrong by minutes is noticed on a refusal, told, and corrected by the
// answer's Date, as the AWS SDKs do; then the request is sent again, once.
import type { TokenSource } from '../aws/identity/token-source.ts';
import type { Log } from '../core/ports.ts';

export interface IamFetchOptions {
  tokens: Pick<TokenSource, 'get' | 'drop' | 'observe' | 'offsetMs'>;
  send(request: Request, token: string): Promise<Response>;
  log: Log;
}

const refusals = new Set([401, 403]);

export function iamFetch({ tokens, send, log }: IamFetchOptions): (request: Request) => Promise<Response> {
  /** A refused token is made anew once; a second refusal is the API's word. */
  return async (request) => {
    const again = request.clone();
    const answer = await send(request, await tokens.get());
    if (!refusals.has(answer.status)) return answer;
    const skewed = tokens.observe(answer.headers.get('date'));
    if (skewed) {
      const seconds = Math.round(Math.abs(tokens.offsetMs) / 1000);
      const message = `this machine's clock is ${seconds} s ${tokens.offsetMs > 0 ? 'behind' : 'ahead of'} the API's; identity tokens are signed by the API's clock until it is right (is chronyd running?)`;
      log(tokens.offsetMs === 0 ? 'info' : 'error', 'clock differs', { message, offsetMs: tokens.offsetMs });
    }
    // 403 is an answer to who the caller is, unless the gateway gave it about the time
    if (answer.status === 403 && !skewed) return answer;
    tokens.drop();
    await answer.body?.cancel();
    return send(again, await tokens.get());
  };
}
