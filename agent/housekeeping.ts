// What is looked at now and then: full logs, full emptyDirs, tokens that grow old, and what pods have used until now.
import type { Log } from '../core/ports.ts';
import type { Agent } from './agent.ts';
import type { ResolvedConfig } from './config.ts';
import type { Cri } from './cri/client.ts';
import type { Observer } from './cri/observer.ts';
import { rotateLog } from './logs/rotate.ts';
import { hasSizeLimits, overuse } from './volumes/usage.ts';

const everyMs = 10_000;
/** Files of tokens are written again this often when a token was renewed. */
const refreshEvery = 6;

export interface HousekeepingDeps {
  agent: Agent;
  config: ResolvedConfig;
  cri: Cri;
  observer: Observer;
  keepUsage(): void;
  log: Log;
}

async function rotateLogs({ agent, config, cri, observer }: HousekeepingDeps): Promise<void> {
  const limits = { maxBytes: config.containerLogMaxBytes, maxFiles: config.containerLogMaxFiles };
  for (const worker of agent.workers()) {
    for (const container of observer.observed(worker.uid).containers) {
      const path = observer.held(container.id)?.logPath;
      if (path && container.state === 'running')
        await rotateLog(path, limits, Date.now(), () => cri.reopenContainerLog(container.id));
    }
  }
}

async function evictOverusers({ agent, config }: HousekeepingDeps): Promise<void> {
  for (const worker of agent.workers()) {
    if (worker.over || !hasSizeLimits(worker.pod)) continue;
    const message = await overuse(worker.pod, `${config.podsDir}/${worker.uid}`);
    if (message) worker.fail('Evicted', message);
  }
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
      if (++round % refreshEvery === 0) await deps.agent.refreshAll();
    } catch (error) {
      deps.log('warn', 'housekeeping failed', { error: (error as Error).message });
    } finally {
      running = false;
    }
  };
  const timer = setInterval(() => void once(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
