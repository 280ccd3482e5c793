// From which addresses the API may be called, where the stack restricts that. API Gateway's own policy cannot: it knows addresses only,
// and workers come from public ones that change with each instance.
import { BlockList, isIP } from 'node:net';
import { StatusError } from '../../core/api/errors.ts';
import { nodesGroup, serviceAccountsGroup } from '../../core/apiserver/authenticate/users.ts';
import type { Authenticator, Peer, User } from '../../core/apiserver/server.ts';

/** Workers, and what runs on them: wherever an instance is, that is where they call from. */
const comesFromWorkers = ({ groups }: User): boolean => groups.some((group) => fromAnywhere.has(group));
const fromAnywhere: ReadonlySet<string> = new Set([nodesGroup, serviceAccountsGroup]);

const refused = (address: string): StatusError =>
  new StatusError(
    'Forbidden',
    `the address ${address} may not call this API: see the stack's property allowedAddresses`,
  );

/**
 * The authenticators, which throw Forbidden for a user whom they know and who calls from elsewhere. Nobody in particular may still
 * ask from everywhere, for the public keys of tokens among other things. `ranges`: CIDRs; none: everybody may call.
 */
export function allowedFrom(ranges: readonly string[], authenticators: readonly Authenticator[]): Authenticator[] {
  if (ranges.length === 0) return [...authenticators];
  const allowed = new BlockList();
  for (const range of ranges) {
    const [network = '', length] = range.split('/');
    allowed.addSubnet(network, Number(length), isIP(network) === 6 ? 'ipv6' : 'ipv4');
  }
  // A function that calls its own API shows a certificate, which nobody can show to API Gateway.
  const mayCall = ({ address = '', certificate }: Peer): boolean =>
    certificate !== undefined || (isIP(address) !== 0 && allowed.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'));
  return authenticators.map((authenticator) => async (request, peer) => {
    const user = await authenticator(request, peer);
    if (user && !comesFromWorkers(user) && !mayCall(peer)) throw refused(peer.address ?? 'of nobody');
    return user;
  });
}
