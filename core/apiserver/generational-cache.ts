// What was derived from shared objects, kept while it is used: a bounded cache that forgets in two steps.
// Entries that were neither made nor asked for while one limit's worth of others came are dropped, all at once; and an
// entry never outlives the object that it is about.

export class GenerationalCache<K extends object, V> {
  readonly #limit: number;
  #young = new WeakMap<K, V>();
  #old = new WeakMap<K, V>();
  #size = 0;

  /** `limit`: size of one generation, in the unit that `set` is told; at most two are held. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: K): V | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  /** An entry of the older generation that is still of use is `set` again by who finds it so. */
  isYoung(key: K): boolean {
    return this.#young.has(key);
  }

  set(key: K, value: V, size: number): void {
    this.#size += size;
    if (this.#size > this.#limit) {
      this.#old = this.#young;
      this.#young = new WeakMap();
      this.#size = size;
    }
    this.#young.set(key, value);
  }
}
