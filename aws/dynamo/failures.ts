// What a failed call means: did it take effect, and what is a client of the API told.
// Follows https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html and
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
import { StatusError } from '../../core/api/errors.ts';

/** The parts of the SDK's errors that are looked at; any of them may be missing. */
interface CallError {
  name?: string;
  message?: string;
  /** Of Node, when there was no answer. */
  code?: string;
  $metadata?: { httpStatusCode?: number };
  CancellationReasons?: readonly { Code?: string }[];
}

/** A call that was given up, after the SDK's own retries. */
export class CallFailed extends Error {
  /** It may have taken effect, or may still: one of the attempts got no answer, or one that does not say. */
  readonly uncertain: boolean;
  /** Of the last attempt. */
  override readonly cause: unknown;

  constructor(cause: unknown, uncertain: boolean) {
    super(describe(cause));
    this.name = 'CallFailed';
    this.cause = cause;
    this.uncertain = uncertain;
  }
}

const describe = (cause: unknown): string => {
  const { name, message } = cause as CallError;
  return [name, message].filter((part) => part !== undefined && part !== '').join(': ') || String(cause);
};

/** Never reached the service: nothing listens there, or its name or network is not known. */
const unreached: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** Whether a single attempt that ended with this error may have taken effect. */
export function isUncertain(error: unknown): boolean {
  const { name, code, $metadata } = error as CallError;
  // The same transaction, sent before, is still being worked on.
  if (name === 'TransactionInProgressException') return true;
  const status = $metadata?.httpStatusCode;
  // A refusal is final. A success that cannot be read is none, and of 5xx the manual says that a write may have been done.
  if (status !== undefined) return status < 300 || status >= 500;
  return !unreached.has(code ?? '');
}

const throttlingNames: ReadonlySet<string> = new Set([
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
]);
const throttlingReasons: ReadonlySet<string> = new Set(['ProvisionedThroughputExceeded', 'ThrottlingError']);

export function isThrottling(error: unknown): boolean {
  const { name, $metadata, CancellationReasons } = error as CallError;
  if (throttlingNames.has(name ?? '') || $metadata?.httpStatusCode === 429) return true;
  return (CancellationReasons ?? []).some(({ Code }) => throttlingReasons.has(Code ?? ''));
}

/** Seconds after which a client should try again. */
const retryAfterSeconds = 1;

/** As the API tells it: 429 when the tables are busy, 503 for everything else. A StatusError stays what it is. */
export function statusOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  const cause = error instanceof CallFailed ? error.cause : error;
  const details = { retryAfterSeconds };
  return isThrottling(cause)
    ? new StatusError('TooManyRequests', `the store is busy (${describe(cause)})`, details)
    : new StatusError('ServiceUnavailable', `the store does not answer (${describe(cause)})`, details);
}
