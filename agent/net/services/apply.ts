// Keeps the node's service rules in step with what sync brings: works out what changed (rule-book.ts), hands it to nft, and has
// stale UDP flows forgotten. Rules stay when the agent ends: packets go on. The table goes with the node's network namespace.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Node } from '../../../core/api/types.gen.ts';
import type { Log } from '../../../core/ports.ts';
import type { NetworkObjects } from '../network-objects.ts';
import { runProgram } from '../run-program.ts';
import { HealthChecks } from './health-checks.ts';
import { type Flows, RuleBook } from './rule-book.ts';
import { serviceRules } from './service-rules.ts';
import { staleFlows } from './stale-flows.ts';
import type { NodeNetwork } from './table.ts';

/** What changes together is applied together. */
const debounceMs = 5;
/** Some ten times a second at most: a rolling update changes endpoints more often. */
const pauseMs = 100;
const retryMs = 5_000;
const zoneLabel = 'topology.kubernetes.io/zone';

export interface ServiceRulesOptions {
  network: NetworkObjects;
  node: Omit<NodeNetwork, 'zone'>;
  /** Where the rules are written for nft to read. */
  folder: string;
  log: Log;
  /** Runs a program to its end; rejects with its words when it fails. Default: in this process's network namespace. */
  run?: (program: string, args: readonly string[]) => Promise<string>;
}

export class ServiceRulesKeeper {
  readonly #options: ServiceRulesOptions;
  readonly #run: NonNullable<ServiceRulesOptions['run']>;
  readonly #book = new RuleBook();
  readonly #checks: HealthChecks;
  readonly #pending = new Set<string>();
  readonly #stopListening: () => void;
  #zone: string | undefined;
  /** The table is not known to be what the book says. */
  #wholeNeeded = true;
  #applying = false;
  #timer: NodeJS.Timeout | undefined;
  #notBefore = 0;

  /** Begins with the first change, which is all there is: until then the table of an earlier agent stands. */
  constructor(options: ServiceRulesOptions) {
    this.#options = options;
    this.#run = options.run ?? runProgram;
    this.#checks = new HealthChecks(options.node.address, options.log);
    this.#stopListening = options.network.onChange((keys) => {
      for (const key of keys) this.#pending.add(key);
      this.#schedule(debounceMs);
    });
  }

  /** To be told of the node's own object: its zone decides which endpoints are near. */
  nodeSeen(node: Node): void {
    const zone = node.metadata?.labels?.[zoneLabel];
    if (zone === this.#zone) return;
    this.#zone = zone;
    const { network } = this.#options;
    for (const { metadata } of network.services()) this.#pending.add(`${metadata?.namespace}/${metadata?.name}`);
    if (this.#pending.size > 0) this.#schedule(debounceMs);
  }

  close(): void {
    this.#stopListening();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#checks.close();
  }

  #schedule(delayMs: number): void {
    if (this.#timer || this.#applying) return;
    const wait = Math.max(delayMs, this.#notBefore - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#apply();
    }, wait);
  }

  async #apply(): Promise<void> {
    this.#applying = true;
    this.#notBefore = performance.now() + pauseMs;
    let again = debounceMs;
    try {
      await this.#applyPending();
    } catch (error) {
      this.#wholeNeeded = true;
      this.#options.log('warn', 'service rules not applied, trying again', { error: (error as Error).message });
      again = retryMs;
    } finally {
      this.#applying = false;
    }
    if (this.#pending.size > 0 || this.#wholeNeeded) this.#schedule(again);
  }

  async #applyPending(): Promise<void> {
    const node = { ...this.#options.node, zone: this.#zone };
    const keys = [...this.#pending].sort();
    this.#pending.clear();
    for (const key of keys) this.#replace(key, node);
    if (keys.length > 0) this.#checks.replace(this.#wantedChecks());
    const change = this.#wholeNeeded ? this.#book.whole(node) : this.#book.take();
    if (change.commands.length > 0) await this.#hand(change.commands, node);
    if (change.flows.size > 0) await this.#forget(change.flows, node);
  }

  #replace(key: string, node: NodeNetwork): void {
    const [namespace = '', name = ''] = key.split('/');
    const { network } = this.#options;
    const service = network.service(namespace, name);
    this.#book.replace(key, service && serviceRules(service, network.slicesOf(namespace, name), node));
  }

  #wantedChecks() {
    return [...this.#book.services()].flatMap(([service, { healthCheck }]) =>
      healthCheck ? [{ service, ...healthCheck }] : [],
    );
  }

  /** Throws when nft takes neither the change nor the whole. */
  async #hand(commands: readonly string[], node: NodeNetwork): Promise<void> {
    const began = performance.now();
    try {
      await this.#nft(commands);
    } catch (error) {
      if (this.#wholeNeeded) throw error;
      // somebody else changed the table, most likely
      this.#options.log('warn', 'service rules are made anew', { error: (error as Error).message });
      this.#wholeNeeded = true;
      await this.#nft(this.#book.whole(node).commands);
    }
    const ms = Math.round(performance.now() - began);
    this.#options.log('debug', 'service rules applied', { commands: commands.length, whole: this.#wholeNeeded, ms });
    this.#wholeNeeded = false;
  }

  async #nft(commands: readonly string[]): Promise<void> {
    // a file: nft refuses a standard input that is a socket, as a child of Node gets
    const file = join(this.#options.folder, 'services.nft');
    writeFileSync(file, `${commands.join('\n')}\n`, { mode: 0o600 });
    await this.#run('nft', ['-f', file]);
  }

  /** A failure leaves some flows to go astray until they rest, and is told. */
  async #forget(flows: Flows, node: NodeNetwork): Promise<void> {
    try {
      const listing = await this.#run('conntrack', ['-L', '-p', 'udp']);
      for (const args of staleFlows(listing, flows, node.address)) await this.#forgetFlows(args);
    } catch (error) {
      this.#options.log('warn', 'UDP flows not forgotten', { error: (error as Error).message });
    }
  }

  /** That they rest already is no failure. */
  async #forgetFlows(args: readonly string[]): Promise<void> {
    try {
      await this.#run('conntrack', args);
    } catch (error) {
      if (!/\b0 flow entries/.test((error as Error).message)) throw error;
    }
  }
}
