// One environment of a function: its clock is off, its store is a process of its own on the tables that all share, what comes
// while no invocation runs is heard with the next, and after its death nothing is.
import type { Clock, Ids, Log, Ports } from '../../../core/ports.ts';
import { type QuietStore, quietStore } from '../../../lambdas/host/quiet-store.ts';
import type { FakeTable } from '../fake-table.ts';
import type { Deaths } from './deaths.ts';
import { NotedStore, type Notes } from './noted-store.ts';

/** What all environments have in common. */
export interface Surroundings {
  /** The true time. */
  clock: Clock;
  ids: Ids;
  log: Log;
  tables: FakeTable;
  deaths: Deaths;
  notes: Notes;
}

export class Environment {
  readonly ports: Ports;
  readonly store: QuietStore;
  readonly tidyUp: () => Promise<void>;
  isDead = false;
  /** Resolves when it dies. */
  readonly died: Promise<void>;
  #isFrozen = true;
  #unheard: (() => void)[] = [];
  #die: () => void = () => {};

  constructor(name: string, skewMs: number, { clock, ids, log, tables, deaths, notes }: Surroundings) {
    this.died = new Promise((resolve) => {
      this.#die = resolve;
    });
    this.ports = { ids, log, clock: this.#clock(clock, skewMs) };
    const store = new NotedStore(
      {
        ports: this.ports,
        execute: (op) =>
          new Promise((resolve) => {
            if (this.isDead) return;
            tables.send(op, (outcome) =>
              this.#hear(() => {
                if (deaths.strikes(name, op)) this.die();
                else resolve(outcome);
              }),
            );
          }),
      },
      notes,
    );
    this.tidyUp = () => store.tidyUp();
    this.store = quietStore(store);
  }

  /** An invocation begins: what came meanwhile is heard. */
  thaw(): void {
    this.#isFrozen = false;
    for (const unheard of this.#unheard.splice(0)) this.#hear(unheard);
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  /** What it asked of the tables is on its way all the same. */
  die(): void {
    this.isDead = true;
    this.#die();
  }

  #hear(what: () => void): void {
    if (this.isDead) return;
    if (this.#isFrozen) this.#unheard.push(what);
    else what();
  }

  #clock(clock: Clock, skewMs: number): Clock {
    return {
      now: () => clock.now() + skewMs,
      after: (delayMs, callback) => {
        let isCancelled = false;
        const cancel = clock.after(delayMs, () => this.#hear(() => isCancelled || callback()));
        return () => {
          isCancelled = true;
          cancel();
        };
      },
    };
  }
}
