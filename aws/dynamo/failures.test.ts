// Which errors leave a write in doubt, and what the client of the API is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '../../core/api/errors.ts';
import { CallFailed, isUncertain, statusOf } from './failures.ts';

const answer = (status: number, name: string) => ({ name, message: '', $metadata: { httpStatusCode: status } });
const network = (code: string) => Object.assign(new Error(code), { name: 'TimeoutError', code });

test('a refusal is certain, and so is what never reached the service', () => {
  for (const error of [
    answer(400, 'ConditionalCheckFailedException'),
    answer(400, 'TransactionCanceledException'),
    answer(400, 'TransactionConflictException'),
    answer(400, 'ProvisionedThroughputExceededException'),
    answer(400, 'ThrottlingException'),
    answer(400, 'ValidationException'),
    answer(400, 'ResourceNotFoundException'),
    answer(403, 'AccessDeniedException'),
    answer(413, 'RequestEntityTooLarge'),
    network('ECONNREFUSED'),
    network('ENOTFOUND'),
    network('EAI_AGAIN'),
    network('EHOSTUNREACH'),
  ])
    assert.equal(isUncertain(error), false, JSON.stringify(error));
});

test('no answer, one that cannot be read, and 5xx leave a write in doubt', () => {
  for (const error of [
    answer(500, 'InternalServerError'),
    answer(502, 'BadGateway'),
    answer(503, 'ServiceUnavailable'),
    answer(504, 'GatewayTimeout'),
    answer(200, 'SyntaxError'),
    answer(400, 'TransactionInProgressException'),
    network('ECONNRESET'),
    network('EPIPE'),
    network('ETIMEDOUT'),
    { name: 'AbortError', message: 'The operation was aborted' },
    new Error('socket hang up'),
  ])
    assert.equal(isUncertain(error), true, String(error));
});

test('throttling is told as 429, all else as 503, both with the time to wait', () => {
  const cancelled = (...codes: string[]) => ({
    ...answer(400, 'TransactionCanceledException'),
    CancellationReasons: codes.map((Code) => ({ Code })),
  });
  const told = (cause: unknown) => {
    const { code, reason, details } = statusOf(new CallFailed(cause, false));
    return [code, reason, details?.retryAfterSeconds];
  };
  const busy = [429, 'TooManyRequests', 1];
  const away = [503, 'ServiceUnavailable', 1];
  assert.deepEqual(told(answer(400, 'ProvisionedThroughputExceededException')), busy);
  assert.deepEqual(told(answer(400, 'ThrottlingException')), busy);
  assert.deepEqual(told(answer(400, 'RequestLimitExceeded')), busy);
  assert.deepEqual(told(answer(429, 'Unknown')), busy);
  assert.deepEqual(told(cancelled('None', 'ThrottlingError')), busy);
  assert.deepEqual(told(cancelled('ProvisionedThroughputExceeded', 'None')), busy);
  assert.deepEqual(told(cancelled('TransactionConflict', 'None')), away);
  assert.deepEqual(told(answer(500, 'InternalServerError')), away);
  assert.deepEqual(told(network('ECONNREFUSED')), away);
  assert.deepEqual(told(answer(400, 'ResourceNotFoundException')), away);
});

test('what is said to clients already stays as it is', () => {
  const said = new StatusError('RequestEntityTooLarge', 'too large');
  assert.equal(statusOf(said), said);
});
