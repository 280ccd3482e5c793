// slipway status
import { type ClusterStatus, clusterStatus } from '../../local/cluster/status.ts';
import { Failure } from '../../local/failure.ts';
import { clusterPaths } from '../../local/state/paths.ts';
import { needsRoot } from '../as-root.ts';
import { somethingIsDown } from '../report.ts';
import { mebibytes, table } from '../table.ts';
import { slipwayVersion } from '../versions.ts';

export async function statusCommand(options: { name: string; json?: boolean }): Promise<void> {
  const paths = clusterPaths(options.name);
  if (await needsRoot(paths)) return;
  const status = await clusterStatus(paths, slipwayVersion());
  if (!status) throw new Failure(`there is no cluster "${options.name}"`, 'slipway up', somethingIsDown);
  process.stdout.write(options.json ? `${JSON.stringify(status, null, 2)}\n` : statusText(status));
  if (!status.healthy) process.exitCode = somethingIsDown;
}

function statusText(status: ClusterStatus): string {
  const parts = status.parts.map((part) => [
    part.part,
    part.pid?.toString() ?? '-',
    part.version ?? '',
    mebibytes(part.memory),
    part.health,
  ]);
  const nodes = status.nodes.map((node) => [
    node.name,
    node.ready ? 'Ready' : 'NotReady',
    node.address,
    node.version,
    node.runtime,
    String(node.pods),
  ]);
  const simulated = status.runtime === 'simulated' ? ' (simulated nodes: pods run in pretence)' : '';
  const way = status.egress ? 'open' : 'closed (slipway up --egress opens it)';
  const wayOut = status.runtime === 'simulated' ? '' : `; way out: ${way}`;
  const registry = status.registry && `Registry ${status.registry.name} at http://${status.registry.address}\n`;
  return [
    `Cluster ${status.name} at ${status.server}, kubectl context ${status.context}${simulated}\n`,
    `Data in ${status.dataDirectory}${wayOut}\n${registry ?? ''}\n`,
    table([['PART', 'PID', 'VERSION', 'MEMORY', 'HEALTH'], ...parts]),
    nodes.length > 0 ? `\n${table([['NODE', 'STATUS', 'ADDRESS', 'VERSION', 'RUNTIME', 'PODS'], ...nodes])}` : '',
    status.healthy
      ? ''
      : '\nSomething is down: slipway up starts what is missing, slipway logs PART says why it ended.\n',
  ].join('');
}
