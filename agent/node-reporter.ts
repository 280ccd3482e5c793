// Keeps the control plane's picture of the node true: registers it, then sends its status when it changes and every
// few minutes.

import { isShutDown } from '../core/api/node-shutdown.ts';
import type { Node, NodeCondition, NodeStatus } from '../core/api/types.gen.ts';
import type { Client } from '../core/client/client.ts';
import type { NodeAbilities } from '../core/kubelet/admission.ts';
import { isNodeOverruled } from '../core/kubelet/overruled.ts';
import type { Log } from '../core/ports.ts';
import type { ResolvedConfig } from './config.ts';
import type { Cri } from './cri/client.ts';
import type { Image, RuntimeStatus } from './cri/messages.ts';
import type { NodeFacts } from './node-facts.ts';
import { nodeLabels, nodeStatus, readPressure, registerNode } from './node-status.ts';
import type { Runtime } from './runtime.ts';
import type { SyncLoop } from './sync.ts';

const checkMs = 10_000;
/** A status without news is sent this often, in leases: it is the lease that says that the node lives. */
const resendLeases = 6;
const leastResendMs = 300_000;

export const resendMs = (leaseDurationSeconds: number): number =>
  Math.max(leastResendMs, resendLeases * 1000 * leaseDurationSeconds);

export interface ReporterDeps {
  config: ResolvedConfig;
  facts: NodeFacts;
  client: Client;
  runtime: Runtime;
  cri: Cri | undefined;
  sync: Pick<SyncLoop, 'reportNode'>;
  log: Log;
}

/** Without the times of heartbeats, which alone are no news. */
const gist = (status: NodeStatus): string =>
  JSON.stringify({ ...status, conditions: status.conditions?.map((c) => ({ ...c, lastHeartbeatTime: '' })) });

export class NodeReporter {
  readonly #deps: ReporterDeps;
  #port: number;
  #conditions: NodeCondition[] = [];
  #runtimeStatus: RuntimeStatus | undefined;
  #sent = '';
  #said: NodeStatus | undefined;
  #sentAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: ReporterDeps) {
    this.#deps = deps;
    this.#port = deps.config.port;
  }

  abilities(): NodeAbilities {
    const handler = this.#runtimeStatus?.runtime_handlers?.find((h) => h.name === '' || h.name === 'runc');
    return {
      userNamespaces: handler?.features?.user_namespaces ?? false,
      supplementalGroupsPolicy: this.#runtimeStatus?.features?.supplemental_groups_policy ?? false,
      allowedUnsafeSysctls: this.#deps.config.allowedUnsafeSysctls,
    };
  }

  /** The node as it is by itself, before the control plane knows of it. */
  ownNode(): Node {
    const { config, facts } = this.#deps;
    const { capacity, allocatable } = facts;
    return {
      metadata: { name: config.nodeName, labels: nodeLabels(config, facts) },
      status: { capacity, allocatable },
    };
  }

  /** Asks the runtime what it is able to do; until it has answered once, it is taken to be able to do little. */
  async learnAbilities(): Promise<void> {
    this.#runtimeStatus = await this.#deps.cri?.status().catch(() => this.#runtimeStatus);
  }

  async register(): Promise<void> {
    const status = await this.#status();
    await registerNode(this.#deps.client, this.#deps.config, this.#deps.facts, status);
    this.#send(status);
    this.#timer ??= setInterval(() => void this.#check(), checkMs);
    this.#timer.unref();
  }

  serving(port: number): void {
    this.#port = port;
    void this.#check();
  }

  /** Says again how the node is if something else is stored; not of a machine that the cloud says is being shut down. */
  seen(node: Node): void {
    if (!this.#said || !isNodeOverruled(node.status, this.#said) || isShutDown(node)) return;
    this.#said = undefined;
    this.#sent = '';
    this.#conditions = node.status?.conditions ?? [];
    void this.#check();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #check(): Promise<void> {
    try {
      const status = await this.#status();
      if (gist(status) !== this.#sent || Date.now() - this.#sentAt > resendMs(this.#deps.config.leaseDurationSeconds))
        this.#send(status);
    } catch (error) {
      this.#deps.log('warn', 'node status not read', { error: (error as Error).message });
    }
  }

  #send(status: NodeStatus): void {
    this.#sent = gist(status);
    this.#said = status;
    this.#sentAt = Date.now();
    this.#deps.sync.reportNode(status);
  }

  async #status(): Promise<NodeStatus> {
    const { config, facts, runtime, cri } = this.#deps;
    const none: Image[] = [];
    const [health, pressure, images] = await Promise.all([
      runtime.health(),
      readPressure(config.stateDir),
      cri ? cri.listImages().catch(() => none) : none,
      this.learnAbilities(),
    ]);
    const status = nodeStatus({
      config,
      facts,
      port: this.#port,
      health: { runtime: health, ...pressure },
      images,
      runtime: this.#runtimeStatus,
      before: this.#conditions,
      now: Date.now(),
    });
    this.#conditions = status.conditions ?? [];
    return status;
  }
}
