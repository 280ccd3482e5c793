// Certificate signing requests: who may approve and sign for a signer, and that nobody asks for system:masters.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization
import { decodeBase64, subjectOfRequest } from '../../api/certificates.ts';
import type { CertificateSigningRequest } from '../../api/types.gen.ts';
import { mastersGroup } from '../authenticate/users.ts';
import type { AdmissionPlugin, AdmissionRequest, Authorizer } from '../server.ts';
import { type AdmissionDeps, refusal, resourceOf } from './request.ts';

const group = 'certificates.k8s.io';
const resource = `certificatesigningrequests.${group}`;
const clientSigner = 'kubernetes.io/kube-apiserver-client';

const requestOf = (object: unknown): CertificateSigningRequest => object as CertificateSigningRequest;

export const certificateApproval = ({ authorize }: AdmissionDeps): AdmissionPlugin => ({
  name: 'CertificateApproval',
  async validate(request) {
    if (resourceOf(request) !== resource || request.subresource !== 'approval' || request.operation !== 'UPDATE') {
      return undefined;
    }
    // The stored one counts: the request cannot name another signer on the way.
    const signer = requestOf(request.old).spec.signerName;
    if (await maySign(authorize, request, 'approve', signer)) return undefined;
    throw refusal(request, `user not permitted to approve requests with signerName "${signer}"`);
  },
});

export const certificateSigning = ({ authorize }: AdmissionDeps): AdmissionPlugin => ({
  name: 'CertificateSigning',
  async validate(request) {
    if (resourceOf(request) !== resource || request.subresource !== 'status' || request.operation !== 'UPDATE') {
      return undefined;
    }
    const changed = JSON.stringify(signed(request.object)) !== JSON.stringify(signed(request.old));
    const signer = requestOf(request.old).spec.signerName;
    if (!changed || (await maySign(authorize, request, 'sign', signer))) return undefined;
    throw refusal(request, `user not permitted to sign requests with signerName "${signer}"`);
  },
});

const signed = (object: unknown): unknown => {
  const { certificate, conditions } = requestOf(object).status ?? {};
  return [certificate ?? '', conditions ?? []];
};

/** Allowed for the signer by name, or for all signers of its domain. */
async function maySign(
  authorize: Authorizer,
  { user }: AdmissionRequest,
  verb: string,
  signer: string,
): Promise<boolean> {
  const question = {
    user,
    verb,
    isResource: true,
    group,
    version: '*',
    plural: 'signers',
    subresource: '',
    namespace: '',
    path: '',
  };
  if ((await authorize({ ...question, name: signer })).allowed) return true;
  return (await authorize({ ...question, name: `${signer.split('/')[0]}/*` })).allowed;
}

export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  async validate(request) {
    if (resourceOf(request) !== resource || request.subresource !== '' || request.operation !== 'CREATE')
      return undefined;
    const { spec } = requestOf(request.object);
    if (spec.signerName !== clientSigner) return undefined;
    const subject = await subjectOfRequest(decodeBase64(spec.request));
    if (!subject) throw refusal(request, 'failed to parse CSR: PEM block type must be CERTIFICATE REQUEST');
    if (!subject.organizations.includes(mastersGroup)) return undefined;
    throw refusal(request, `use of ${clientSigner} signer with ${mastersGroup} group is not allowed`);
  },
};
