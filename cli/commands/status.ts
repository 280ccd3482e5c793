// slipway status
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterStatus, clusterStatus } from '../../local/cluster/status.ts';
import { Failure } from '../../local/failure.ts';
import { clusterPaths } from '../../local/state/paths.ts';
import { needsRoot } from '../as-root.ts';
import { naming, somethingIsDown } from '../report.ts';
import { mebibytes, table } from '../table.ts';
import { slipwayVersion } from '../versions.ts';

interface StatusOptions {
  name: string;
  json?: boolean;
  watch?: boolean;
}

export async function statusCommand(options: StatusOptions): Promise<void> {
  const paths = clusterPaths(options.name);
  if (await needsRoot(paths)) return;
  const look = async (): Promise<ClusterStatus> => {
    const status = await clusterStatus(paths, slipwayVersion());
    if (!status) throw new Failure(`there is no cluster "${options.name}"`, 'slipway up', somethingIsDown);
    process.exitCode = status.healthy ? 0 : somethingIsDown;
    return status;
  };
  if (options.watch) await watchStatus(look, options.json ?? false);
  else process.stdout.write(textOf(await look(), options.json ?? false));
}

const textOf = (status: ClusterStatus, json: boolean): string =>
  json ? `${JSON.stringify(status, null, 2)}\n` : statusText(status);

const everyMs = 2_000;

/** Until Ctrl-C, whose exit code is that of the last look. */
async function watchStatus(look: () => Promise<ClusterStatus>, json: boolean): Promise<void> {
  const interrupted = new AbortController();
  const stop = (): void => interrupted.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  // Who reads no more ends it too.
  process.stdout.on('error', stop);
  const screen = process.stdout.isTTY && !json;
  try {
    for (let first = true; !interrupted.signal.aborted; first = false) {
      const status = await look();
      if (interrupted.signal.aborted) break;
      process.stdout.write(
        json
          ? `${JSON.stringify(status)}\n`
          : screen
            ? redrawn(statusText(status))
            : `${first ? '' : '\n'}${statusText(status)}`,
      );
      await sleep(everyMs, undefined, { signal: interrupted.signal }).catch(() => undefined);
    }
  } finally {
    for (const signal of signals) process.off(signal, stop);
    process.stdout.off('error', stop);
  }
}

/** From the top of the screen, over what stood there; what is left of it below is cleared. */
export const redrawn = (text: string): string => `\x1b[H${text.replaceAll('\n', '\x1b[K\n')}\x1b[J`;

function statusText(status: ClusterStatus): string {
  const parts = status.parts.map((part) => [
    part.part,
    part.pid?.toString() ?? '-',
    part.version ?? '',
    mebibytes(part.memory),
    part.health,
  ]);
  const nodes = status.nodes.map(({ usage, ...node }) => [
    node.name,
    node.ready ? 'Ready' : 'NotReady',
    node.address,
    node.version,
    node.runtime,
    String(node.pods),
    usage ? `${usage.cpuMilli}m (${usage.cpuPercent}%)` : '-',
    usage ? `${mebibytes(usage.memoryBytes)} (${usage.memoryPercent}%)` : '-',
  ]);
  const phases = Object.entries(status.pods).sort(([a], [b]) => (a < b ? -1 : 1));
  const simulated = status.runtime === 'simulated' ? ' (simulated nodes: pods run in pretence)' : '';
  const way = status.egress ? 'open' : naming('closed (slipway up --egress opens it)', status.name);
  const wayOut = status.runtime === 'simulated' ? '' : `; way out: ${way}`;
  const registry = status.registry && `Registry ${status.registry.name} at http://${status.registry.address}\n`;
  return [
    `Cluster ${status.name} at ${status.server}, kubectl context ${status.context}${simulated}\n`,
    `Data in ${status.dataDirectory}${wayOut}\n${registry ?? ''}\n`,
    table([['PART', 'PID', 'VERSION', 'MEMORY', 'HEALTH'], ...parts]),
    nodes.length > 0
      ? `\n${table([['NODE', 'STATUS', 'ADDRESS', 'VERSION', 'RUNTIME', 'PODS', 'CPU', 'MEMORY'], ...nodes])}`
      : '',
    phases.length > 0 ? `\nPods: ${phases.map(([phase, count]) => `${count} ${phase}`).join(', ')}\n` : '',
    status.healthy
      ? ''
      : naming(
          '\nSomething is down: slipway up starts what is missing, slipway logs PART says why it ended.\n',
          status.name,
        ),
  ].join('');
}
