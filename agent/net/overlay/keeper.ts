// Keeps the overlay in step with the nodes that sync tells of. What stands goes on when the agent ends; the next one takes away
// what is nobody's any more as soon as it knows all nodes.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../../core/ports.ts';
import type { NodePeers } from '../network-objects.ts';
import { runProgram } from '../run-program.ts';
import {
  addPeers,
  linkBatch,
  type OverlayPlan,
  overlayLink,
  type PeerBatches,
  peerAddresses,
  removePeers,
  standingPeers,
} from './overlay.ts';

const retryMs = 5_000;
/** Between looks at whether everything still stands: others on the machine may change links and routes. */
const lookMs = 300_000;

export interface OverlayOptions {
  plan: OverlayPlan;
  peers: NodePeers;
  /** Where batches are written. */
  folder: string;
  log: Log;
  /** Runs a program to its end; rejects with its words when it fails. Default: in this process's network namespace. */
  run?: (program: string, args: readonly string[]) => Promise<string>;
}

export class OverlayKeeper {
  readonly #options: OverlayOptions;
  readonly #run: NonNullable<OverlayOptions['run']>;
  readonly #stopListening: () => void;
  /** Peers as they were put in place; undefined while that is not known. */
  #standing: Set<string> | undefined;
  #working: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Begins at once with the link; peers that stand from before stay until the nodes are known. */
  constructor(options: OverlayOptions) {
    this.#options = options;
    this.#run = options.run ?? runProgram;
    this.#stopListening = options.peers.onPeersChange(() => this.#wake());
    this.#wake();
  }

  /** Resolves when everything that was told so far is in place, or was tried. */
  async settled(): Promise<void> {
    while (this.#working) await this.#working;
  }

  close(): void {
    this.#closed = true;
    this.#stopListening();
    clearTimeout(this.#timer);
  }

  #wake(): void {
    this.#again = true;
    if (this.#closed || this.#working) return;
    clearTimeout(this.#timer);
    this.#working = this.#work().finally(() => {
      this.#working = undefined;
      if (this.#again) this.#wake();
    });
  }

  async #work(): Promise<void> {
    this.#again = false;
    let next = lookMs;
    try {
      await this.#apply();
    } catch (error) {
      this.#standing = undefined;
      next = retryMs;
      this.#options.log('warn', 'the way to pods of other nodes was not made, trying again', {
        error: (error as Error).message,
      });
    }
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#standing = undefined;
      this.#wake();
    }, next);
    this.#timer.unref();
  }

  async #apply(): Promise<void> {
    const { plan, peers, log } = this.#options;
    const isWhole = this.#standing === undefined;
    if (isWhole)
      await this.#batch('ip', linkBatch(plan, await this.#run('ip', ['-j', '-d', 'link', 'show', 'type', 'vxlan'])));
    const told = peers.peers();
    if (!told) return;
    const wanted = peerAddresses(plan, told);
    const before =
      this.#standing ?? new Set(standingPeers(await this.#run('bridge', ['-j', 'fdb', 'show', 'dev', overlayLink])));
    const gone = [...before].filter((address) => !wanted.includes(address));
    const fresh = isWhole ? wanted : wanted.filter((address) => !before.has(address));
    if (fresh.length > 0) await this.#add(addPeers(plan, fresh));
    if (gone.length > 0) await this.#remove(removePeers(plan, gone));
    this.#standing = new Set(wanted);
    if (fresh.length + gone.length > 0)
      log('debug', 'nodes whose pods are reached', { all: wanted.length, fresh: fresh.length, gone: gone.length });
  }

  async #add({ bridge, ip }: PeerBatches): Promise<void> {
    await this.#batch('bridge', bridge);
    await this.#batch('ip', ip);
  }

  /** Parts of them may be gone already. */
  async #remove({ ip, bridge }: PeerBatches): Promise<void> {
    await this.#batch('ip', ip, true);
    await this.#batch('bridge', bridge, true);
  }

  async #batch(program: 'ip' | 'bridge', lines: readonly string[], isLenient = false): Promise<void> {
    const file = join(this.#options.folder, `overlay.${program}`);
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
    const done = this.#run(program, [...(isLenient ? ['-force'] : []), '-batch', file]);
    await (isLenient ? done.catch(() => undefined) : done);
  }
}
