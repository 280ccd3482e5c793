// Certificates that nodes ask for when they join, or to renew their own, are approved if the asker is allowed to have them.
// Follows https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/#approval
import { type RequestSubject, signerObjection, signers, subjectOfRequest } from '../../api/certificates.ts';
import { isStatus } from '../../api/errors.ts';
import type { Stored } from '../../api/objects.ts';
import type {
  CertificateSigningRequest,
  EndpointSlice,
  Node,
  Service,
  SubjectAccessReview,
} from '../../api/types.gen.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import { resources } from '../../client/resources.ts';
import { timestamp } from '../../ports.ts';
import type { Action, Controller } from '../controller.ts';
import { asObject } from '../owner.ts';
import { addressOfPodApi, mayServe } from './serving.ts';

export type StoredRequest = Stored<CertificateSigningRequest>;

export interface ObservedApproval {
  request: StoredRequest;
  subject: RequestSubject | undefined;
  /** Which of the two permissions the asker has. */
  allowed: { selfNodeClient: boolean; nodeClient: boolean };
  /** The node that the subject names. */
  node: Node | undefined;
  /** The address on which nodes offer the API to their pods, where they do. */
  podApi?: string | undefined;
}

export const hasCondition = ({ status }: CertificateSigningRequest, type: string): boolean =>
  Boolean(status?.conditions?.some((condition) => condition.type === type));

const isDecided = (request: StoredRequest): boolean =>
  Boolean(request.status?.certificate) || ['Approved', 'Denied', 'Failed'].some((type) => hasCondition(request, type));

export const decodeRequest = ({ spec }: CertificateSigningRequest): string => atob(spec.request);

const isNodeClient = ({ spec }: CertificateSigningRequest, subject: RequestSubject): boolean =>
  spec.signerName === signers.kubeletClient &&
  signerObjection(signers.kubeletClient, subject, spec.usages ?? []) === undefined;

/** Why a request is approved; undefined when it is not. */
function grounds({ request, subject, allowed, node, podApi }: ObservedApproval): string | undefined {
  if (!subject) return undefined;
  if (mayServe(request, subject, node, podApi))
    return 'Auto approving kubelet serving certificate for the names of its node.';
  if (!isNodeClient(request, subject)) return undefined;
  const isSelf = request.spec.username === subject.commonName;
  if (isSelf && allowed.selfNodeClient)
    return 'Auto approving self kubelet client certificate after SubjectAccessReview.';
  if (allowed.nodeClient) return 'Auto approving kubelet client certificate after SubjectAccessReview.';
  return undefined;
}

export function decideApproval(observed: ObservedApproval, nowMs: number): Action[] {
  const { request } = observed;
  const message = grounds(observed);
  if (message === undefined) return [];
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

async function podApiOf(client: Client): Promise<string | undefined> {
  const kubernetes = { namespace: 'default', name: 'kubernetes' };
  const found = async <T>(of: ResourceRef): Promise<T | undefined> => {
    try {
      return await client.get<T>(of, kubernetes);
    } catch (error) {
      if (isStatus(error, 'NotFound')) return undefined;
      throw error;
    }
  };
  const [service, slice] = await Promise.all([
    found<Service>(resources.services),
    found<EndpointSlice>(resources.endpointSlices),
  ]);
  return addressOfPodApi(service, slice);
}

export const certificateApprovalController: Controller<ObservedApproval> = {
  name: 'certificate-approval',
  component: 'certificate-controller',
  watches: [resources.certificateSigningRequests, resources.nodes],
  keysFor(of, { metadata }, _previous, cache) {
    if (of.plural !== resources.nodes.plural) return [{ namespace: '', name: metadata.name ?? '' }];
    // A request may be seen before the node that it is for, or before the node's addresses.
    const requests = cache.list(resources.certificateSigningRequests) as unknown as StoredRequest[];
    const own = requests.filter((request) => request.spec.username === `system:node:${metadata.name}`);
    return own
      .filter((request) => !isDecided(request))
      .map((request) => ({ namespace: '', name: request.metadata.name }));
  },
  async observe(key, cache, client) {
    const request = cache.get(resources.certificateSigningRequests, key) as unknown as StoredRequest | undefined;
    if (!request || isDecided(request)) return undefined;
    const { signerName } = request.spec;
    if (signerName !== signers.kubeletClient && signerName !== signers.kubeletServing) return undefined;
    const subject = await subjectOfRequest(decodeRequest(request));
    const name = subject?.commonName.replace(/^system:node:/, '') ?? '';
    const node = cache.get(resources.nodes, { namespace: '', name }) as Node | undefined;
    if (signerName === signers.kubeletServing) {
      const podApi = await podApiOf(client);
      return { request, subject, node, podApi, allowed: { selfNodeClient: false, nodeClient: false } };
    }
    const selfNodeClient = await may(client, request, 'selfnodeclient');
    const nodeClient = await may(client, request, 'nodeclient');
    return { request, subject, node, allowed: { selfNodeClient, nodeClient } };
  },
  decide: decideApproval,
};
