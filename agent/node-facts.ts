// What the machine is: read once at the start.
import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { arch, availableParallelism, hostname, release, totalmem } from 'node:os';
import {
  formatQuantity,
  quantityFromMilli,
  quantityFromValue,
  quantityMilliValue,
  quantityValue,
} from '../core/api/quantity.ts';
import type { NodeSystemInfo } from '../core/api/types.gen.ts';
import type { ResolvedConfig } from './config.ts';

export interface NodeFacts {
  capacity: Record<string, string>;
  allocatable: Record<string, string>;
  memoryBytes: number;
  info: NodeSystemInfo;
}

/** Go's names, which labels and images use. */
export const architecture = (): string =>
  ({ x64: 'amd64', ia32: '386', arm: 'arm', arm64: 'arm64' })[arch() as string] ?? arch();

const text = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
};

function osImage(): string {
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(text('/etc/os-release'))?.[1] ?? 'Linux';
}

/** A machine id as systemd keeps it; nodes that share a machine share it. */
const machineId = (): string => text('/etc/machine-id') || text('/var/lib/dbus/machine-id');

/** Version of Kubernetes whose node behaviour this is. */
export const kubeletVersion = 'v1.36.0';

const minus = (quantity: string, reserved: string | undefined, milli: boolean): string => {
  if (reserved === undefined) return quantity;
  if (milli)
    return formatQuantity(quantityFromMilli(Math.max(quantityMilliValue(quantity) - quantityMilliValue(reserved), 0)));
  return formatQuantity(quantityFromValue(Math.max(quantityValue(quantity) - quantityValue(reserved), 0), 'BinarySI'));
};

async function diskBytes(path: string): Promise<number> {
  const at = await statfs(path).catch(() => statfs('/'));
  return at.blocks * at.bsize;
}

export async function readNodeFacts(config: ResolvedConfig, runtimeVersion: string): Promise<NodeFacts> {
  const ki = (bytes: number): string => `${Math.floor(bytes / 1024)}Ki`;
  const capacity = {
    cpu: config.capacity?.cpu ?? String(availableParallelism()),
    memory: config.capacity?.memory ?? ki(totalmem()),
    'ephemeral-storage': config.capacity?.['ephemeral-storage'] ?? ki(await diskBytes(config.stateDir)),
    pods: String(config.maxPods),
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
  };
  const allocatable = {
    ...capacity,
    cpu: minus(capacity.cpu, config.reserved?.cpu, true),
    memory: minus(capacity.memory, config.reserved?.memory, false),
  };
  return {
    capacity,
    allocatable,
    memoryBytes: quantityValue(capacity.memory),
    info: {
      architecture: architecture(),
      bootID: text('/proc/sys/kernel/random/boot_id'),
      containerRuntimeVersion: runtimeVersion,
      kernelVersion: release(),
      kubeProxyVersion: '',
      kubeletVersion,
      machineID: machineId(),
      operatingSystem: 'linux',
      osImage: osImage(),
      systemUUID: text('/sys/class/dmi/id/product_uuid') || machineId() || hostname(),
    },
  };
}
