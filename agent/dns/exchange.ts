// One message to one upstream server and its answer: over UDP, from a port that the kernel draws; over TCP where UDP's is cut.
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { framed, headerBytes, optRecord } from './message.ts';
import { parseAnswer, type UpstreamAnswer } from './upstream-answer.ts';

export interface UpstreamQuestion {
  /** Name, type and class. */
  question: Buffer;
  dnssecOk: boolean;
  checkingDisabled: boolean;
}

export interface Server {
  address: string;
  port: number;
}

const recursionDesired = 0x0100;
const checkingDisabledBit = 0x0010;

function message(asked: UpstreamQuestion, id: number): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(recursionDesired | (asked.checkingDisabled ? checkingDisabledBit : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(1, 10);
  return Buffer.concat([header, asked.question, optRecord(asked.dnssecOk)]);
}

/** The name's letters in lower case, byte for byte: other bytes are not text. The last four are type and class. */
export function foldQuestion(question: Buffer): Buffer {
  const folded = Buffer.from(question);
  for (let i = 0; i < folded.length - 4; i++) if (folded[i]! >= 0x41 && folded[i]! <= 0x5a) folded[i]! |= 0x20;
  return folded;
}

/** undefined: bytes that answer something else, or nothing. */
function answerTo(bytes: Buffer, id: number, { question }: UpstreamQuestion): UpstreamAnswer | undefined {
  if (bytes.length < headerBytes || bytes.readUInt16BE(0) !== id) return undefined;
  const echoed = bytes.subarray(headerBytes, headerBytes + question.length);
  if (!foldQuestion(echoed).equals(foldQuestion(question))) return undefined;
  try {
    return parseAnswer(bytes);
  } catch {
    return undefined;
  }
}

const newId = (): number => randomInt(0x10000);

/** Rejects when the time is over, or at once when nobody is there. What is no answer to this question is passed over. */
export function askByUdp(asked: UpstreamQuestion, server: Server, timeoutMs: number): Promise<UpstreamAnswer> {
  const id = newId();
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    const end = (finish: () => void): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => {}); // of a socket that closes, nobody wants to know
      socket.close();
      finish();
    };
    const fail = (error: Error): void => end(() => reject(error));
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    socket.on('error', fail);
    socket.on('message', (bytes) => {
      const answer = answerTo(bytes, id, asked);
      if (answer) end(() => resolve(answer));
    });
    socket.once('connect', () => socket.send(message(asked, id)));
    socket.connect(server.port, server.address);
  });
}

/** Rejects when the time is over, the connection ends, or the answer is not one to this question. */
export function askByTcp(asked: UpstreamQuestion, server: Server, timeoutMs: number): Promise<UpstreamAnswer> {
  const id = newId();
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, server.address);
    let received: Buffer = Buffer.alloc(0);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('the connection ended before the answer')));
    socket.on('connect', () => socket.write(framed(message(asked, id))));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const answer = answerTo(received.subarray(2, 2 + received.readUInt16BE(0)), id, asked);
      if (!answer) return fail(new Error('an answer to something else'));
      clearTimeout(timer);
      socket.removeAllListeners('close');
      socket.destroy();
      resolve(answer);
    });
  });
}
