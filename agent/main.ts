// The agent's process: node agent/main.ts CONFIG.json... SIGTERM ends it and leaves containers running. Several
// configurations make several nodes in one process, which is meant for simulated ones.
import { readConfig } from './config.ts';
import { jsonLog } from './log.ts';
import { startNode } from './node.ts';
import { startGivingBackMemory } from './quiet-memory.ts';

const lowest = process.env['SLIPWAY_DEBUG'] ? 'debug' : 'info';

async function main(files: string[]): Promise<void> {
  if (files.length === 0) throw new Error('usage: main.ts CONFIG.json...');
  process.umask(0o022);
  // A rejection that nobody waits for is a fault about one pod, not a reason to leave all pods of the node alone.
  process.on('unhandledRejection', (error) =>
    jsonLog(lowest, {})('error', 'unhandled rejection', { error: (error as Error)?.stack ?? String(error) }),
  );
  const nodes = await Promise.all(
    files.map((file) => {
      const config = readConfig(file);
      return startNode(config, jsonLog(lowest, { node: config.nodeName }));
    }),
  );
  const stop = (): void => void Promise.all(nodes.map(({ agent }) => agent.close())).finally(() => process.exit(0));
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  startGivingBackMemory();
}

await main(process.argv.slice(2));
