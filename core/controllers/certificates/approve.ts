// Certificates that nodes ask for when they join, or to renew their own, are approved if the asker is allowed to have them.
// Follows https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/#approval
import { type RequestSubject, signerObjection, signers, subjectOfRequest } from '../../api/certificates.ts';
import type { Stored } from '../../api/objects.ts';
import type { CertificateSigningRequest, SubjectAccessReview } from '../../api/types.gen.ts';
import type { Client } from '../../client/client.ts';
import { resources } from '../../client/resources.ts';
import { timestamp } from '../../ports.ts';
import type { Action, Controller } from '../controller.ts';
import { asObject } from '../owner.ts';

export type StoredRequest = Stored<CertificateSigningRequest>;

export interface ObservedApproval {
  request: StoredRequest;
  subject: RequestSubject | undefined;
  /** Which of the two permissions the asker has. */
  allowed: { selfNodeClient: boolean; nodeClient: boolean };
}

export const hasCondition = ({ status }: CertificateSigningRequest, type: string): boolean =>
  Boolean(status?.conditions?.some((condition) => condition.type === type));

export const decodeRequest = ({ spec }: CertificateSigningRequest): string => atob(spec.request);

const isNodeClient = ({ spec }: CertificateSigningRequest, subject: RequestSubject): boolean =>
  spec.signerName === signers.kubeletClient &&
  signerObjection(signers.kubeletClient, subject, spec.usages ?? []) === undefined;

export function decideApproval({ request, subject, allowed }: ObservedApproval, nowMs: number): Action[] {
  if (!subject || !isNodeClient(request, subject)) return [];
  const isSelf = request.spec.username === subject.commonName;
  let message: string;
  if (isSelf && allowed.selfNodeClient)
    message = 'Auto approving self kubelet client certificate after SubjectAccessReview.';
  else if (allowed.nodeClient) message = 'Auto approving kubelet client certificate after SubjectAccessReview.';
  else return [];
  const time = timestamp(nowMs);
  const condition = {
    type: 'Approved',
    status: 'True',
    reason: 'AutoApproved',
    message,
    lastUpdateTime: time,
    lastTransitionTime: time,
  };
  const conditions = [...(request.status?.conditions ?? []), condition];
  const object = asObject({ ...request, status: { ...request.status, conditions } });
  return [{ do: 'update', of: resources.certificateSigningRequests, object, subresource: 'approval' }];
}

async function may(client: Client, { spec }: CertificateSigningRequest, subresource: string): Promise<boolean> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: {},
    spec: {
      user: spec.username,
      uid: spec.uid,
      groups: spec.groups,
      extra: spec.extra,
      resourceAttributes: {
        group: 'certificates.k8s.io',
        resource: 'certificatesigningrequests',
        verb: 'create',
        subresource,
        version: '*',
      },
    },
  };
  const of = { group: 'authorization.k8s.io', version: 'v1', plural: 'subjectaccessreviews' };
  const answer = (await client.create<unknown>(of, review)) as SubjectAccessReview;
  return answer.status?.allowed ?? false;
}

export const certificateApprovalController: Controller<ObservedApproval> = {
  name: 'certificate-approval',
  component: 'certificate-controller',
  watches: [resources.certificateSigningRequests],
  keysFor: (_of, { metadata }) => [{ namespace: '', name: metadata.name ?? '' }],
  async observe(key, cache, client) {
    const request = cache.get(resources.certificateSigningRequests, key) as unknown as StoredRequest | undefined;
    if (!request || request.status?.certificate || request.spec.signerName !== signers.kubeletClient) return undefined;
    if (['Approved', 'Denied', 'Failed'].some((type) => hasCondition(request, type))) return undefined;
    const subject = await subjectOfRequest(decodeRequest(request));
    const selfNodeClient = await may(client, request, 'selfnodeclient');
    const nodeClient = await may(client, request, 'nodeclient');
    return { request, subject, allowed: { selfNodeClient, nodeClient } };
  },
  decide: decideApproval,
};
