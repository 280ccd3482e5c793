// Whether some node is well, asked for each node: what was found out for one is kept for the next. When thousands fall silent
// at once, each is found silent once, not once for each of the others.

/** The nodes that say they are ready. Who of them has fallen silent is found out by looking, and holds until it is heard. */
export class WellNodes {
  /** Well when last looked at, or not looked at since they were heard. */
  readonly #perhaps = new Set<string>();
  readonly #silent = new Set<string>();
  #basis: unknown;

  /** The node, its lease or its status was seen to change. */
  heard(name: string): void {
    if (this.#silent.delete(name)) this.#perhaps.add(name);
  }

  /** What the node says of itself. */
  note(name: string, isReady: boolean): void {
    this.#silent.delete(name);
    if (isReady) this.#perhaps.add(name);
    else this.#perhaps.delete(name);
  }

  /**
   * Whether a node other than `name` is well. While `basis` (heartbeats.ts) stays the same, a node for which `isWell` said no is
   * not asked about again until it is heard.
   */
  isAnother(name: string, basis: unknown, isWell: (name: string) => boolean): boolean {
    if (basis !== this.#basis) {
      for (const silent of this.#silent) this.#perhaps.add(silent);
      this.#silent.clear();
      this.#basis = basis;
    }
    for (const other of this.#perhaps) {
      if (other === name) continue;
      if (isWell(other)) return true;
      this.#perhaps.delete(other);
      this.#silent.add(other);
    }
    return false;
  }
}
