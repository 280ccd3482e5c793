// Carries an update out, step by step (decide.ts), whenever the control plane has answered, and every few seconds while one is
// under way.
import type { NodeSyncResponse } from '../../core/api/node-sync.ts';
import type { Node, Pod } from '../../core/api/types.gen.ts';
import type { Client } from '../../core/client/client.ts';
import { resources } from '../../core/client/resources.ts';
import type { Clock, Log } from '../../core/ports.ts';
import { decideUpdate, type ObservedUpdate, retryAfterFetchMs, type UpdateAction } from './decide.ts';
import type { UpdateDisk } from './disk.ts';
import { evict, mustLeave } from './drain.ts';
import type { LockState, UpdateLock } from './lock.ts';

export interface UpdaterDeps {
  /** The version of this process. */
  running: string;
  nodeName: string;
  client: Pick<Client, 'create' | 'patch'>;
  disk: Pick<
    UpdateDisk,
    'kept' | 'keep' | 'trial' | 'takenBack' | 'forgetTrial' | 'forgetTakenBack' | 'has' | 'turn' | 'prune'
  >;
  lock: Pick<UpdateLock, 'look' | 'take' | 'release'>;
  pods(): Pod[];
  /** Puts a version on the disk, whole. */
  fetch(version: string): Promise<void>;
  tell(type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** Ends the process; systemd starts it again. */
  exit(code: number): void;
  clock: Clock;
  log: Log;
}

const roundMs = 5_000;
/** More actions in one round than an update has steps would be a circle. */
const maxActions = 20;

export class Updater {
  readonly #deps: UpdaterDeps;
  readonly #startedAtMs: number;
  #wanted: string | undefined;
  #synced = false;
  #cordoned = false;
  #running = false;
  #ended = false;
  #looked = false;
  #cancel: (() => void) | undefined;

  constructor(deps: UpdaterDeps) {
    this.#deps = deps;
    this.#startedAtMs = deps.clock.now();
  }

  /** What a start finds to do without the control plane, and the time limit of a version on trial. */
  start(): void {
    void this.round();
  }

  answered({ agentVersion, node }: Pick<NodeSyncResponse, 'agentVersion' | 'node'>): void {
    // it becomes the name of a folder
    this.#wanted = /^\w[\w.+-]*$/.test(agentVersion ?? '') ? agentVersion : undefined;
    this.#synced = true;
    this.#cordoned = node.spec?.unschedulable ?? false;
    void this.round();
  }

  close(): void {
    this.#ended = true;
    this.#cancel?.();
  }

  /** Acts until there is nothing to do but wait. Never throws: what fails is tried again in the next round. */
  async round(): Promise<void> {
    if (this.#running || this.#ended) return;
    this.#running = true;
    this.#cancel?.();
    let again = false;
    try {
      for (let i = 0; i < maxActions && !this.#ended; i++) {
        const observed = await this.#observe();
        const action = decideUpdate(observed);
        again = observed.state !== undefined || observed.trial !== undefined;
        if (action.do === 'wait') break;
        await this.#act(action);
        if (action.do === 'evict') break;
      }
    } catch (error) {
      again = true;
      this.#deps.log('warn', 'update step failed', { error: (error as Error).message });
    } finally {
      this.#running = false;
    }
    if (again && !this.#ended) this.#cancel = this.#deps.clock.after(roundMs, () => void this.round());
  }

  async #observe(): Promise<ObservedUpdate> {
    const { running, disk, pods, clock } = this.#deps;
    const { state, failure } = disk.kept();
    const wanted = this.#wanted;
    const nowMs = clock.now();
    const differs =
      wanted !== undefined && wanted !== running && !(failure?.version === wanted && nowMs < failure.retryAtMs);
    const lock = await this.#look(state !== undefined || differs);
    return {
      running,
      wanted,
      state,
      failure,
      trial: disk.trial(),
      takenBack: disk.takenBack(),
      lock,
      fetched: disk.has(state?.to ?? wanted ?? running),
      cordoned: this.#cordoned,
      podsLeft: pods().filter(mustLeave).length,
      synced: this.#synced,
      startedAtMs: this.#startedAtMs,
      nowMs,
    };
  }

  /** Only when it matters: an idle worker asks for nothing. Once after a start, for a lock that was taken just before the end. */
  async #look(needed: boolean): Promise<LockState> {
    if (!this.#synced || (!needed && this.#looked)) return 'free';
    const lock = await this.#deps.lock.look();
    this.#looked = lock !== 'mine';
    return lock;
  }

  async #act(action: Exclude<UpdateAction, { do: 'wait' }>): Promise<void> {
    const { disk, lock, client, pods, tell, exit, log } = this.#deps;
    log('info', 'update', action);
    switch (action.do) {
      case 'fetch':
        return this.#fetch(action.version);
      case 'lock':
        return lock.take();
      case 'unlock':
        return lock.release();
      case 'begin':
        disk.keep({ ...disk.kept(), state: action.state });
        tell('Normal', 'AgentUpdate', `Updating the agent from ${action.state.from} to ${action.state.to}`);
        return;
      case 'cordon':
      case 'uncordon':
        return this.#cordon(action.do === 'cordon');
      case 'evict':
        return void (await evict(client, pods().filter(mustLeave)));
      case 'switch':
        disk.turn(action.trial);
        this.#ended = true;
        return exit(0);
      case 'prove':
        disk.forgetTrial();
        disk.prune([action.version, disk.kept().state?.from ?? action.version]);
        return tell('Normal', 'AgentUpdated', `The agent runs version ${action.version}`);
      case 'fail':
        disk.keep({ ...disk.kept(), failure: action.failure });
        disk.forgetTakenBack();
        return tell('Warning', 'AgentUpdateFailed', action.failure.reason);
      case 'finish':
        return disk.keep({ ...disk.kept(), state: undefined });
      case 'give-up':
        this.#ended = true;
        log('error', 'this version had no answer from the control plane', { version: this.#deps.running });
        return exit(1);
    }
  }

  async #fetch(version: string): Promise<void> {
    const { disk, fetch, tell, clock } = this.#deps;
    try {
      await fetch(version);
    } catch (error) {
      const reason = `Version ${version} could not be fetched: ${(error as Error).message}`;
      disk.keep({
        ...disk.kept(),
        failure: { version, reason, retryAtMs: clock.now() + retryAfterFetchMs },
      });
      tell('Warning', 'AgentUpdateFailed', reason);
    }
  }

  async #cordon(unschedulable: boolean): Promise<void> {
    const { client, nodeName } = this.#deps;
    const key = { name: nodeName };
    const patch = { spec: { unschedulable: unschedulable || null } };
    const node = await client.patch<Node>(resources.nodes, key, patch, { type: 'merge' });
    this.#cordoned = node.spec?.unschedulable ?? false;
  }
}
