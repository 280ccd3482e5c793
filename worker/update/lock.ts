// The lock that lets one worker update at a time: a lease, as leader elections use one. Its end is judged by how long it did not
// change, on this machine's clock, and not by the times in it: clocks differ.
// https://kubernetes.io/docs/concepts/architecture/leases/
import { isStatus } from '../../core/api/errors.ts';
import { agentUpdateLease } from '../../core/api/node-sync.ts';
import type { Lease } from '../../core/api/types.gen.ts';
import type { Client } from '../../core/client/client.ts';
import { microTimestamp } from '../../core/ports.ts';

const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };
const namespace = 'kube-node-lease';
/** Longer than the longest drain and the start of a new version. */
export const lockSeconds = 25 * 60;
/** Renewed when this much of it has passed. */
const renewAfterMs = (lockSeconds * 1000) / 5;

export type LockState = 'mine' | 'free' | 'held';

export class UpdateLock {
  readonly #client: Pick<Client, 'get' | 'create' | 'update'>;
  readonly #holder: string;
  readonly #now: () => number;
  /** The lease as last seen to change. */
  #seen: { resourceVersion: string; atMs: number } | undefined;
  #lease: Lease | undefined;

  constructor(client: Pick<Client, 'get' | 'create' | 'update'>, holder: string, now: () => number) {
    this.#client = client;
    this.#holder = holder;
    this.#now = now;
  }

  /** Looks, and renews what is this worker's own. Throws StatusError. */
  async look(): Promise<LockState> {
    this.#note(await this.#read());
    const holder = this.#lease?.spec?.holderIdentity;
    if (!holder) return 'free';
    if (holder === this.#holder) {
      if (this.#now() - this.#seen!.atMs > renewAfterMs) await this.#write(holder);
      return 'mine';
    }
    const lifeMs = (this.#lease?.spec?.leaseDurationSeconds ?? lockSeconds) * 1000;
    return this.#now() - this.#seen!.atMs > lifeMs ? 'free' : 'held';
  }

  /** Takes it after `look` found it free; another that was quicker keeps it. Throws StatusError. */
  async take(): Promise<void> {
    await this.#write(this.#holder);
  }

  /** Throws StatusError. */
  async release(): Promise<void> {
    if (this.#lease?.spec?.holderIdentity === this.#holder) await this.#write('');
  }

  async #read(): Promise<Lease | undefined> {
    try {
      return await this.#client.get<Lease>(leases, { namespace, name: agentUpdateLease });
    } catch (error) {
      if (isStatus(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  #note(lease: Lease | undefined): void {
    this.#lease = lease;
    const resourceVersion = lease?.metadata?.resourceVersion ?? '';
    if (this.#seen?.resourceVersion !== resourceVersion) this.#seen = { resourceVersion, atMs: this.#now() };
  }

  /** Under the version that was seen, so of two only one succeeds. */
  async #write(holderIdentity: string): Promise<void> {
    const time = microTimestamp(this.#now());
    const spec = holderIdentity
      ? { holderIdentity, leaseDurationSeconds: lockSeconds, acquireTime: time, renewTime: time }
      : { leaseDurationSeconds: lockSeconds };
    const metadata = { ...this.#lease?.metadata, name: agentUpdateLease, namespace };
    const lease: Lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    try {
      this.#note(
        await (this.#lease ? this.#client.update(leases, lease as never) : this.#client.create(leases, lease as never)),
      );
    } catch (error) {
      // another was quicker: the next look shows it
      if (!isStatus(error, 'Conflict') && !isStatus(error, 'AlreadyExists')) throw error;
    }
  }
}
