// A node without a control plane: a containerd of its own, the agent in this process, and a stand-in for the sync call.

import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Agent } from '../../agent/agent.ts';
import { Cgroups, detectCgroups } from '../../agent/cgroups/cgroups.ts';
import { weightOf } from '../../agent/cgroups/limits.ts';
import { Checkpoint } from '../../agent/checkpoint/checkpoint.ts';
import type { AgentConfig, ResolvedConfig } from '../../agent/config.ts';
import { resolveConfig } from '../../agent/config.ts';
import { chainFolders, cniChain, containerdToml } from '../../agent/containerd/config.ts';
import { AgentMetrics } from '../../agent/metrics.ts';
import { ObjectCache } from '../../agent/objects.ts';
import type { RuntimeParts } from '../../agent/runtimes.ts';
import { containerdRuntime } from '../../agent/runtimes.ts';
import type { NodeSyncRequest, NodeSyncResponse, PodGone } from '../../core/api/node-sync.ts';
import type { Stored } from '../../core/api/objects.ts';
import type { ConfigMap, Node, Pod, PodStatus, Secret } from '../../core/api/types.gen.ts';
import type { Client } from '../../core/client/client.ts';
import type { PodEvent } from '../../core/kubelet/model.ts';
import { guard } from '../guard.ts';
import { labNames } from './lab-remains.ts';

const run = promisify(execFile);
const labRemains = fileURLToPath(new URL('lab-remains.ts', import.meta.url));
const bridgeSubnet = '10.249.77.0/24';

/** The stand-in for the control plane: objects that the test sets, statuses that the agent reports. */
export class FakeControlPlane {
  readonly pods = new Map<string, Stored<Pod>>();
  readonly configMaps = new Map<string, Stored<ConfigMap>>();
  readonly secrets = new Map<string, Stored<Secret>>();
  readonly statuses = new Map<string, PodStatus>();
  /** Every status that was reported, in order: some are another a moment later. */
  readonly reported = new Map<string, PodStatus[]>();
  readonly gone = new Set<string>();
  readonly events: { pod: string; event: PodEvent }[] = [];
  away = false;
  node: Stored<Node> = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'lab', uid: 'lab' },
    status: { allocatable: { cpu: '2', memory: '4Gi', pods: '110' } },
  };
  #changed = new Set<string>();
  #deleted: PodGone[] = [];
  #revision = 0;
  onChange: () => void = () => {};

  async call(request: NodeSyncRequest): Promise<NodeSyncResponse> {
    if (this.away) throw new Error('connection refused');
    for (const { name, status } of request.podStatuses) {
      this.statuses.set(name, status);
      this.reported.set(name, [...(this.reported.get(name) ?? []), status]);
    }
    for (const gone of request.podsGone) {
      this.gone.add(gone.name);
      this.pods.delete(gone.name);
    }
    const full = request.since === undefined;
    const pods = [...this.pods.values()].filter((p) => full || this.#changed.has(p.metadata.name));
    const answer: NodeSyncResponse = {
      since: String(++this.#revision),
      full,
      node: this.node,
      pods: structuredClone(pods),
      deletedPods: this.#deleted,
      configMaps: [...this.configMaps.values()],
      secrets: [...this.secrets.values()],
      missing: [],
      refused: [],
      nextSyncMs: 1000,
    };
    this.#changed = new Set();
    this.#deleted = [];
    return answer;
  }

  apply(pod: Pod): void {
    const name = pod.metadata!.name!;
    const full = {
      ...pod,
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'default', uid: `uid-${name}`, generation: 1, ...pod.metadata, name },
    } as Stored<Pod>;
    this.pods.set(name, full);
    this.touch(name);
  }

  touch(name: string): void {
    this.#changed.add(name);
    this.onChange();
  }

  /** Graceful deletion. */
  delete(name: string, graceSeconds: number): void {
    const pod = this.pods.get(name)!;
    pod.metadata.deletionTimestamp = new Date().toISOString();
    pod.metadata.deletionGracePeriodSeconds = graceSeconds;
    this.touch(name);
  }

  /** The object is gone at once. */
  forceDelete(name: string): void {
    const { uid } = this.pods.get(name)!.metadata;
    this.pods.delete(name);
    this.#deleted.push({ namespace: 'default', name, uid });
    this.onChange();
  }
}

export interface Lab {
  control: FakeControlPlane;
  agent: Agent;
  parts: RuntimeParts;
  config: ResolvedConfig;
  dir: string;
  containerd: ChildProcess;
  restartAgent(): Promise<void>;
  restartContainerd(): Promise<void>;
  /** Does something while containerd is dead. */
  withoutContainerd(act: () => Promise<void>): Promise<void>;
  /** Waits until the status satisfies the test; fails after two minutes with what was seen last. */
  until(name: string, what: (status: PodStatus) => unknown): Promise<PodStatus>;
  /** Waits until a status satisfies the test or did at any time before; the first that does. */
  once(name: string, what: (status: PodStatus) => unknown): Promise<PodStatus>;
  untilGone(name: string): Promise<void>;
  exec(name: string, container: string, command: string[]): Promise<string>;
  /** What the kernel holds for a pod. */
  cgroup(uid: string, qos: string): { cpuWeight: number; cpuQuota: number; memoryBytes: number };
  close(): Promise<void>;
}

async function eventually(what: string, check: () => Promise<boolean> | boolean, seconds = 120): Promise<void> {
  for (let i = 0; i < seconds * 50; i++) {
    if (await check()) return;
    await sleep(20);
  }
  throw new Error(`still not so after ${seconds} s: ${what}`);
}

function startContainerd(dir: string): ChildProcess {
  const log = openSync(`${dir}/containerd.log`, 'a');
  return spawn('containerd', ['-c', `${dir}/config.toml`], { stdio: ['ignore', log, log] });
}

export async function importImages(socket: string, archives: string[]): Promise<void> {
  for (const archive of archives) await run('ctr', ['-a', socket, '-n', 'k8s.io', 'images', 'import', archive]);
}

const refused = (): Promise<never> => Promise.reject(new Error('this lab has no API server'));

/** @param archives docker or OCI archives with at least the pause image the upstream name of pause and a busybox */
export async function startLab(archives: string[], pauseImage: string, extra: Partial<AgentConfig> = {}): Promise<Lab> {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-lab-'));
  const names = labNames(dir);
  const { socket, bridge } = names;
  const remains = guard([process.execPath, labRemains, dir]);
  const chains = chainFolders(`${dir}/cni`);
  for (const folder of Object.values(chains)) mkdirSync(folder, { recursive: true });
  const network = { name: names.network, range: bridgeSubnet, leases: `${dir}/leases` };
  writeFileSync(`${chains.bridge}/10.conflist`, cniChain(network, false).replaceAll('cni0', bridge));
  writeFileSync(`${chains.hostPort}/10.conflist`, cniChain(network, true).replaceAll('cni0', bridge));
  writeFileSync(
    `${dir}/config.toml`,
    containerdToml({
      root: `${dir}/root`,
      state: `${dir}/containerd`,
      socket,
      cni: `${dir}/cni`,
      cniPlugins: '/usr/lib/cni',
      runc: existsSync('/usr/sbin/runc') ? '/usr/sbin/runc' : '/usr/bin/runc',
      pauseImage,
      registries: `${dir}/registries`,
      appArmor: false,
      lowerScores: false,
    }),
  );
  let containerd = startContainerd(dir);
  const serving = () =>
    run('ctr', ['-a', socket, 'version']).then(
      () => true,
      () => false,
    );
  await eventually('containerd serves', serving);
  await importImages(socket, archives);
  const config = resolveConfig({
    clusterName: 'lab',
    nodeName: 'lab',
    apiUrl: '',
    caFile: '',
    runtime: 'containerd',
    containerdSocket: socket,
    stateDir: `${dir}/agent`,
    cgroupRoot: `${names.cgroup}/kubepods`,
    address: '127.0.0.1',
    port: 0,
    clusterDns: [],
    clusterDomain: 'cluster.local',
    hostPortHandler: 'hostport',
    ...extra,
  });
  mkdirSync(config.podsDir, { recursive: true });
  const control = new FakeControlPlane();
  const client = {
    create: refused,
    get: refused,
    list: refused,
    update: refused,
    patch: refused,
    delete: refused,
  } as unknown as Client;

  const startAgent = async (): Promise<{ agent: Agent; parts: RuntimeParts }> => {
    const objects = new ObjectCache();
    const log = (level: string, event: string, fields?: object): void => {
      if (process.env['LAB_LOG'] || level === 'error') console.error(level, event, fields ?? '');
    };
    const parts = await containerdRuntime(config, client, objects, new AgentMetrics('lab'), log);
    parts.setFacts({
      allocatable: { cpu: '2', memory: '4Gi', pods: '110' },
      capacity: {},
      memoryBytes: 4 * 2 ** 30,
      info: {} as never,
    });
    const agent = new Agent({
      nodeName: 'lab',
      hostIPs: ['127.0.0.1'],
      runtime: parts.runtime,
      objects,
      client,
      call: (request) => control.call(request),
      recordEvent: (pod, event) => void control.events.push({ pod: pod.metadata.name!, event }),
      checkpoint: new Checkpoint(config.stateDir, log),
      ownNode: () => ({ status: { allocatable: { cpu: '2', memory: '4Gi', pods: '110' } } }),
      abilities: () => ({ userNamespaces: false, supplementalGroupsPolicy: false, allowedUnsafeSysctls: [] }),
      leaseDurationSeconds: 40,
      syncIntervalMs: 1000,
      now: () => Date.now(),
      log,
    });
    control.onChange = () => agent.ring();
    await agent.start();
    agent.connect();
    return { agent, parts };
  };
  const lab: Lab = {
    control,
    ...(await startAgent()),
    config,
    dir,
    containerd,
    async restartAgent() {
      await lab.agent.close();
      Object.assign(lab, await startAgent());
    },
    restartContainerd: () => lab.withoutContainerd(async () => undefined),
    async withoutContainerd(act) {
      const ended = new Promise((resolve) => containerd.once('exit', resolve));
      containerd.kill('SIGKILL');
      await ended;
      await act();
      containerd = startContainerd(dir);
      await eventually('containerd serves again', serving);
    },
    async until(name, what) {
      try {
        await eventually(name, () => {
          const status = control.statuses.get(name);
          return status !== undefined && Boolean(what(status));
        });
      } catch {
        throw new Error(
          `pod ${name}: ${JSON.stringify(control.statuses.get(name), null, 1)}\n${JSON.stringify(
            control.events.filter((e) => e.pod === name),
            null,
            1,
          )}`,
        );
      }
      return control.statuses.get(name)!;
    },
    async once(name, what) {
      const found = (): PodStatus | undefined => control.reported.get(name)?.find(what);
      await eventually(`a status of ${name}`, () => found() !== undefined);
      return found()!;
    },
    untilGone: (name) => eventually(`${name} is gone`, () => control.gone.has(name)),
    async exec(name, container, command) {
      const found = lab.parts.runtime
        .observed(`uid-${name}`)
        .containers.find((c) => c.name === container && c.state === 'running');
      if (!found) throw new Error(`container ${container} of ${name} does not run`);
      let output: string | undefined;
      // A containerd that was just restarted refuses the first call.
      await eventually(`${command.join(' ')} runs`, async () => {
        output = await lab.parts.runtime.exec(found.id, command, 10).then(
          (r) => r.output.trimEnd(),
          () => undefined,
        );
        return output !== undefined;
      });
      return output!;
    },
    cgroup(uid, qos) {
      const cgroups = new Cgroups(detectCgroups(), config.cgroupRoot);
      const path = cgroups.podPath(uid, qos);
      const { version, controllers } = cgroups.tree;
      const read = (controller: string, file: string) =>
        Number.parseInt(readFileSync(`${controllers.get(version === 2 ? '' : controller)}${path}/${file}`, 'utf8'), 10);
      if (version === 2)
        return {
          cpuWeight: read('cpu', 'cpu.weight'),
          cpuQuota: read('cpu', 'cpu.max'),
          memoryBytes: read('memory', 'memory.max'),
        };
      return {
        cpuWeight: weightOf(read('cpu', 'cpu.shares')),
        cpuQuota: read('cpu', 'cpu.cfs_quota_us'),
        memoryBytes: read('memory', 'memory.limit_in_bytes'),
      };
    },
    async close() {
      control.away = false;
      for (const name of [...control.pods.keys()]) control.forceDelete(name);
      await eventually('all pods are gone', () => [...lab.agent.workers()].length === 0);
      await lab.agent.close();
      await remains.clear();
    },
  };
  return lab;
}
