// The listeners of a store: told of a resource once for all the changes of one turn of the event loop.
import type { Resource } from './store.ts';

export class Listeners {
  readonly #listeners = new Set<(resource: Resource) => void>();
  readonly #pending = new Set<Resource>();

  add(listener: (resource: Resource) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Soon, not now: a commit's caller gets its answer before the watchers get busy. */
  notify(resource: Resource): void {
    if (this.#listeners.size === 0) return;
    if (this.#pending.size === 0) queueMicrotask(() => this.#tell());
    this.#pending.add(resource);
  }

  clear(): void {
    this.#listeners.clear();
  }

  #tell(): void {
    const resources = [...this.#pending];
    this.#pending.clear();
    for (const resource of resources) for (const listener of this.#listeners) listener(resource);
  }
}
