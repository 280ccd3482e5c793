// The one error catalogue: every failure that leaves the API is a StatusError made here. Drivers translate at their edge.
// Follows https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
import type { Status, StatusCause, StatusDetails } from './types.gen.ts';

/** Reason to HTTP code, as kube-apiserver pairs them. */
export const statusCodes = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  NotImplemented: 501,
  ServiceUnavailable: 503,
  Timeout: 504,
  ServerTimeout: 500,
} as const;

export type StatusReason = keyof typeof statusCodes;

export class StatusError extends Error {
  readonly reason: StatusReason;
  readonly code: number;
  readonly details: StatusDetails | undefined;

  constructor(reason: StatusReason, message: string, details?: StatusDetails) {
    super(message);
    this.name = 'StatusError';
    this.reason = reason;
    this.code = statusCodes[reason];
    this.details = details;
  }

  /** The body that clients parse. */
  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details ? { details: this.details } : {}),
      code: this.code,
    };
  }
}

export const isStatus = (error: unknown, ...reasons: StatusReason[]): error is StatusError =>
  error instanceof StatusError && (reasons.length === 0 || reasons.includes(error.reason));

/** A resource as messages name it: plural and group ("pods", "deployments.apps"). */
export interface Named {
  plural: string;
  group: string;
}

const qualified = (of: Named): string => (of.group ? `${of.plural}.${of.group}` : of.plural);
const detailsOf = (of: Named, name: string): StatusDetails => ({
  ...(name ? { name } : {}),
  ...(of.group ? { group: of.group } : {}),
  ...(of.plural ? { kind: of.plural } : {}),
});

export const notFound = (of: Named, name: string): StatusError =>
  new StatusError('NotFound', `${qualified(of)} "${name}" not found`, detailsOf(of, name));

export const alreadyExists = (of: Named, name: string): StatusError =>
  new StatusError('AlreadyExists', `${qualified(of)} "${name}" already exists`, detailsOf(of, name));

export const modifiedConflict = (of: Named, name: string): StatusError =>
  conflict(of, name, 'the object has been modified; please apply your changes to the latest version and try again');

export const conflict = (of: Named, name: string, why: string): StatusError =>
  new StatusError(
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(of)} "${name}": ${why}`,
    detailsOf(of, name),
  );

export const forbidden = (of: Named, name: string, why: string): StatusError =>
  new StatusError(
    'Forbidden',
    of.plural ? `${qualified(of)}${name ? ` "${name}"` : ''} is forbidden: ${why}` : `forbidden: ${why}`,
    detailsOf(of, name),
  );

export const badRequest = (message: string): StatusError => new StatusError('BadRequest', message);

export const unauthorized = (): StatusError => new StatusError('Unauthorized', 'Unauthorized');

export const expired = (message: string): StatusError => new StatusError('Expired', message);

/** One finding of validation: the reason that clients match on, a message, and the path of the field. */
export interface FieldError {
  reason:
    | 'FieldValueInvalid'
    | 'FieldValueRequired'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueDuplicate'
    | 'FieldValueNotFound'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
    | 'InternalError';
  /** As kube-apiserver writes it after the path: `Invalid value: "x": must be ...`. */
  message: string;
  field: string;
}

/** 422 with all causes at once. `kind` is the Kind ("Pod"), as kube-apiserver names it here. */
export function invalid(kind: string, group: string, name: string, errors: FieldError[]): StatusError {
  const texts = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))];
  const summary = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const causes: StatusCause[] = errors.map((e) => ({ reason: e.reason, message: e.message, field: e.field }));
  const label = group ? `${kind}.${group}` : kind;
  return new StatusError('Invalid', `${label} "${name}" is invalid: ${summary}`, {
    ...(name ? { name } : {}),
    ...(group ? { group } : {}),
    ...(kind ? { kind } : {}),
    causes,
  });
}
