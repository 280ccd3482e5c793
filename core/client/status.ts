// From an answer that is not a success to the StatusError that the API meant.
import type { StatusReason } from '../api/errors.ts';
import { StatusError, statusCodes } from '../api/errors.ts';
import type { Status } from '../api/types.gen.ts';

/** For answers without a reason (a proxy's, an old server's). */
const reasonOf = (code: number): StatusReason => {
  const found = (Object.keys(statusCodes) as StatusReason[]).find((reason) => statusCodes[reason] === code);
  return found ?? (code >= 500 ? 'InternalError' : 'BadRequest');
};

/** From a Status object: an error body, or the object of an ERROR event of a watch. */
export function fromStatus(status: Partial<Status>, httpCode?: number): StatusError {
  const code = status.code ?? httpCode ?? 500;
  const reason = status.reason && status.reason in statusCodes ? (status.reason as StatusReason) : reasonOf(code);
  return new StatusError(reason, status.message ?? `the server answered ${code}`, status.details);
}

/** Reads the body of a failed answer. Retry-After, in seconds, is found in details.retryAfterSeconds. */
export async function errorOf(response: Response): Promise<StatusError> {
  const text = await response.text();
  const status = parseStatus(text) ?? { code: response.status, message: text.trim() || response.statusText };
  const retryAfter = Number(response.headers.get('retry-after'));
  if (retryAfter > 0) status.details = { ...status.details, retryAfterSeconds: retryAfter };
  return fromStatus(status, response.status);
}

function parseStatus(text: string): Partial<Status> | undefined {
  try {
    const body = JSON.parse(text) as Partial<Status>;
    return body?.kind === 'Status' ? body : undefined;
  } catch {
    return undefined;
  }
}
