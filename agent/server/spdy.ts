// The client half of SPDY/3.1, as far as remote commands need it: open streams, write, half-close, read. The runtime opens none
// towards us and keeps no flow control, so neither is here. WebSockets of containerd 1.6 cannot say "stdin ends here"; SPDY can.
// https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
import type { Duplex } from 'node:stream';
import { constants, createDeflate } from 'node:zlib';

const names =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization ' +
  'cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range ' +
  'content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified ' +
  'location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding ' +
  'upgrade user-agent vary via warning www-authenticate method get status';
const afterNames = ['200 OK', 'version', 'HTTP/1.1', 'url', 'public', 'set-cookie', 'keep-alive', 'origin'];
const rest =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information' +
  '204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error' +
  '501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, ' +
  'Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,' +
  'publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

const prefixed = (text: string): Buffer => {
  const bytes = Buffer.alloc(4 + text.length);
  bytes.writeUInt32BE(text.length);
  bytes.write(text, 4, 'latin1');
  return bytes;
};

/** Both sides compress headers against this text (section 2.6.10.1). */
export const headerDictionary: Buffer = Buffer.concat([
  ...[...names.split(' '), ...afterNames].map(prefixed),
  Buffer.from(rest, 'latin1'),
]);

const frames = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goAway: 7 } as const;
const finFlag = 1;

function controlFrame(type: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(0x8003);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE((flags << 24) | body.length, 4);
  return Buffer.concat([head, body]);
}

function dataFrame(id: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(id);
  head.writeUInt32BE(((flags << 24) | body.length) >>> 0, 4);
  return Buffer.concat([head, body]);
}

export interface SpdyStream {
  write(chunk: Buffer): boolean;
  /** Half-close: no more will be written. */
  end(): void;
}

export interface SpdyHandlers {
  onData(chunk: Buffer): void;
  /** The other side will send no more on this stream. */
  onEnd(): void;
}

export class SpdyClient {
  readonly #socket: Duplex;
  readonly #deflate = createDeflate({ dictionary: headerDictionary });
  readonly #streams = new Map<number, SpdyHandlers>();
  #pending: Buffer = Buffer.alloc(0);
  #nextId = 1;
  #lastOpen: Promise<unknown> = Promise.resolve();

  /** Owns the socket from now on; `head` are bytes already read from it. */
  constructor(socket: Duplex, head: Buffer, onClose: () => void) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('close', onClose);
    socket.on('error', () => socket.destroy());
    if (head.length) this.#receive(head);
  }

  /** Opens a stream with these headers. Streams reach the other side in the order of the calls. */
  open(headers: Record<string, string>, handlers: SpdyHandlers): Promise<SpdyStream> {
    const opened = this.#lastOpen.then(async () => {
      const id = this.#nextId;
      this.#nextId += 2;
      this.#streams.set(id, handlers);
      const head = Buffer.alloc(10);
      head.writeUInt32BE(id);
      this.#socket.write(controlFrame(frames.synStream, 0, Buffer.concat([head, await this.#compress(headers)])));
      return {
        write: (chunk: Buffer) => this.#socket.write(dataFrame(id, 0, chunk)),
        end: () => void this.#socket.write(dataFrame(id, finFlag, Buffer.alloc(0))),
      };
    });
    this.#lastOpen = opened.catch(() => {});
    return opened;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
    this.#deflate.close();
  }

  /** One compression context for the whole connection: blocks are flushed in order. */
  #compress(headers: Record<string, string>): Promise<Buffer> {
    const entries = Object.entries(headers);
    const count = Buffer.alloc(4);
    count.writeUInt32BE(entries.length);
    const block = Buffer.concat([
      count,
      ...entries.flatMap(([name, value]) => [prefixed(name.toLowerCase()), prefixed(value)]),
    ]);
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const collect = (chunk: Buffer) => chunks.push(chunk);
      this.#deflate.on('data', collect);
      this.#deflate.once('error', reject);
      this.#deflate.write(block);
      this.#deflate.flush(constants.Z_SYNC_FLUSH, () => {
        this.#deflate.off('data', collect);
        this.#deflate.off('error', reject);
        resolve(Buffer.concat(chunks));
      });
    });
  }

  #receive(chunk: Buffer): void {
    this.#pending = this.#pending.length ? Buffer.concat([this.#pending, chunk]) : chunk;
    while (this.#pending.length >= 8) {
      const length = this.#pending.readUInt32BE(4) & 0xffffff;
      if (this.#pending.length < 8 + length) return;
      const frame = this.#pending.subarray(0, 8 + length);
      this.#pending = this.#pending.subarray(8 + length);
      this.#handle(frame);
    }
  }

  #handle(frame: Buffer): void {
    const fin = (frame[4]! & finFlag) !== 0;
    const body = frame.subarray(8);
    if ((frame[0]! & 0x80) === 0) {
      const id = frame.readUInt32BE(0);
      const stream = this.#streams.get(id);
      if (body.length) stream?.onData(body);
      if (fin) this.#finish(id);
      return;
    }
    const type = frame.readUInt16BE(2);
    if (type === frames.ping) this.#socket.write(frame);
    else if (type === frames.synReply && fin) this.#finish(body.readUInt32BE(0) & 0x7fffffff);
    else if (type === frames.rstStream) this.#finish(body.readUInt32BE(0) & 0x7fffffff);
    else if (type === frames.goAway) this.#socket.end();
  }

  #finish(id: number): void {
    this.#streams.get(id)?.onEnd();
    this.#streams.delete(id);
  }
}
