// What API Gateway answers itself, as clients of Kubernetes read it: without this they see {"message": ...} and do not know when to try again.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';
import { StatusError, type StatusReason } from '../core/api/errors.ts';

interface Answer {
  id: string;
  type: ResponseType;
  reason: StatusReason;
  message: string;
  retryAfterSeconds?: number;
}

/**
 * Only a request that was not let in says when to try again, since clients then repeat it, whatever it is. Of one that failed
 * behind API Gateway nobody knows whether it was done.
 */
const answers: readonly Answer[] = [
  {
    id: 'TooMany',
    type: ResponseType.THROTTLED,
    reason: 'TooManyRequests',
    message:
      'API Gateway takes no more requests a second: see the property requestsPerSecond, and the quota of the account',
    retryAfterSeconds: 1,
  },
  {
    id: 'TooLarge',
    type: ResponseType.REQUEST_TOO_LARGE,
    reason: 'RequestEntityTooLarge',
    message: 'the request is larger than API Gateway and Lambda take',
  },
  {
    id: 'Failed',
    type: ResponseType.INTEGRATION_FAILURE,
    reason: 'Timeout',
    message:
      "the API's function could not be called, or failed: see its log, and how many functions the account may run at once",
  },
  {
    id: 'Late',
    type: ResponseType.INTEGRATION_TIMEOUT,
    reason: 'Timeout',
    message: "the API's function did not answer in time",
  },
];

export function answerLikeKubernetes(gateway: RestApi): void {
  for (const { id, type, reason, message, retryAfterSeconds } of answers) {
    const status = new StatusError(reason, message, retryAfterSeconds ? { retryAfterSeconds } : undefined).toStatus();
    gateway.addGatewayResponse(id, {
      type,
      statusCode: String(status.code),
      templates: { 'application/json': JSON.stringify(status) },
      ...(retryAfterSeconds ? { responseHeaders: { 'Retry-After': `'${retryAfterSeconds}'` } } : {}),
    });
  }
}
