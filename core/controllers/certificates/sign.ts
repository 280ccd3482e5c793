// Approved requests for Kubernetes' own signers get their certificate; old requests are cleared away.
// Follows https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
import { signerObjection, signers, subjectOfRequest } from '../../api/certificates.ts';
import { resources } from '../../client/resources.ts';
import { timestamp } from '../../ports.ts';
import type { Action, Controller } from '../controller.ts';
import { asObject } from '../owner.ts';
import type { SigningRequest } from '../start.ts';
import { decodeRequest, hasCondition, type StoredRequest } from './approve.ts';

export interface ObservedSigning {
  request: StoredRequest;
  /** PEM, when the request was to be signed and was. */
  certificate?: string;
  /** Why it may not be. */
  objection?: string;
}

const served: readonly string[] = Object.values(signers);
const DEFAULT_SECONDS = 365 * 24 * 3600;
const HOUR_MS = 3_600_000;

/** How long a request is kept, by what became of it. */
function keptMs(request: StoredRequest): number {
  if (hasCondition(request, 'Denied') || hasCondition(request, 'Failed')) return HOUR_MS;
  return request.status?.certificate ? HOUR_MS : 24 * HOUR_MS;
}

export function decideSigning({ request, certificate, objection }: ObservedSigning, nowMs: number): Action[] {
  const of = resources.certificateSigningRequests;
  const { name, uid, creationTimestamp } = request.metadata;
  if (objection !== undefined) {
    const time = timestamp(nowMs);
    const reason = 'SignerValidationFailure';
    const failed = {
      type: 'Failed',
      status: 'True',
      reason,
      message: objection,
      lastUpdateTime: time,
      lastTransitionTime: time,
    };
    const conditions = [...(request.status?.conditions ?? []), failed];
    return [
      {
        do: 'update',
        of,
        object: asObject({ ...request, status: { ...request.status, conditions } }),
        subresource: 'status',
      },
    ];
  }
  if (certificate !== undefined) {
    const status = { ...request.status, certificate: btoa(certificate) };
    return [{ do: 'update', of, object: asObject({ ...request, status }), subresource: 'status' }];
  }
  const leftMs = Date.parse(creationTimestamp ?? '') + keptMs(request) - nowMs;
  if (leftMs > 0) return [{ do: 'requeue', afterMs: leftMs }];
  return [{ do: 'delete', of, key: { namespace: '', name }, options: { uid } }];
}

export const certificateSigningController = (
  sign: ((request: SigningRequest) => Promise<string>) | undefined,
): Controller<ObservedSigning> => ({
  name: 'certificate-signing',
  component: 'certificate-controller',
  watches: [resources.certificateSigningRequests],
  keysFor: (_of, { metadata }) => [{ namespace: '', name: metadata.name ?? '' }],
  async observe(key, cache) {
    const request = cache.get(resources.certificateSigningRequests, key) as unknown as StoredRequest | undefined;
    if (!request) return undefined;
    const { signerName, usages = [], expirationSeconds } = request.spec;
    const isDue =
      hasCondition(request, 'Approved') && !request.status?.certificate && !hasCondition(request, 'Failed') && sign;
    if (!isDue || !served.includes(signerName)) return { request };
    const csrPem = decodeRequest(request);
    const subject = await subjectOfRequest(csrPem);
    const objection = subject ? signerObjection(signerName, subject, usages) : 'the certificate request cannot be read';
    if (objection !== undefined) return { request, objection };
    return {
      request,
      certificate: await sign({ csrPem, usages, durationSeconds: expirationSeconds ?? DEFAULT_SECONDS }),
    };
  },
  decide: decideSigning,
});
