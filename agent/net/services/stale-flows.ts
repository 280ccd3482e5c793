// UDP has no end of a connection: a flow whose endpoint is gone would be sent there for as long as its client goes on. Such flows
// are found in the kernel's table of connections, and told to conntrack(8), which forgets them.
// Follows https://kubernetes.io/docs/reference/networking/virtual-ips/ and what kube-proxy does after a change of endpoints.
import type { Flows } from './rule-book.ts';

const field = (line: string, name: string): [string, string] => {
  const [first = '', second = ''] = [...line.matchAll(new RegExp(`\\b${name}=(\\S+)`, 'g'))].map((match) => match[1]);
  return [first, second];
};

/**
 * @param listing of `conntrack -L -p udp`: each line tells a flow as it was sent, and as its answers come
 * @param flows what may stand; flows to anything else are none of ours
 * @param nodeAddress what node ports are open on
 * @returns arguments of conntrack, one list for each service and endpoint
 */
export function staleFlows(listing: string, flows: Flows, nodeAddress: string): string[][] {
  const stale = new Map<string, string[]>();
  for (const line of listing.split('\n')) {
    const [source] = field(line, 'src');
    if (!source) continue;
    const [[sentTo], [sentPort, answerPort]] = [field(line, 'dst'), [field(line, 'dport')[0], field(line, 'sport')[1]]];
    const [, answering] = field(line, 'src');
    const targets = flows.get(`${sentTo} . udp . ${sentPort}`) ?? nodePortFlow(flows, sentTo, sentPort, nodeAddress);
    if (!targets || targets.has(`${answering}:${answerPort}`)) continue;
    const to = ['--orig-dst', sentTo, '--orig-port-dst', sentPort];
    const from = ['--reply-src', answering, '--reply-port-src', answerPort];
    stale.set([...to, ...from].join(' '), ['-D', '-p', 'udp', ...to, ...from]);
  }
  return [...stale.values()];
}

const nodePortFlow = (flows: Flows, sentTo: string, port: string, nodeAddress: string) =>
  sentTo === nodeAddress ? flows.get(`udp . ${port}`) : undefined;
