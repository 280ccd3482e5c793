// Programs of the bench in the network namespaces of pods, for rows about the network between nodes. Needs root.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { namespaceOfPod } from '../test/e2e/peer.ts';
import { createDeployment, type PodsAre, type ReadyPod, readyPods, rolledOut } from './deployments.ts';
import { type Api, connect } from './http.ts';
import { untilPodsAreAdmitted } from './pods.ts';
import { startSlipwayNodes } from './targets.ts';

const program = fileURLToPath(new URL('http-peer.ts', import.meta.url));
export const peerPort = 8080;

export class PodPeers {
  readonly api: Api;
  readonly #target: Awaited<ReturnType<typeof startSlipwayNodes>>;
  readonly #children: ChildProcess[] = [];

  constructor(target: Awaited<ReturnType<typeof startSlipwayNodes>>) {
    this.#target = target;
    this.api = connect(target, 4);
  }

  /** A pod of a deployment of this name. */
  async pod(name: string, pods: PodsAre = {}): Promise<ReadyPod> {
    await createDeployment(this.api, name, 1, pods);
    await rolledOut(this.api, name, 1);
    const [pod] = await readyPods(this.api, name);
    if (!pod) throw new Error(`${name} has no pod`);
    return pod;
  }

  /** Answers on `peerPort` from now on (bench/http-peer.ts). */
  async serve(pod: ReadyPod): Promise<void> {
    await nextLine(this.#program(pod, 'serve', String(peerPort)).lines);
  }

  /** What the pod is told for a line that it is given (bench/http-peer.ts). */
  asker(pod: ReadyPod): (line: string) => Promise<number> {
    const { child, lines } = this.#program(pod, 'ask');
    return async (line) => {
      child.stdin?.write(`${line}\n`);
      return Number(await nextLine(lines));
    };
  }

  async leave(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    this.api.close();
    await this.#target.stop();
  }

  #program({ uid }: ReadyPod, ...args: string[]) {
    const child = spawn('nsenter', [`--net=${namespaceOfPod(uid)}`, process.execPath, program, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#children.push(child);
    return { child, lines: createInterface({ input: child.stdout }) };
  }
}

const nextLine = async (lines: ReturnType<typeof createInterface>): Promise<string> =>
  ((await once(lines, 'line')) as [string])[0];

/** On a cluster of two nodes, which goes afterwards. */
export async function withPodPeers<T>(act: (peers: PodPeers) => Promise<T>): Promise<T> {
  const peers = new PodPeers(await startSlipwayNodes('containerd', 2));
  try {
    await untilPodsAreAdmitted(peers.api);
    return await act(peers);
  } finally {
    await peers.leave();
  }
}
