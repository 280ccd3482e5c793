// The store port on the revision protocol: whoever can carry out its operations (a database, a table in memory) is a store.
import type { ObjectKey } from '../../api/objects.ts';
import type { Ports } from '../../ports.ts';
import { Listeners } from '../listeners.ts';
import type { ChangePage, Commit, CommitResult, ListPage, Resource, Revision, Store, StoredObject } from '../store.ts';
import { changesSteps } from './changes.ts';
import { commitSteps, getSteps } from './commit.ts';
import type { Context, ProtocolLimits, ProtocolState } from './context.ts';
import { ask, defaultProtocolLimits, newState } from './context.ts';
import type { ProtocolListOptions } from './list.ts';
import { listSteps } from './list.ts';
import { headSteps } from './log.ts';
import type { Steps } from './ops.ts';
import type { Execute } from './run.ts';
import { run } from './run.ts';
import { sealSteps } from './seal.ts';

export interface ProtocolStoreOptions {
  execute: Execute;
  ports: Ports;
  limits?: Partial<ProtocolLimits>;
}

export class ProtocolStore implements Store {
  readonly #execute: Execute;
  readonly #ports: Ports;
  readonly #limits: ProtocolLimits;
  readonly #states = new Map<Resource, ProtocolState>();
  readonly #listeners = new Listeners();
  /** The newest revision of each resource that listeners were told of by polling. */
  readonly #told = new Map<Resource, Revision>();
  #listening = 0;
  #stopPolling: (() => void) | undefined;

  constructor({ execute, ports, limits }: ProtocolStoreOptions) {
    this.#execute = execute;
    this.#ports = ports;
    this.#limits = { ...defaultProtocolLimits, ...limits };
  }

  get(resource: Resource, key: ObjectKey): Promise<StoredObject | undefined> {
    return this.#run(getSteps(this.#context(resource), key));
  }

  list(resource: Resource, options: ProtocolListOptions = {}): Promise<ListPage> {
    return this.#run(listSteps(this.#context(resource), options));
  }

  async commit(commit: Commit): Promise<CommitResult> {
    const result = await this.#run(commitSteps(this.#context(commit.resource), commit));
    if (result.ok) this.#listeners.notify(commit.resource);
    return result;
  }

  changesSince(resource: Resource, since: Revision, limit?: number): Promise<ChangePage> {
    return this.#run(changesSteps(this.#context(resource), since, limit));
  }

  head(resource: Resource): Promise<Revision> {
    return this.#run(headSteps(this.#context(resource)));
  }

  /** Seals what crashed writers left and expires old changes; to be called every minute or so, by any number of processes. */
  async tidyUp(): Promise<void> {
    for (const { resource } of await this.#counters()) {
      await this.#run(sealSteps(this.#context(resource)));
    }
  }

  /** Own commits are told of at once, those of other processes by polling, which goes on while somebody listens. */
  onChange(listener: (resource: Resource) => void): () => void {
    const remove = this.#listeners.add(listener);
    if (this.#listening++ === 0) this.#pollLater();
    let isListening = true;
    return () => {
      if (!isListening) return;
      isListening = false;
      remove();
      if (--this.#listening === 0) this.#stop();
    };
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#stop();
  }

  #context(resource: Resource): Context {
    let state = this.#states.get(resource);
    if (!state) this.#states.set(resource, (state = newState()));
    const { clock, ids } = this.#ports;
    return { resource, state, limits: this.#limits, now: () => clock.now(), writer: () => ids.uuid() };
  }

  #run<T>(steps: Steps<T>): Promise<T> {
    return run(steps, this.#execute, this.#ports);
  }

  #counters() {
    return this.#run(ask(this.#context(''), { do: 'counters' }));
  }

  #pollLater(): void {
    this.#stopPolling = this.#ports.clock.after(this.#limits.pollMs, () => void this.#poll());
  }

  async #poll(): Promise<void> {
    const mine = this.#stopPolling;
    try {
      for (const { resource, taken } of await this.#counters()) {
        if (this.#told.get(resource) === taken) continue;
        this.#told.set(resource, taken);
        this.#listeners.notify(resource);
      }
    } catch (error) {
      this.#ports.log('warn', 'store polling', { error: String(error) });
    }
    if (this.#stopPolling === mine) this.#pollLater();
  }

  #stop(): void {
    this.#stopPolling?.();
    this.#stopPolling = undefined;
    this.#told.clear();
  }
}
