// Asks nodes what they use, when somebody wants to know: nothing is stored, and an idle cluster costs nothing
// (docs/decisions/0012-metrics.md). Who asks at the same time, or again within seconds, shares the answers.
import { StatusError } from '../../api/errors.ts';
import { type NodeUsageAnswer, usagePath } from '../../api/node-usage.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { Node } from '../../api/types.gen.ts';
import type { ApiServerDeps } from '../server.ts';

/** An answer stands for this long. */
const freshMs = 5_000;
/** A node that has not answered by then is left out. Enough for a function that has to be started first. */
const answerWithinMs = 5_000;
/** On AWS each is an invocation of the dialer, and a new account may have ten at once. */
const askedAtOnce = 8;

type AskDeps = Pick<ApiServerDeps, 'nodes' | 'clock' | 'log'>;

interface Asked {
  atMs: number;
  answer: Promise<NodeUsageAnswer>;
}

export class NodeUsages {
  readonly #deps: AskDeps;
  readonly #asked = new Map<string, Asked>();

  constructor(deps: AskDeps) {
    this.#deps = deps;
  }

  /**
   * By the nodes' names. A node that does not answer is not in it. Throws ServiceUnavailable when this host has no way to any of
   * the nodes.
   * @param withinMs what this caller waits at most, in milliseconds
   */
  async of(nodes: readonly KubeObject[], withinMs = answerWithinMs): Promise<Map<string, NodeUsageAnswer>> {
    this.#forgetOld();
    const found = new Map<string, NodeUsageAnswer>();
    let noWay: StatusError | undefined;
    const waiting = nodes.filter(isHeardOf);
    const late = this.#after(Math.min(withinMs, answerWithinMs));
    const askNext = async (): Promise<void> => {
      for (let node = waiting.pop(); node; node = waiting.pop()) {
        const name = node.metadata.name ?? '';
        try {
          found.set(name, await Promise.race([this.#answerOf(name, node), late.passed]));
        } catch (error) {
          if (error instanceof StatusError) noWay = error;
          else this.#deps.log('warn', 'node.usage-unknown', { node: name, error: String(error) });
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(askedAtOnce, waiting.length) }, askNext));
    late.cancel();
    if (noWay && found.size === 0) throw noWay;
    return found;
  }

  #forgetOld(): void {
    const now = this.#deps.clock.now();
    for (const [name, { atMs }] of this.#asked) if (now - atMs >= freshMs) this.#asked.delete(name);
  }

  #answerOf(name: string, node: KubeObject): Promise<NodeUsageAnswer> {
    const known = this.#asked.get(name);
    if (known) return known.answer;
    const asked: Asked = { atMs: this.#deps.clock.now(), answer: this.#ask(node) };
    this.#asked.set(name, asked);
    // Who asks after a failure tries again.
    asked.answer.catch(() => {
      if (this.#asked.get(name) === asked) this.#asked.delete(name);
    });
    return asked.answer;
  }

  async #ask(node: KubeObject): Promise<NodeUsageAnswer> {
    const tooLate = new AbortController();
    const cancel = this.#deps.clock.after(answerWithinMs, () => tooLate.abort());
    try {
      const response = await this.#deps.nodes.fetch(node, usagePath, { signal: tooLate.signal });
      if (!response.ok) throw new Error(`the node answered ${response.status}`);
      return (await response.json()) as NodeUsageAnswer;
    } finally {
      cancel();
    }
  }

  #after(ms: number): { passed: Promise<never>; cancel: () => void } {
    let cancel = (): void => {};
    const passed = new Promise<never>((_, reject) => {
      cancel = this.#deps.clock.after(ms, () => reject(new Error('the node did not answer in time')));
    });
    // Nobody may be waiting any more.
    passed.catch(() => undefined);
    return { passed, cancel };
  }
}

/** A node that has stopped reporting would only be waited for. */
const isHeardOf = (node: KubeObject): boolean =>
  !(node as unknown as Node).status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'Unknown');
