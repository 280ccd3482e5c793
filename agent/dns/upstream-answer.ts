// An answer of another server, kept as bytes: types that nobody here knows pass unchanged. Its additional section is left out,
// which no resolver of a pod reads; pointers of compressed names lead backwards only, so what is before stays whole.
import { assemble, bits, maxTcpBytes, type Query, questionEnd, rcodes } from './message.ts';

interface RecordPlace {
  start: number;
  end: number;
  /** Where its time to live stands, and how long that was when it came. Seconds. */
  ttlAt: number;
  ttl: number;
}

export interface UpstreamAnswer {
  bytes: Buffer;
  rcode: number;
  truncated: boolean;
  questionEnd: number;
  answers: RecordPlace[];
  authorities: RecordPlace[];
  /** How long it may be kept. Seconds; 0: not at all. */
  lifetime: number;
}

const soaType = 6;
/** Longest that is believed, and of a name that does not exist (it may be made at any time). Seconds. */
const maxLifetime = 3600;
const maxNegativeLifetime = 30;

function nameEnd(message: Buffer, from: number): number {
  for (let offset = from; ; ) {
    const length = message.readUInt8(offset);
    if (length === 0) return offset + 1;
    if (length >= 0xc0) return offset + 2;
    if (length > 63) throw new RangeError('a name with an unknown kind of label');
    offset += length + 1;
  }
}

function recordAt(message: Buffer, start: number): RecordPlace {
  const fixed = nameEnd(message, start);
  const end = fixed + 10 + message.readUInt16BE(fixed + 8);
  if (end > message.length) throw new RangeError('a record that is cut off');
  const given = message.readUInt32BE(fixed + 4);
  const ttl = given > 0x7fff_ffff ? 0 : given; // RFC 2181, section 8
  // how long the absence of a name holds (RFC 2308)
  const bounded = message.readUInt16BE(fixed) === soaType && end - fixed > 14 ? message.readUInt32BE(end - 4) : ttl;
  return { start, end, ttlAt: fixed + 4, ttl: Math.min(ttl, bounded) };
}

/** Throws RangeError for what is no answer to one question. */
export function parseAnswer(bytes: Buffer): UpstreamAnswer {
  const flags = bytes.readUInt16BE(2);
  if (!(flags & bits.response) || bytes.readUInt16BE(4) !== 1) throw new RangeError('not an answer');
  const end = questionEnd(bytes);
  let offset = end;
  const section = (count: number): RecordPlace[] =>
    Array.from({ length: count }, () => {
      const place = recordAt(bytes, offset);
      offset = place.end;
      return place;
    });
  const truncated = (flags & bits.truncated) !== 0;
  const answers = truncated ? [] : section(bytes.readUInt16BE(6));
  const authorities = truncated ? [] : section(bytes.readUInt16BE(8));
  const rcode = flags & 15;
  const records = [...answers, ...authorities];
  const keeps = (rcode === rcodes.noError || rcode === rcodes.nxDomain) && records.length > 0 && !truncated;
  const most = answers.length > 0 && rcode === rcodes.noError ? maxLifetime : maxNegativeLifetime;
  const lifetime = keeps ? Math.min(most, ...records.map(({ ttl }) => ttl)) : 0;
  const kept = Buffer.from(bytes.subarray(0, offset));
  kept.writeUInt16BE(0, 10); // the additional section
  return { bytes: kept, rcode, truncated, questionEnd: end, answers, authorities, lifetime };
}

/** As the client's own question wants it. `ageSeconds`: how long it was kept. */
export function relay(query: Query, answer: UpstreamAnswer, ageSeconds: number, limit: number): Buffer {
  // a copy: the places of time to live are written
  const bytes = Buffer.from(answer.bytes);
  for (const { ttlAt } of [...answer.answers, ...answer.authorities]) {
    const left = Math.max(0, bytes.readUInt32BE(ttlAt) - Math.floor(ageSeconds));
    bytes.writeUInt32BE(left, ttlAt);
  }
  const cut = ({ start, end }: RecordPlace): Buffer => bytes.subarray(start, end);
  const whole = assemble(query, {
    rcode: answer.rcode,
    flags: answer.truncated ? bits.truncated : 0,
    answers: answer.answers.map(cut),
    authorities: answer.authorities.map(cut),
  });
  if (whole.length <= Math.min(limit, maxTcpBytes)) return whole;
  let room = limit - assemble(query, { rcode: answer.rcode }).length;
  const fits = answer.answers.filter((place) => (room -= place.end - place.start) >= 0);
  return assemble(query, { rcode: answer.rcode, flags: bits.truncated, answers: fits.map(cut) });
}
