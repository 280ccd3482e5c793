// A peer's program (peer.ts): answers connections, and asks others to, in the network namespace that it was started in. It is told
// what to do by lines of JSON on standard input, and answers each with a line on standard output.
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { connect as connectTls } from 'node:tls';
import type { Command } from './peer.ts';

/** Longer than anything here takes that is answered at all. */
const longMs = 30_000;

/** Says who answers and whom it sees; then gives back what it is sent. */
async function serve(name: string, port: number): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(`${name} ${socket.remoteAddress?.replace('::ffff:', '')}\n`);
    socket.pipe(socket);
  });
  const udp = createSocket('udp4');
  udp.on('message', (_message: Buffer, from: RemoteInfo) =>
    udp.send(`${name} ${from.address}`, from.port, from.address),
  );
  await Promise.all([
    new Promise<void>((resolve) => server.listen(port, '0.0.0.0', resolve)),
    new Promise<void>((resolve) => udp.bind(port, resolve)),
  ]);
  return 'serving';
}

const failure = (error: Error): string => (error as NodeJS.ErrnoException).code ?? error.message;

/** What the other side says first, or `send` and what it answers until it closes; the error's code; `silent`. */
function askTcp(host: string, port: number, patienceMs: number, send?: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let heard = '';
    const done = (word: string): void => {
      socket.destroy();
      resolve(word);
    };
    socket.setTimeout(patienceMs, () => done('silent'));
    socket.on('error', (error) => done(failure(error)));
    if (send !== undefined) socket.write(send);
    socket.on('data', (data) => {
      heard += data.toString();
      if (send === undefined) done(heard.trim());
    });
    socket.on('end', () => done(heard.trim() || 'closed'));
  });
}

function askUdp(socket: UdpSocket, host: string, port: number, patienceMs = longMs): Promise<string> {
  return new Promise((resolve) => {
    const done = (word: string): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      resolve(word);
    };
    const timer = setTimeout(() => done('silent'), patienceMs);
    socket.once('error', (error) => done(failure(error)));
    socket.once('message', (message) => done(message.toString()));
    const send = (): void => socket.send('?', (error) => error && done(failure(error)));
    try {
      socket.remoteAddress();
      send();
    } catch {
      // only a connected socket is told that it was refused
      socket.connect(port, host, (error?: Error) => (error ? done(failure(error)) : send()));
    }
  });
}

const sockets = new Map<number, UdpSocket>();
const lines = new Map<number, Socket>();

/** Keeps a socket for each number, so that its flow goes on. */
function keptSocket(id: number): UdpSocket {
  let socket = sockets.get(id);
  if (!socket) sockets.set(id, (socket = createSocket('udp4')));
  return socket;
}

async function once(command: Extract<Command, { do: 'ask' }>): Promise<string> {
  const { host, port, protocol, send, patienceMs = longMs } = command;
  if (protocol !== 'udp') return askTcp(host, port, patienceMs, send);
  const socket = createSocket('udp4');
  const word = await askUdp(socket, host, port, patienceMs);
  socket.close();
  return word;
}

/** How often each answer was heard. */
async function ask(command: Extract<Command, { do: 'ask' }>): Promise<Record<string, number>> {
  const heard: Record<string, number> = {};
  for (let i = 0; i < (command.times ?? 1); i++) {
    const word = await once(command);
    heard[word] = (heard[word] ?? 0) + 1;
  }
  return heard;
}

/** A connection that stays: what it is greeted with, and later what comes back. */
function hold(id: number, host: string, port: number): Promise<string> {
  const socket = connect({ host, port });
  lines.set(id, socket);
  return new Promise((resolve) => {
    socket.once('data', (data) => resolve(data.toString().trim()));
    socket.on('error', (error) => resolve(failure(error)));
  });
}

function say(id: number, text: string): Promise<string> {
  const socket = lines.get(id);
  if (!socket || socket.destroyed) return Promise.resolve('closed');
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('silent'), longMs);
    socket.once('data', (data) => {
      clearTimeout(timer);
      resolve(data.toString());
    });
    socket.write(text);
  });
}

/** Gets a page over TLS and trusts only the authority given. */
function get(host: string, port: number, name: string, ca: string, path: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connectTls({ host, port, ca, servername: name }, () =>
      socket.write(`GET ${path} HTTP/1.1\r\nhost: ${name}\r\nconnection: close\r\n\r\n`),
    );
    socket.setTimeout(longMs, () => resolve('silent'));
    socket.on('data', (data) => {
      heard += data.toString();
    });
    socket.on('error', (error) => resolve(failure(error)));
    socket.on('end', () => resolve(heard));
  });
}

function obey(command: Command): Promise<unknown> {
  switch (command.do) {
    case 'serve':
      return serve(command.name, command.port);
    case 'ask':
      return ask(command);
    case 'flow':
      return askUdp(keptSocket(command.id), command.host, command.port);
    case 'hold':
      return hold(command.id, command.host, command.port);
    case 'say':
      return say(command.id, command.text);
    case 'get':
      return get(command.host, command.port, command.name, command.ca, command.path);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, command } = JSON.parse(line) as { id: number; command: Command };
  void obey(command).then((answer) => process.stdout.write(`${JSON.stringify({ id, answer })}\n`));
}
process.exit(0);
