// Serving certificates of nodes: approved when a node asks for itself, and for names that are its own and nothing more.
// The built-in controller of Kubernetes leaves these to an administrator; here the control plane must reach its nodes from the start.
import { type RequestSubject, signerObjection, signers } from '../../api/certificates.ts';
import type { CertificateSigningRequest, Node } from '../../api/types.gen.ts';

/** Names and addresses that a node's certificate may carry. */
function namesOf(node: Node): Set<string> {
  const addresses = (node.status?.addresses ?? []).map(({ address }) => address);
  return new Set([node.metadata?.name ?? '', ...addresses]);
}

/** `node`: the node that the subject names, undefined when it is not registered. */
export function mayServe(request: CertificateSigningRequest, subject: RequestSubject, node: Node | undefined): boolean {
  const { spec } = request;
  if (!node || spec.signerName !== signers.kubeletServing || spec.username !== subject.commonName) return false;
  if (signerObjection(signers.kubeletServing, subject, spec.usages ?? []) !== undefined) return false;
  const own = namesOf(node);
  return [...subject.dnsNames, ...subject.addresses].every((name) => own.has(name));
}
