// What LocalStack finds where it looks for Java: starts DynamoDB Local as LocalStack asks, but where only this machine's loopback
// reaches it. The real one listens on every address and cannot be told otherwise. Usage: dynamodb-java.ts JARS ... -port PORT ...
import { spawn } from 'node:child_process';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { joinSockets } from './join-sockets.ts';

const [jars, ...asked] = process.argv.slice(2) as [string, ...string[]];
const port = Number(asked[asked.indexOf('-port') + 1]);
const memory = asked.find((argument) => argument.startsWith('-Xmx')) ?? '-Xmx512m';
/** In a network namespace of its own, where nothing else is. */
const innerPort = 8000;

/** Where the inside is reached; LocalStack's own port opens only then, so that nobody waits at a door that nobody opens. */
const door = createServer({ pauseOnConnect: true });
door.listen(0, '127.0.0.1', () => {
  const java = [
    'java',
    memory,
    `-Djava.library.path=${jars}`,
    `-Djava.io.tmpdir=${tmpdir()}`,
    ...['-cp', `${jars}/*`, 'software.amazon.dynamodb.services.local.main.ServerRunner'],
    ...['-port', String(innerPort), '-inMemory', '-disableTelemetry'],
  ];
  const inside = fileURLToPath(new URL('own-network.ts', import.meta.url));
  const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const child = spawn('unshare', ['--net', ...asRoot, process.execPath, inside, String(innerPort), ...java], {
    // LocalStack puts its own folder first, where `java` is this program.
    env: { ...process.env, PATH: process.env['SLIPWAY_PATH'] },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const { port: doorPort } = door.address() as AddressInfo;
  child.on('exit', (code) => process.exit(code ?? 1));
  child.on('message', () => {
    door.close();
    createServer((outer) => joinSockets(outer, connect(doorPort, '127.0.0.1'))).listen(port, '127.0.0.1');
  });
  child.send('listen', door);
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
