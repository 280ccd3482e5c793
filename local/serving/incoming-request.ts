// A Node request as the part of the web's Request that the API server uses. Making a real Request of each one costs more
// than many of the requests themselves; here headers, signal and body are made when they are asked for.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

/** A name or an address, with or without a port: nothing that could end the host and begin a path. */
const isHost = /^[\w.-]+(:\d+)?$|^\[[\da-fA-F:.]+\](:\d+)?$/;

/** Makes a URL that cannot be parsed, and so a bad request. */
const notHost = '[]';

export class IncomingRequest {
  readonly method: string;
  readonly url: string;
  /** Lets this object serve as the init of a real Request. */
  readonly duplex = 'half';
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse | undefined;
  #headers: Headers | undefined;
  #signal: AbortSignal | undefined;
  #body: ReadableStream<Uint8Array> | undefined;
  bodyUsed = false;

  constructor(incoming: IncomingMessage, response?: ServerResponse) {
    this.method = incoming.method ?? 'GET';
    const path = incoming.url ?? '/';
    const host = incoming.headers.host || 'localhost';
    this.url = `https://${isHost.test(host) ? host : notHost}${path.startsWith('/') ? path : `/${path}`}`;
    this.#incoming = incoming;
    this.#response = response;
  }

  get headers(): Headers {
    if (!this.#headers) {
      this.#headers = new Headers();
      const { rawHeaders } = this.#incoming;
      for (let i = 0; i < rawHeaders.length; i += 2) this.#headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
    }
    return this.#headers;
  }

  /** Aborts when the connection closes before the answer is finished. */
  get signal(): AbortSignal {
    if (!this.#signal) {
      const controller = new AbortController();
      this.#signal = controller.signal;
      const response = this.#response;
      if (response?.destroyed && !response.writableFinished) controller.abort();
      response?.once('close', () => {
        if (!response.writableFinished) controller.abort();
      });
    }
    return this.#signal;
  }

  get body(): ReadableStream<Uint8Array> | null {
    const { headers } = this.#incoming;
    if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return null;
    if (!this.#body) {
      this.bodyUsed = true;
      this.#body = Readable.toWeb(this.#incoming) as ReadableStream<Uint8Array>;
    }
    return this.#body;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.#read();
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  }

  async bytes(): Promise<Uint8Array> {
    return await this.#read();
  }

  async text(): Promise<string> {
    return (await this.#read()).toString('utf8');
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  /** Straight from the socket unless somebody asked for the stream. */
  async #read(): Promise<Buffer> {
    this.bodyUsed = true;
    if (this.#body) return Buffer.from(await new Response(this.#body).arrayBuffer());
    const chunks: Buffer[] = [];
    await new Promise<void>((resolve, reject) => {
      this.#incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      this.#incoming.on('end', resolve);
      this.#incoming.on('error', reject);
      this.#incoming.on('close', () => reject(new Error('the connection was closed')));
    });
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  }
}

/** The API server takes a Request and uses no more of it than IncomingRequest has. */
export const asRequest = (incoming: IncomingMessage, response?: ServerResponse): Request =>
  new IncomingRequest(incoming, response) as unknown as Request;
