// A web Response onto a Node socket, with the back-pressure of both.
import type { ServerResponse } from 'node:http';
import { outletOf } from '../../core/apiserver/outlet.ts';
import { sendWatch } from './watch-sender.ts';

/** Headers that belong to one connection: of an answer that came from an agent they are not passed on. */
const hopHeaders = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade']);

/** Resolves once all is handed to the socket, or a watch has begun. A client that goes away cancels the body; a body that fails ends the connection. */
export async function sendResponse(response: Response, to: ServerResponse): Promise<void> {
  to.statusCode = response.status;
  for (const [name, value] of response.headers) {
    if (!hopHeaders.has(name)) to.appendHeader(name, value);
  }
  const { body } = response;
  if (!body) {
    to.end();
    return;
  }
  const outlet = outletOf(body);
  if (!outlet || !sendWatch(outlet, to)) await new BodySender(body, to).send();
}

class BodySender {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #to: ServerResponse;
  /** The first chunk waits a turn: if it is all there is, it goes out in one packet with its length. */
  #held: Uint8Array | undefined;
  #streaming = false;
  #wake: () => void = () => {};

  constructor(body: ReadableStream<Uint8Array>, to: ServerResponse) {
    this.#reader = body.getReader();
    this.#to = to;
  }

  async send(): Promise<void> {
    const to = this.#to;
    const onClose = (): void => {
      this.#reader.cancel().catch(() => undefined);
      this.#wake();
    };
    const onDrain = (): void => this.#wake();
    to.on('close', onClose).on('drain', onDrain);
    const turn = setImmediate(() => this.#stream());
    try {
      if (to.destroyed) onClose();
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        await this.#write(value);
      }
      to.end(this.#streaming ? undefined : this.#held);
    } catch {
      to.destroy();
    } finally {
      clearImmediate(turn);
      to.off('close', onClose).off('drain', onDrain);
    }
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (!this.#streaming) {
      if (!this.#held) {
        this.#held = chunk;
        return;
      }
      this.#stream();
    }
    if (this.#to.write(chunk) || this.#to.destroyed) return;
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** A watch's client waits for the head even if no event comes for long. */
  #stream(): void {
    if (this.#streaming) return;
    this.#streaming = true;
    this.#to.flushHeaders();
    if (this.#held) this.#to.write(this.#held);
  }
}
