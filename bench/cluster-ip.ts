// Rows about what the way through a service costs: requests a second from a pod on one node to a pod on another, by the service's
// address and by the pod's own.
import { type Api, must } from './http.ts';
import { inTurns, type Row } from './measure.ts';
import { peerPort, withPodPeers } from './pod-peers.ts';

const total = 5_000;
const atOnce = 16;
const runs = 5;

async function addressOf(api: Api, app: string): Promise<string> {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: app },
    spec: { selector: { app }, ports: [{ port: 80, targetPort: peerPort }] },
  };
  const { text } = await must(api, 'POST', '/api/v1/namespaces/default/services', JSON.stringify(service));
  return (JSON.parse(text) as { spec: { clusterIP: string } }).spec.clusterIP;
}

export const clusterIpRows = (): Promise<Row[]> =>
  withPodPeers(async (peers) => {
    // One pod each on nodes that are otherwise alike: the scheduler gives them to different ones.
    const [server, client] = [await peers.pod('server'), await peers.pod('client')];
    if (server.node === client.node) throw new Error('both pods are on one node');
    const clusterIp = await addressOf(peers.api, 'server');
    await peers.serve(server);
    const ask = peers.asker(client);
    const rate = (host: string, port: number, keep: boolean): Promise<number> =>
      ask(`rate ${host} ${port} ${total} ${atOnce} ${keep ? 1 : 0}`);
    const rows: Row[] = [];
    for (const keep of [false, true]) {
      const sides = [() => rate(clusterIp, 80, keep), () => rate(server.ip, peerPort, keep)];
      for (const side of sides) await side(); // not counted
      const [slipway = 0, peer = 0] = await inTurns(runs, sides);
      const how = keep ? 'on connections that stay' : 'each on a connection of its own';
      const what = `requests through a cluster IP, ${how}`;
      rows.push({ what, unit: 'requests/s', better: 'more', slipway, peer, peerName: "the pod's own address" });
    }
    return rows;
  });
