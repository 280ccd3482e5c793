// A program that runs a server where nobody but its parent reaches it: in a network namespace of its own (started by `unshare`),
// with loopback up. The parent hands over a listening socket of the machine's loopback; what connects there is passed on to the
// server's port here. Usage: own-network.ts PORT COMMAND ARG ...   It ends the server when the parent ends or hangs up.
import { spawn, spawnSync } from 'node:child_process';
import type { Server } from 'node:net';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [portText, command, ...args] = process.argv.slice(2) as [string, string, ...string[]];
const port = Number(portText);

spawnSync('ip', ['link', 'set', 'lo', 'up']);
const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
child.on('error', () => process.exit(1));
process.on('disconnect', () => child.kill('SIGKILL'));

const reachable = (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });

process.on('message', (_message, server) => {
  void (async () => {
    while (!(await reachable())) await sleep(50);
    (server as Server).on('connection', (socket) => {
      const inner = connect({ port, host: '127.0.0.1' });
      for (const [from, to] of [[socket, inner] as const, [inner, socket] as const]) {
        from.setNoDelay(true);
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
      }
    });
    process.send!('ready');
  })();
});
