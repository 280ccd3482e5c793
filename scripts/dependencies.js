// Plain JavaScript for whatever Node the system has: installs the npm packages when they are missing or older than the lockfile,
// and names the Node 24 that comes with them. Everything else is TypeScript and runs on that Node.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const installed = `${root}node_modules/.package-lock.json`;

/**
 * Path of the project's own Node 24 binary. Installs it first if need be; throws with npm's exit code in the message.
 * `development`: also what only tests and deployments use (the CDK is larger than all the rest).
 */
export function ensureDependencies({ development = false } = {}) {
  const node = `${root}node_modules/node/bin/node`;
  const stale = !existsSync(installed) || statSync(installed).mtimeMs < statSync(`${root}package-lock.json`).mtimeMs;
  const hasDevelopment = existsSync(`${root}node_modules/typescript`);
  if (stale || !existsSync(node) || (development && !hasDevelopment)) {
    process.stderr.write('Installing npm packages (once) ...\n');
    const which = development || hasDevelopment ? [] : ['--omit=dev'];
    // not `npm ci`: it refuses a lockfile that was made where other platforms' binaries could not be had
    const npm = spawnSync('npm', ['install', ...which, '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    });
    if (npm.status !== 0) throw new Error(`npm install failed with exit code ${npm.status ?? npm.signal}`);
    if (existsSync(installed)) utimesSync(installed, new Date(), new Date()); // npm leaves it when it had nothing to do
  }
  if (!existsSync(node))
    throw new Error(
      'the npm package "node" installed no binary for this machine: its install script must be allowed to run',
    );
  return node;
}
