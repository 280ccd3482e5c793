// The servers of the node's resolv.conf, read again when the file changes: a way out that opens later is used at once.
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { parseResolvConf } from '../pods/dns.ts';
import type { Server } from './exchange.ts';

const dnsPort = 53;
/** How often the file is looked at, at most. Milliseconds. */
const lookEveryMs = 1000;

/** @param own addresses of this very server: to ask oneself would go round for ever */
export function upstreamServers(file: string, own: readonly string[], now: () => number): () => readonly Server[] {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let version = '';
  let servers: readonly Server[] = [];
  return () => {
    if (now() - lookedAt < lookEveryMs) return servers;
    lookedAt = now();
    try {
      const { mtimeMs, size, ino } = statSync(file);
      const found = `${mtimeMs} ${size} ${ino}`;
      if (found === version) return servers;
      servers = parseResolvConf(readFileSync(file, 'utf8'))
        .servers.filter((address) => isIP(address) !== 0 && !own.includes(address))
        .map((address) => ({ address, port: dnsPort }));
      version = found;
    } catch {
      servers = [];
      version = '';
    }
    return servers;
  };
}
