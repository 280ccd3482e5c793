// Serving certificates of nodes: approved when a node asks for itself, and for names that are its own and nothing more.
// The built-in controller of Kubernetes leaves these to an administrator; here the control plane must reach its nodes from the start.
// Where nodes offer the API to their pods, on the address of the service `kubernetes` itself, they may also speak in its name.
import { type RequestSubject, signerObjection, signers } from '../../api/certificates.ts';
import { isPodApiName } from '../../api/pod-api.ts';
import type { CertificateSigningRequest, EndpointSlice, Node, Service } from '../../api/types.gen.ts';

/** Names and addresses that a node's certificate may carry. */
function namesOf(node: Node): Set<string> {
  const addresses = (node.status?.addresses ?? []).map(({ address }) => address);
  return new Set([node.metadata?.name ?? '', ...addresses]);
}

/** The address on which nodes offer the API to their pods; undefined where pods find it elsewhere. */
export function addressOfPodApi(service: Service | undefined, slice: EndpointSlice | undefined): string | undefined {
  const address = service?.spec?.clusterIP;
  const isItsOwnEndpoint = slice?.endpoints?.some(({ addresses }) => addresses.includes(address ?? ''));
  return address && isItsOwnEndpoint ? address : undefined;
}

/**
 * @param node the node that the subject names, undefined when it is not registered
 * @param podApi the address on which nodes offer the API
 */
export function mayServe(
  request: CertificateSigningRequest,
  subject: RequestSubject,
  node: Node | undefined,
  podApi: string | undefined,
): boolean {
  const { spec } = request;
  if (!node || spec.signerName !== signers.kubeletServing || spec.username !== subject.commonName) return false;
  if (signerObjection(signers.kubeletServing, subject, spec.usages ?? []) !== undefined) return false;
  const own = namesOf(node);
  if ([...subject.dnsNames, ...subject.addresses].every((name) => own.has(name))) return true;
  // never both in one: what the control plane calls a node by is no name of the API
  return (
    podApi !== undefined && subject.dnsNames.every(isPodApiName) && subject.addresses.every((name) => name === podApi)
  );
}
