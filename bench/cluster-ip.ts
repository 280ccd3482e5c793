// Rows about what the way through a service costs: requests a second from a pod on one node to a pod on another, by the service's
// address and by the pod's own. Needs root.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { namespaceOfPod } from '../test/e2e/peer.ts';
import { createDeployment, type ReadyPod, readyPods, rolledOut } from './deployments.ts';
import { type Api, connect, must } from './http.ts';
import { inTurns, type Row } from './measure.ts';
import { untilPodsAreAdmitted } from './pods.ts';
import { startSlipwayNodes } from './targets.ts';

const port = 8080;
const total = 5_000;
const atOnce = 16;
const runs = 5;
const program = fileURLToPath(new URL('http-peer.ts', import.meta.url));

/** Node in a pod's network namespace. */
const inPod = ({ uid }: ReadyPod, ...args: string[]): ChildProcess =>
  spawn('nsenter', [`--net=${namespaceOfPod(uid)}`, process.execPath, program, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });

const nextLine = async (lines: ReturnType<typeof createInterface>): Promise<string> =>
  ((await once(lines, 'line')) as [string])[0];

async function addressOf(api: Api, app: string): Promise<string> {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: app },
    spec: { selector: { app }, ports: [{ port: 80, targetPort: port }] },
  };
  const { text } = await must(api, 'POST', '/api/v1/namespaces/default/services', JSON.stringify(service));
  return (JSON.parse(text) as { spec: { clusterIP: string } }).spec.clusterIP;
}

async function podOf(api: Api, app: string): Promise<ReadyPod> {
  await createDeployment(api, app, 1);
  await rolledOut(api, app, 1);
  const [pod] = await readyPods(api, app);
  if (!pod) throw new Error(`${app} has no pod`);
  return pod;
}

export async function clusterIpRows(): Promise<Row[]> {
  const target = await startSlipwayNodes('containerd', 2);
  const api = connect(target, 4);
  const children: ChildProcess[] = [];
  try {
    await untilPodsAreAdmitted(api);
    // One pod each on nodes that are otherwise alike: the scheduler gives them to different ones.
    const [server, client] = [await podOf(api, 'server'), await podOf(api, 'client')];
    if (server.node === client.node) throw new Error('both pods are on one node');
    const clusterIp = await addressOf(api, 'server');
    const serving = inPod(server, 'serve', String(port));
    const asking = inPod(client, 'ask');
    children.push(serving, asking);
    await nextLine(createInterface({ input: serving.stdout! }));
    const answers = createInterface({ input: asking.stdout! });
    const rate = async (host: string, at: number, keep: boolean): Promise<number> => {
      asking.stdin!.write(`${host} ${at} ${total} ${atOnce} ${keep ? 1 : 0}\n`);
      return Number(await nextLine(answers));
    };
    const rows: Row[] = [];
    for (const keep of [false, true]) {
      const sides = [() => rate(clusterIp, 80, keep), () => rate(server.ip, port, keep)];
      for (const side of sides) await side(); // not counted
      const [slipway = 0, peer = 0] = await inTurns(runs, sides);
      const how = keep ? 'on connections that stay' : 'each on a connection of its own';
      const what = `requests through a cluster IP, ${how}`;
      rows.push({ what, unit: 'requests/s', better: 'more', slipway, peer, peerName: "the pod's own address" });
    }
    return rows;
  } finally {
    for (const child of children) child.kill('SIGKILL');
    api.close();
    await target.stop();
  }
}
