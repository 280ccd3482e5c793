// gRPC as far as the agent needs it (unary calls, one server stream) straight on HTTP/2: @grpc/grpc-js and its loader would
// take 25 MB of the agent's memory. Framing and codes: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import protobuf from 'protobufjs/light.js';

/** A failed call: gRPC's code by name, and the server's own text. */
export class RpcError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'RpcError';
    this.code = code;
  }
}

const codes = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];
const prefixBytes = 5;
const windowBytes = 4 * 1024 * 1024;
/** As containerd limits its messages. Who answers may be a pod that is asked for its health. */
const maxAnswerBytes = 16 * 1024 * 1024;

export interface RpcServer {
  /** Unix socket, or host and port. */
  at: { socket: string } | { host: string; port: number };
  /** Sent with every call. */
  headers?: Record<string, string>;
}

/** Encodes and decodes the messages of one descriptor (protobufjs JSON). */
export class Messages {
  readonly #root: protobuf.Root;
  constructor(descriptor: object) {
    this.#root = protobuf.Root.fromJSON(descriptor as protobuf.INamespace);
  }

  encode(type: string, value: object): Buffer {
    const message = this.#root.lookupType(type);
    return Buffer.from(message.encode(message.fromObject(value)).finish());
  }

  /** 64-bit numbers as strings, enums by name, absent fields with their defaults. */
  decode(type: string, bytes: Buffer): Record<string, unknown> {
    const message = this.#root.lookupType(type);
    return message.toObject(message.decode(bytes), {
      longs: String,
      enums: String,
      defaults: true,
      arrays: true,
      objects: true,
    });
  }
}

function frame(body: Buffer): Buffer {
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

function statusOf(headers: IncomingHttpHeaders): RpcError | undefined {
  const status = headers['grpc-status'];
  if (status === undefined) return undefined;
  if (status === '0') return new RpcError('OK', '');
  const text = String(headers['grpc-message'] ?? '');
  let message = text;
  try {
    message = decodeURIComponent(text);
  } catch {
    // Not percent-encoded after all: taken as it is.
  }
  return new RpcError(codes[Number(status)] ?? 'UNKNOWN', message);
}

/** At most eight digits (gRPC over HTTP/2, "Timeout"). */
const grpcTimeout = (ms: number): string =>
  ms < 1e8 ? `${Math.ceil(ms)}m` : `${Math.min(Math.ceil(ms / 1000), 99_999_999)}S`;
/** setTimeout takes 31 bits. */
const maxTimerMs = 2 ** 31 - 1;

export class RpcChannel {
  readonly #server: RpcServer;
  #session: ClientHttp2Session | undefined;

  constructor(server: RpcServer) {
    this.#server = server;
  }

  close(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  /** The open connection, or a new one: a server that was away is found again by the next call. */
  #connected(): ClientHttp2Session {
    const open = this.#session;
    if (open && !open.closed && !open.destroyed) return open;
    const { at } = this.#server;
    const session = connectHttp2('http://localhost', {
      createConnection: () => ('socket' in at ? connectSocket(at.socket) : connectSocket(at.port, at.host)),
      settings: { initialWindowSize: windowBytes, enablePush: false },
    });
    session.on('connect', () => session.setLocalWindowSize(windowBytes));
    // Each call hears of it by its own stream.
    session.on('error', () => session.destroy());
    session.on('goaway', () => session.close());
    this.#session = session;
    return session;
  }

  #open(path: string, body: Buffer, timeoutMs: number | undefined): ClientHttp2Stream {
    const stream = this.#connected().request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(timeoutMs !== undefined ? { 'grpc-timeout': grpcTimeout(timeoutMs) } : {}),
      ...this.#server.headers,
    });
    stream.end(frame(body));
    return stream;
  }

  /** One answer, within the time if there is one. Throws RpcError. */
  unary(path: string, body: Buffer, timeoutMs: number | undefined): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let outcome: RpcError | undefined;
      let stream: ClientHttp2Stream;
      try {
        stream = this.#open(path, body, timeoutMs);
      } catch (error) {
        reject(new RpcError('UNAVAILABLE', (error as Error).message));
        return;
      }
      const late = (): void => {
        outcome = new RpcError('DEADLINE_EXCEEDED', `no answer to ${path} within ${(timeoutMs ?? 0) / 1000} s`);
        stream.close(constants.NGHTTP2_CANCEL);
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(late, Math.min(timeoutMs, maxTimerMs));
      stream.on('response', (headers) => (outcome ??= statusOf(headers)));
      stream.on('trailers', (headers) => (outcome ??= statusOf(headers)));
      let received = 0;
      stream.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received <= maxAnswerBytes) return void chunks.push(chunk);
        outcome ??= new RpcError('RESOURCE_EXHAUSTED', `the answer to ${path} is longer than ${maxAnswerBytes} bytes`);
        stream.close(constants.NGHTTP2_CANCEL);
      });
      stream.on('error', (error) => (outcome ??= new RpcError('UNAVAILABLE', error.message)));
      stream.on('close', () => {
        clearTimeout(timer);
        const end = outcome ?? new RpcError('UNAVAILABLE', 'the connection was closed');
        if (end.code === 'OK') resolve(Buffer.concat(chunks).subarray(prefixBytes));
        else reject(end);
      });
    });
  }

  /** Messages as they come; `onEnd` once, however it ends. The function returned cancels. */
  stream(path: string, body: Buffer, onMessage: (bytes: Buffer) => void, onEnd: () => void): () => void {
    let pending: Buffer = Buffer.alloc(0);
    let stream: ClientHttp2Stream;
    try {
      stream = this.#open(path, body, undefined);
    } catch {
      setImmediate(onEnd);
      return () => {};
    }
    stream.on('data', (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      while (pending.length >= prefixBytes) {
        const end = prefixBytes + pending.readUInt32BE(1);
        if (pending.length < end) return;
        onMessage(pending.subarray(prefixBytes, end));
        pending = pending.subarray(end);
      }
    });
    stream.on('error', () => stream.close());
    stream.on('close', onEnd);
    return () => stream.close(constants.NGHTTP2_CANCEL);
  }
}
