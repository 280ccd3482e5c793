// Requests that come again byte for byte get the bytes of the first answer, as long as no service changed: the agent's code is
// not optimised by the engine (its memory counts more), and to read and write a message anew takes five times as long.
import type { NetworkObjects } from '../net/network-objects.ts';

const maxAnswers = 2048;
/** More is no usual question, and is answered anew each time. */
const maxRequestBytes = 320;

export class RepeatedAnswers {
  readonly #answers = new Map<string, Buffer>();

  constructor(objects: NetworkObjects) {
    objects.onChange(() => this.#answers.clear());
  }

  get(message: Buffer, transport: string): Buffer | undefined {
    if (message.length < 2 || message.length > maxRequestBytes) return undefined;
    const known = this.#answers.get(this.#key(message, transport));
    if (!known) return undefined;
    const reply = Buffer.from(known); // the last one may still be on its way out
    reply.writeUInt16BE(message.readUInt16BE(0), 0);
    return reply;
  }

  set(message: Buffer, transport: string, reply: Buffer): void {
    if (message.length > maxRequestBytes) return;
    if (this.#answers.size >= maxAnswers) this.#answers.clear();
    this.#answers.set(this.#key(message, transport), reply);
  }

  /** All but the id. */
  #key(message: Buffer, transport: string): string {
    return transport + message.toString('latin1', 2);
  }
}
