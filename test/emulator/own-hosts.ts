// A program that finds the hosts of AWS at addresses of this machine, while everything else on the machine goes on finding the others.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A loopback address that nobody else has, most likely. */
export function ownLoopback(): string {
  const [third = 0, fourth = 0] = randomBytes(2);
  return `127.64.${third}.${1 + (fourth % 254)}`;
}

/** The command in a mount namespace with an /etc/hosts of its own, which is written into `folder`. Needs root. */
export function withHosts(folder: string, lines: readonly string[], argv: readonly string[]): string[] {
  const file = join(folder, 'hosts');
  writeFileSync(file, `${['127.0.0.1 localhost', ...lines].join('\n')}\n`);
  const script = 'mount --bind "$0" /etc/hosts && exec "$@"';
  return ['unshare', '--mount', '--propagation', 'slave', 'sh', '-c', script, file, ...argv];
}
