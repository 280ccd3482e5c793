// DNS messages (RFC 1035, EDNS by RFC 6891): what a request asks, and the bytes of the answer, which repeat the question as it came.
import { type Answer, decode, encode, type OptAnswer } from 'dns-packet';

export const rcodes = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5 } as const;

/** Bits of the header's second word. */
export const bits = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200, recursionDesired: 0x0100 } as const;
const recursionAvailable = 0x0080;
const checkingDisabled = 0x0010;
const opcodeBits = 0x7800;
const badVersion = 1; // of the OPT record's upper bits: 16

export const headerBytes = 12;
/** What a UDP answer may have without EDNS, and at most: more would be split into fragments on some networks (DNS flag day 2020). */
const plainUdpBytes = 512;
export const maxUdpBytes = 1232;
export const maxTcpBytes = 65_535;

/** As it goes over TCP: its length in two bytes before it (RFC 1035, 4.2.2). */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length, 0);
  return Buffer.concat([length, message]);
}

export interface Query {
  id: number;
  flags: number;
  /** In lower case, without the final dot; `.` is the root. */
  name: string;
  /** `A`, `SRV`, ... or `UNKNOWN_65`. */
  type: string;
  /** Name, type and class as they came, in their own case. */
  question: Buffer;
  /** Present when the request has an OPT record. */
  edns?: { udpBytes: number; dnssecOk: boolean };
  checkingDisabled: boolean;
}

export type Request =
  | { kind: 'query'; query: Query }
  /** What cannot be answered is said so at once. */
  | { kind: 'refused'; reply: Buffer }
  /** Too short to have an id, or itself an answer: to answer it could go round for ever. */
  | { kind: 'silence' };

/** End of the question that begins at 12. Throws RangeError where the name is compressed, too long, or cut off. */
export function questionEnd(message: Buffer): number {
  let offset = headerBytes;
  for (let length = message.readUInt8(offset); length !== 0; length = message.readUInt8(offset)) {
    if (length > 63) throw new RangeError('a question whose name is no plain name');
    offset += length + 1;
  }
  const end = offset + 5;
  if (end > message.length || offset - headerBytes > 254) throw new RangeError('a question that is cut off');
  return end;
}

/** Never throws. */
export function parseRequest(message: Buffer): Request {
  if (message.length < headerBytes) return { kind: 'silence' };
  const flags = message.readUInt16BE(2);
  if (flags & bits.response) return { kind: 'silence' };
  if (flags & opcodeBits) return { kind: 'refused', reply: bareReply(message, rcodes.notImp) };
  try {
    return parseQuery(message, flags);
  } catch {
    return { kind: 'refused', reply: bareReply(message, rcodes.formErr) };
  }
}

function parseQuery(message: Buffer, flags: number): Request {
  if (message.readUInt16BE(4) !== 1 || message.readUInt16BE(6) !== 0) throw new RangeError('not one question');
  const { questions, additionals } = decode(message);
  const { name, type, class: klass } = questions![0]!;
  const question = Buffer.from(message.subarray(headerBytes, questionEnd(message)));
  const options = (additionals ?? []).filter((one): one is OptAnswer => one.type === 'OPT');
  if (options.length > 1) throw new RangeError('more than one OPT record');
  const [opt] = options;
  const query: Query = {
    id: message.readUInt16BE(0),
    flags,
    name: name.toLowerCase(),
    type,
    question,
    ...(opt ? { edns: { udpBytes: opt.udpPayloadSize, dnssecOk: opt.flag_do } } : {}),
    checkingDisabled: (flags & checkingDisabled) !== 0,
  };
  if (opt && opt.ednsVersion > 0)
    return { kind: 'refused', reply: assemble(query, { rcode: rcodes.noError, extended: badVersion }) };
  if (klass !== 'IN') return { kind: 'refused', reply: assemble(query, { rcode: rcodes.refused }) };
  return { kind: 'query', query };
}

/** Only a header, for what could not be read further. */
function bareReply(message: Buffer, rcode: number): Buffer {
  const reply = Buffer.alloc(headerBytes);
  message.copy(reply, 0, 0, 2);
  const kept = message.readUInt16BE(2) & (opcodeBits | bits.recursionDesired);
  reply.writeUInt16BE(bits.response | kept | rcode, 2);
  return reply;
}

export const udpLimit = ({ edns }: Query): number =>
  Math.min(maxUdpBytes, Math.max(plainUdpBytes, edns?.udpBytes ?? 0));

export interface Assembly {
  rcode: number;
  extended?: number;
  flags?: number;
  /** Bytes of records; they follow the question. */
  answers?: readonly Buffer[];
  authorities?: readonly Buffer[];
}

/** Header, question, records, and an OPT record where there was one. */
export function assemble(query: Query, { rcode, extended = 0, flags = 0, answers = [], authorities = [] }: Assembly) {
  const header = Buffer.alloc(headerBytes);
  const own = query.flags & (bits.recursionDesired | checkingDisabled);
  header.writeUInt16BE(query.id, 0);
  header.writeUInt16BE(bits.response | recursionAvailable | own | flags | rcode, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers.length, 6);
  header.writeUInt16BE(authorities.length, 8);
  header.writeUInt16BE(query.edns ? 1 : 0, 10);
  const opt = query.edns ? [optRecord(query.edns.dnssecOk, extended)] : [];
  return Buffer.concat([header, query.question, ...answers, ...authorities, ...opt]);
}

const optBytes = 11;

/** @param extended upper bits of the response code */
export function optRecord(dnssecOk: boolean, extended = 0): Buffer {
  const record = Buffer.alloc(optBytes);
  record.writeUInt16BE(41, 1);
  record.writeUInt16BE(maxUdpBytes, 3);
  record.writeUInt8(extended, 5);
  record.writeUInt16BE(dnssecOk ? 0x8000 : 0, 7);
  return record;
}

const toQuestion = Buffer.from([0xc0, headerBytes]);

/** A record's bytes; the name of the question is pointed to, so that the case of the question is kept and many records fit. */
export function recordBytes(query: Query, record: Answer): Buffer {
  if (record.name !== query.name) return encode({ answers: [record] }).subarray(headerBytes);
  const rest = encode({ answers: [{ ...record, name: '.' }] }).subarray(headerBytes + 1);
  return Buffer.concat([toQuestion, rest]);
}

export interface Reply {
  rcode: number;
  authoritative: boolean;
  answers: readonly Answer[];
  authorities?: readonly Answer[];
}

/** Within `limit` bytes: what does not fit is left out, and the answer says that it is cut (TC). */
export function encodeReply(query: Query, reply: Reply, limit: number): Buffer {
  let room = limit - headerBytes - query.question.length - (query.edns ? optBytes : 0);
  const answers: Buffer[] = [];
  for (const record of reply.answers) {
    const bytes = recordBytes(query, record);
    if ((room -= bytes.length) < 0) break;
    answers.push(bytes);
  }
  const cut = answers.length < reply.answers.length;
  const authorities = cut ? [] : (reply.authorities ?? []).map((record) => recordBytes(query, record));
  const flags = (cut ? bits.truncated : 0) | (reply.authoritative ? bits.authoritative : 0);
  return assemble(query, { rcode: reply.rcode, flags, answers, authorities });
}

/** The bytes of a question of our own. */
export const questionBytes = (name: string, type: string): Buffer =>
  encode({ questions: [{ name, type: type as 'A', class: 'IN' }] }).subarray(headerBytes);
