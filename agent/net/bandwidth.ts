// kubernetes.io/{ingress,egress}-bandwidth: token buckets on both ends of the pod's veth, set with `tc`. CNI's bandwidth
// plugin is not used: it sets a burst of gigabytes, which lets short transfers through unlimited, and slows every start.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { compareQuantities, quantityValue } from '../../core/api/quantity.ts';
import type { Pod } from '../../core/api/types.gen.ts';
import type { Cri } from '../cri/client.ts';

const run = promisify(execFile);

const directions = ['ingress', 'egress'] as const;
type Direction = (typeof directions)[number];
const keyOf = (direction: Direction): string => `kubernetes.io/${direction}-bandwidth`;

const minimum = '1k';
const maximum = '1P';
/** What may be sent at once: 20 ms worth, and never less than a jumbo segment that the kernel has not split. */
const burstSeconds = 0.02;
const minBurstBytes = 65_536;
/** What may wait: 100 ms worth, and never so little that a few large segments are dropped. */
const queueSeconds = 0.1;
const minQueueBytes = 4 * minBurstBytes;

/** Bits a second, or undefined when not asked for. Throws for a value that Kubernetes refuses. */
export function bandwidthOf(pod: Pod, direction: Direction): number | undefined {
  const text = pod.metadata?.annotations?.[keyOf(direction)];
  if (text === undefined) return undefined;
  if (compareQuantities(text, minimum) < 0) throw new Error(`resource is unreasonably small (< 1kbit)`);
  if (compareQuantities(text, maximum) > 0) throw new Error(`resource is unreasonably large (> 1Pbit)`);
  return quantityValue(text);
}

/** Throws for limits that limitBandwidth could not set: better before there is a sandbox than after. */
export function checkBandwidth(pod: Pod): void {
  for (const direction of directions) bandwidthOf(pod, direction);
}

/**
 * Without the limits, which the runtime has no part in. containerd 1.6 reads them all the same, and does not take down the network
 * of a sandbox whose limits it cannot read.
 */
export function withoutBandwidth(annotations: Record<string, string>): Record<string, string> {
  const keys = new Set(directions.map(keyOf));
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !keys.has(key)));
}

const bucket = (bits: number): string[] => {
  const worth = (seconds: number, least: number): string => String(Math.max(Math.ceil((bits / 8) * seconds), least));
  return [
    'tbf',
    'rate',
    `${bits}bit`,
    'burst',
    worth(burstSeconds, minBurstBytes),
    'limit',
    worth(queueSeconds, minQueueBytes),
  ];
};

/** Name of the host's end of the pod's eth0: the interface whose index eth0 names as its peer. */
async function hostEnd(namespace: string): Promise<string> {
  const inner = JSON.parse(
    (await run('nsenter', [`--net=${namespace}`, 'ip', '-j', 'link', 'show', 'eth0'])).stdout,
  ) as { link_index: number }[];
  const outer = JSON.parse((await run('ip', ['-j', 'link', 'show'])).stdout) as { ifindex: number; ifname: string }[];
  const found = outer.find((link) => link.ifindex === inner[0]?.link_index);
  if (!found) throw new Error('the peer of the pod network interface is not on this node');
  return found.ifname;
}

interface SandboxInfo {
  runtimeSpec?: { linux?: { namespaces?: { type: string; path?: string }[] } };
}

/** Does nothing for pods without the annotations. */
export async function limitBandwidth(cri: Cri, sandboxId: string, pod: Pod): Promise<void> {
  const ingress = bandwidthOf(pod, 'ingress');
  const egress = bandwidthOf(pod, 'egress');
  if ((ingress === undefined && egress === undefined) || pod.spec?.hostNetwork) return;
  const info = JSON.parse((await cri.podSandboxInfo(sandboxId))['info'] ?? '{}') as SandboxInfo;
  const namespace = info.runtimeSpec?.linux?.namespaces?.find((n) => n.type === 'network')?.path;
  if (!namespace) throw new Error('the pod sandbox names no network namespace');
  if (ingress !== undefined)
    await run('tc', ['qdisc', 'replace', 'dev', await hostEnd(namespace), 'root', ...bucket(ingress)]);
  if (egress !== undefined)
    await run('nsenter', [`--net=${namespace}`, 'tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...bucket(egress)]);
}
