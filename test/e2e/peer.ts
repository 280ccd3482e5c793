// Somebody in a network namespace of the cluster (a node's, a pod's, or the machine's own) who connects to others and answers them:
// the sample image has no client and no server that would tell what a test wants to know.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

interface Place {
  host: string;
  port: number;
}

interface Question {
  protocol?: 'tcp' | 'udp';
  times?: number;
  send?: string;
  /** Until nobody answers. By default longer than an answer takes on a machine that does much else. */
  patienceMs?: number;
}

/** For who expects that nobody answers. */
export const briefly: Question = { patienceMs: 1_500 };

export type Command =
  /** Answers TCP and UDP with `NAME ADDRESS`: its name, and the address that it sees. */
  | { do: 'serve'; name: string; port: number }
  /** With `send` over TCP: sends it and hears everything until the end. */
  | ({ do: 'ask' } & Question & Place)
  /** A UDP flow: each `id` has a socket of its own that stays. */
  | ({ do: 'flow'; id: number } & Place)
  /** A TCP connection that stays; `say` sends on it. */
  | ({ do: 'hold'; id: number } & Place)
  | { do: 'say'; id: number; text: string }
  /** HTTPS, with the server's name and the authority (PEM) to trust. */
  | ({ do: 'get'; name: string; ca: string; path: string } & Place);

const program = fileURLToPath(new URL('peer-main.ts', import.meta.url));

export class Peer {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #count = 0;

  /** @param namespace file of a network namespace; the machine's own when absent */
  constructor(namespace?: string) {
    const command = [process.execPath, program];
    const [file, ...args] = namespace ? ['nsenter', `--net=${namespace}`, ...command] : command;
    this.#child = spawn(file!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      const { id, answer } = JSON.parse(line) as { id: number; answer: unknown };
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
  }

  #send<T>(command: Command): Promise<T> {
    const id = this.#count++;
    this.#child.stdin!.write(`${JSON.stringify({ id, command })}\n`);
    return new Promise((resolve) => this.#waiting.set(id, resolve as (answer: unknown) => void));
  }

  serve(name: string, port: number): Promise<string> {
    return this.#send({ do: 'serve', name, port });
  }

  /** Answers and how often each was heard; instead of an answer an error's code, or `silent`. */
  async asks(host: string, port: number, more: Question = {}) {
    return this.#send<Record<string, number>>({ do: 'ask', host, port, ...more });
  }

  /** The one answer to one question. */
  async hears(host: string, port: number, more: Question = {}): Promise<string> {
    const [word] = Object.keys(await this.asks(host, port, more));
    return word ?? '';
  }

  flow(id: number, host: string, port: number): Promise<string> {
    return this.#send({ do: 'flow', id, host, port });
  }

  hold(id: number, host: string, port: number): Promise<string> {
    return this.#send({ do: 'hold', id, host, port });
  }

  say(id: number, text: string): Promise<string> {
    return this.#send({ do: 'say', id, text });
  }

  get(host: string, port: number, name: string, ca: string, path: string): Promise<string> {
    return this.#send({ do: 'get', host, port, name, ca, path });
  }

  leave(): void {
    this.#child.stdin!.end();
  }
}

/** A process of a pod that runs on this machine, on whichever node: its cgroups carry the pod's uid. */
export function processOfPod(uid: string): string | undefined {
  return readdirSync('/proc').find((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(uid);
    } catch {
      return false; // it ended meanwhile
    }
  });
}

/** The network namespace of a pod. */
export const namespaceOfPod = (uid: string): string =>
  `/proc/${processOfPod(uid) ?? assert.fail(`no process of pod ${uid}`)}/ns/net`;
