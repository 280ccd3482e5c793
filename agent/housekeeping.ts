// What is looked at now and then: full logs, full emptyDirs, tokens that grow old, and what pods have used until now.
import type { Log } from '../core/ports.ts';
import type { Agent } from './agent.ts';
import type { ResolvedConfig } from './config.ts';
import type { Cri } from './cri/client.ts';
import type { Observer } from './cri/observer.ts';
import { rotateLog } from './logs/rotate.ts';
import { podLogFolder } from './pods/sandbox-config.ts';
import type { PodWorker } from './pods/worker.ts';
import { hasStorageLimits, type StorageUsage, storageOveruse } from './volumes/ephemeral-storage.ts';
import { diskUsage, emptyDirBytes, hasSizeLimits, overuse } from './volumes/usage.ts';

const everyMs = 10_000;
/** Files of tokens are written again this often when a token was renewed. */
const refreshEvery = 6;
/** Errors name paths, which containers choose. */
const maxErrorLength = 500;

export interface HousekeepingDeps {
  agent: Agent;
  config: ResolvedConfig;
  cri: Cri;
  observer: Observer;
  keepUsage(): void;
  log: Log;
}

/** What cannot be done for one pod is done for the others. */
async function eachAlone(log: Log, { uid }: PodWorker, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log('warn', 'housekeeping of a pod failed', { pod: uid, error: (error as Error).message.slice(0, maxErrorLength) });
  }
}

async function rotateLogs({ agent, config, cri, observer, log }: HousekeepingDeps): Promise<void> {
  const limits = { maxBytes: config.containerLogMaxBytes, maxFiles: config.containerLogMaxFiles };
  for (const worker of agent.workers()) {
    for (const container of observer.observed(worker.uid).containers) {
      const path = observer.held(container.id)?.logPath;
      if (path && container.state === 'running')
        await eachAlone(log, worker, async () => {
          await rotateLog(path, limits, Date.now(), () => cri.reopenContainerLog(container.id));
        });
    }
  }
}

async function evictOverusers(deps: HousekeepingDeps): Promise<void> {
  const { agent, config, cri, log } = deps;
  // A static pod is critical, as to a kubelet.
  const living = [...agent.workers()].filter(({ over, uid }) => !over && !agent.isStatic(uid));
  const limited = living.filter(({ pod }) => hasStorageLimits(pod));
  const layers = limited.length > 0 ? await cri.layerBytes() : new Map<string, number>();
  for (const worker of living.filter(({ pod }) => hasSizeLimits(pod)))
    await eachAlone(log, worker, async () => {
      const message = await overuse(worker.pod, `${config.podsDir}/${worker.uid}`);
      if (message) worker.fail('Evicted', message);
    });
  for (const worker of limited)
    await eachAlone(log, worker, async () => {
      const message = storageOveruse(worker.pod, await storageUsage(deps, worker, layers));
      if (message) worker.fail('Evicted', message);
    });
}

async function storageUsage(
  { config, observer }: HousekeepingDeps,
  { pod, uid }: PodWorker,
  layers: ReadonlyMap<string, number>,
): Promise<StorageUsage> {
  const containers = new Map<string, number>();
  for (const { id, name } of observer.observed(uid).containers) {
    if (containers.has(name)) continue; // an older one
    const logs = await diskUsage(`${config.podLogDir}/${podLogFolder(pod)}/${name}`);
    containers.set(name, logs + (layers.get(id) ?? 0));
  }
  return { containers, volumes: await emptyDirBytes(pod, `${config.podsDir}/${uid}`) };
}

/** Returns what ends it. */
export function keepHouse(deps: HousekeepingDeps): () => void {
  let round = 0;
  let running = false;
  const once = async (): Promise<void> => {
    if (running) return;
    running = true;
    try {
      deps.keepUsage();
      await rotateLogs(deps);
      await evictOverusers(deps);
    } catch (error) {
      deps.log('warn', 'housekeeping failed', { error: (error as Error).message });
    }
    try {
      if (++round % refreshEvery === 0) await deps.agent.refreshAll();
    } finally {
      running = false;
    }
  };
  const timer = setInterval(() => void once(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
