// Questions over UDP from a few sockets, each with a fixed number on their way: an answer sends the next.
import { createSocket, type Socket } from 'node:dgram';
import { encode } from 'dns-packet';
import { percentile } from './measure.ts';

const sockets = 8;
const onTheirWay = 8;
const giveUpMs = 60_000;

export interface Load {
  perSecond: number;
  p99Ms: number;
}

const open = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.connect(port, '127.0.0.1', () => resolve(socket));
  });

/** Asks for the addresses of `names` in turn, `total` times in all. Rejects for an answer without one. */
export async function load(port: number, names: readonly string[], total: number): Promise<Load> {
  const questions = names.map((name) => encode({ type: 'query', flags: 0x0100, questions: [{ name, type: 'A' }] }));
  const clients = await Promise.all(Array.from({ length: sockets }, () => open(port)));
  const took: number[] = [];
  let sent = 0;
  const done = Promise.withResolvers<void>();
  const timer = setTimeout(() => done.reject(new Error(`${took.length} of ${total} answers came`)), giveUpMs);
  for (const client of clients) {
    const began = new Map<number, number>();
    const ask = (): void => {
      if (sent >= total) return;
      const id = sent++ & 0xffff;
      const question = Buffer.from(questions[id % questions.length]!);
      question.writeUInt16BE(id, 0);
      began.set(id, performance.now());
      client.send(question);
    };
    client.on('error', done.reject);
    client.on('message', (reply) => {
      if ((reply[3]! & 15) !== 0 || reply.readUInt16BE(6) !== 1) done.reject(new Error('an answer without an address'));
      took.push(performance.now() - began.get(reply.readUInt16BE(0))!);
      if (took.length === total) done.resolve();
      else ask();
    });
    for (let i = 0; i < onTheirWay; i++) ask();
  }
  const start = performance.now();
  try {
    await done.promise;
    return { perSecond: (total / (performance.now() - start)) * 1000, p99Ms: percentile(took, 0.99) };
  } finally {
    clearTimeout(timer);
    for (const client of clients) client.close();
  }
}
