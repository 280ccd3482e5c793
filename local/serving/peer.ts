// Who is at the other end of a TLS connection: read once for each connection.
import type { TLSSocket } from 'node:tls';
import type { Peer } from '../../core/apiserver/server.ts';

/** 'refused': a certificate was shown, and it is not one of the cluster's. */
export type SocketPeer = Peer | 'refused';

const peers = new WeakMap<TLSSocket, SocketPeer>();

const listOf = (value: string | string[] | undefined): string[] => (value === undefined ? [] : [value].flat());

export function peerOf(socket: TLSSocket): SocketPeer {
  let peer = peers.get(socket);
  if (!peer) peers.set(socket, (peer = readPeer(socket)));
  return peer;
}

function readPeer(socket: TLSSocket): SocketPeer {
  const address = socket.remoteAddress ?? '';
  const { subject, fingerprint256, ext_key_usage: usages } = socket.getPeerCertificate();
  if (!subject) return { address };
  // A serving certificate, of an agent for instance, proves nothing about a client.
  if (!socket.authorized || !usages?.includes(clientAuth)) return 'refused';
  const commonName = listOf(subject.CN as string | string[])[0] ?? '';
  const organizations = listOf(subject.O as string | string[] | undefined);
  return { certificate: { commonName, organizations, fingerprint: fingerprint256 }, address };
}

/** Object identifier of the extended key usage. */
const clientAuth = '1.3.6.1.5.5.7.3.2';
