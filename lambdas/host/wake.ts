// How a function that ends gets woken again: by a message that is delayed up to 15 minutes, or by the tick, which reads the due
// times of all. Duplicates do no harm; none is sent while an earlier one is on its way.
import type { Clock } from '../../core/ports.ts';
import type { Store } from '../../core/store/store.ts';
import { type FunctionName, updateState, withDue } from './function-state.ts';

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html */
const MESSAGE_DELAY_LIMIT_MS = 900_000;
const MESSAGE_GRAIN_MS = 1_000;
/** What falls due within it, the tick wakes for at once. */
const MINUTE_MS = 60_000;

export interface WakerOptions {
  name: FunctionName;
  store: Store;
  clock: Clock;
  /** Sends a message that arrives after the delay; absent: the tick does all. */
  sendDelayed?: ((delaySeconds: number) => Promise<void>) | undefined;
}

export class Waker {
  readonly #options: WakerOptions;
  /** When a message of this process arrives. */
  #messageMs: number | undefined;
  /** What the state is known to hold for this function. */
  #dueMs: number | undefined;

  constructor(options: WakerOptions) {
    this.#options = options;
  }

  /** `byTick`: the tick woke the function by the due time that stands in the state, which is done with. */
  async plan(nextDueMs: number | undefined, byTick: boolean): Promise<void> {
    const { clock, sendDelayed } = this.#options;
    const nowMs = clock.now();
    if (this.#messageMs !== undefined && this.#messageMs <= nowMs) this.#messageMs = undefined;
    const dueMs = nextDueMs === undefined ? undefined : nowMs + nextDueMs;
    const isSoon = sendDelayed !== undefined && nextDueMs !== undefined && nextDueMs <= MESSAGE_DELAY_LIMIT_MS;
    // A whole second is the grain, and none comes before the time: what is on its way for it may come up to a second after.
    const isOnItsWay = (this.#messageMs ?? Number.POSITIVE_INFINITY) < (dueMs ?? 0) + MESSAGE_GRAIN_MS;
    if (isSoon && !isOnItsWay) {
      const delaySeconds = Math.ceil(nextDueMs / MESSAGE_GRAIN_MS);
      await sendDelayed(delaySeconds);
      this.#messageMs = nowMs + delaySeconds * MESSAGE_GRAIN_MS;
    }
    await this.#note(isSoon ? undefined : dueMs, byTick);
  }

  async #note(dueMs: number | undefined, byTick: boolean): Promise<void> {
    const { name, store } = this.#options;
    const isEarlier = dueMs !== undefined && (this.#dueMs === undefined || dueMs < this.#dueMs);
    if (!byTick && !isEarlier) return;
    const state = await updateState(store, (standing) => {
      const stands = standing.due[name];
      // An earlier time that is still to come may be another instance's; it costs a look, writing each wish costs more.
      const isToCome = !byTick || (stands ?? 0) > this.#options.clock.now() + MINUTE_MS;
      const keeps = stands !== undefined && dueMs !== undefined && isToCome && stands <= dueMs;
      return keeps ? standing : withDue(standing, name, dueMs);
    });
    this.#dueMs = state.due[name];
  }
}
