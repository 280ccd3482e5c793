// slipway up
import { resolve } from 'node:path';

import { up } from '../../local/cluster/up.ts';
import { type NodeSettings, settingNames } from '../../local/config.ts';
import { sampleImage } from '../../local/images/sample.ts';
import { ensureMachine } from '../../local/install/ensure-machine.ts';
import { defaultKubeconfig } from '../../local/kubeconfig.ts';
import { seconds, terminalProgress } from '../../local/progress.ts';
import { registryName } from '../../local/registry/settings.ts';
import { clusterPaths } from '../../local/state/paths.ts';
import { type ClusterSpec, type Runtime, readSpec } from '../../local/state/spec.ts';
import { asRoot, runtimeOf } from '../as-root.ts';
import { Interrupted } from '../report.ts';

export interface UpOptions extends Omit<NodeSettings, 'podManifestPath'> {
  /** false: none any more. */
  podManifestPath?: string | false;
  name: string;
  nodes?: number;
  runtime?: Runtime;
  port?: number;
  egress?: boolean;
  registry?: boolean;
  kubeconfig?: string;
  install: boolean;
}

export async function upCommand(options: UpOptions): Promise<void> {
  const begin = performance.now();
  const paths = clusterPaths(options.name);
  const progress = terminalProgress(process.stdout);
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => interrupt.abort(new Interrupted()));
  const runtime = options.runtime ?? runtimeOf(paths) ?? 'containerd';
  if (runtime === 'containerd') {
    if (await asRoot('real containers need root (or: slipway up --runtime simulated)')) return;
    await ensureMachine(progress, {
      install: options.install,
      registry: options.registry ?? readSpec(paths)?.registry ?? false,
      signal: interrupt.signal,
    });
  }
  const wishes = {
    ...options,
    settings: settingsOf(options),
    kubeconfig: resolve(options.kubeconfig ?? readSpec(paths)?.kubeconfig ?? defaultKubeconfig()),
  };
  const { spec, wasRunning } = await up(paths, wishes, progress, interrupt.signal);
  if (wasRunning)
    progress.say(
      `Cluster "${spec.name}" is running already: https://127.0.0.1:${spec.port}, kubectl context "${paths.id}".`,
    );
  else
    progress.say(
      `\nCluster "${spec.name}" is up after ${seconds(performance.now() - begin)}; kubectl context "${paths.id}".\n${suggestions(paths.id, spec)}`,
    );
}

/** Only what was asked for: the rest stays as it was. */
function settingsOf({ podManifestPath: path, ...options }: UpOptions): NodeSettings {
  const given: NodeSettings = { ...options, podManifestPath: path === false ? '' : path && resolve(path) };
  return Object.fromEntries(settingNames.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])));
}

function suggestions(context: string, spec: ClusterSpec): string {
  const pretence =
    spec.runtime === 'simulated' ? '\nIts nodes are simulated: pods run in pretence, no container is started.\n' : '';
  const stop = spec.name === 'slipway' ? 'npm stop' : `npm stop -- --name ${spec.name}`;
  const flags = spec.name === 'slipway' ? '' : ` --name ${spec.name}`;
  const images = spec.registry
    ? `\nIts registry is ${registryName}: what slipway image push NAME brings there, pods name as ${registryName}/NAME.\n`
    : spec.runtime === 'containerd' && !spec.egress
      ? `\nNodes have no way out: give them images with slipway image build or load, or let them reach registries:\n  npm start -- --egress${flags}\n`
      : '';
  return `${pretence}
Try:
  kubectl --context ${context} get nodes -o wide
  kubectl --context ${context} run hello --image=${sampleImage}
  kubectl --context ${context} get pods --watch
${images}
Stop it with: ${stop}`;
}
