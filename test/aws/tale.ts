// What the chapters of the story share: the emulator, the team's cluster and worker, and the person who follows the guide.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestOptions } from 'node:test';
import type { EmulatedCluster } from '../emulator/cluster.ts';
import { personEnvironment } from '../emulator/deploy.ts';
import { account, type Emulator } from '../emulator/emulator.ts';
import { registryHost } from '../emulator/front.ts';
import type { Instance } from '../emulator/instance.ts';
import { ownLoopback, withHosts } from '../emulator/own-hosts.ts';
import { commandsOf, fileOf, type GuideCommand } from './guide.ts';
import { Person } from './person.ts';
import { ofGuide, type Reader, type Substitution, substituted } from './substitutions.ts';

export interface Story {
  start(): Promise<Emulator>;
  /** Of the folder that it happens in. */
  name: string;
  /** Whether the emulator has Auto Scaling groups, though it starts no instance for them. */
  scales: boolean;
  /** Whether it has ECR. */
  hasRegistry: boolean;
  /** Whether failed records of a stream get to their destination. */
  hasDeadLetters: boolean;
  /** Whether a second cluster is deployed: it takes its time, and one emulator is enough to tell it. */
  hasNeighbour: boolean;
  /** Whether a second worker comes and goes: what it shows is the same everywhere. */
  hasSecondWorker: boolean;
  /** Whether its functions are processes of this machine that may be killed. */
  ours: boolean;
}

export const guide = 'docs/aws.md';

/** Those that stand in the guide to be run. */
export const guideCommands: readonly GuideCommand[] = commandsOf(guide).filter(({ mark }) => mark === '▸');

const isRoot = process.getuid?.() === 0;

export class Tale {
  readonly story: Story;
  readonly folder: string;
  readonly reader: Reader;
  readonly substitutions: readonly Substitution[];
  /** Of the team's administrators, as the guide says. */
  readonly adminRole: string;
  /** Of the stack, as the guide says. */
  readonly stack: string;
  readonly person: Person;
  emulator!: Emulator;
  cluster!: EmulatedCluster;
  instance!: Instance;
  /** A second cluster in the same account. */
  neighbour: EmulatedCluster | undefined;

  constructor(story: Story) {
    this.story = story;
    this.folder = mkdtempSync(join(tmpdir(), `slipway-${story.name}-`));
    this.reader = { folder: this.folder, pushes: this.#pushes };
    this.substitutions = ofGuide(guideCommands, this.reader);
    this.stack = this.#valueOf('stack');
    this.adminRole = this.#valueOf('adminRole');
    this.person = this.personWith(guideCommands, this.substitutions);
  }

  get #pushes(): boolean {
    return isRoot && this.story.hasRegistry;
  }

  /** Of the guide's first deployment. */
  #valueOf(property: string): string {
    const deployment = guideCommands.find(({ text }) => text.startsWith('npx cdk deploy'));
    const [, value] = new RegExp(`-c ${property}=(\\S+)`).exec(deployment?.text ?? '') ?? [];
    if (!value) throw new Error(`the guide's first deployment does not say -c ${property}=...`);
    return substituted(value, this.substitutions);
  }

  /** The files that the guide shows. */
  writeFiles(): void {
    const write = (name: string, kind: string): void =>
      writeFileSync(join(this.folder, name), substituted(fileOf(guide, kind), this.substitutions));
    write('deployment.yaml', 'Deployment');
    write('aws-auth.yaml', 'ConfigMap');
  }

  /** Whose administrator's session gives these commands. */
  personWith(commands: readonly GuideCommand[], substitutions: readonly Substitution[]): Person {
    return new Person({
      commands,
      substitutions,
      environment: async () => ({
        ...(await personEnvironment(this.emulator, this.folder, this.adminRole)),
        SSL_CERT_FILE: join(this.folder, `${this.stack}-front.pem`),
      }),
      wrap: (argv) => (argv.includes('push') ? withHosts(this.folder, [`${this.#door} ${registryHost}`], argv) : argv),
      unable: (text) => this.#unable(text),
    });
  }

  /** Where the registry is found by who pushes to it. */
  readonly #door = ownLoopback();

  /** The registry's usual port on an address of its own. */
  async openRegistry(): Promise<void> {
    if (this.#pushes) await this.cluster.front.listen(this.#door, 443);
  }

  #unable(text: string): string | undefined {
    if (text.startsWith('npx slipway image')) return this.noImages;
    if (/^kubectl (?:rollout|logs)/.test(text)) return this.noWorker;
    return undefined;
  }

  /** Why there are none; undefined: there are. */
  get noWorker(): string | undefined {
    return isRoot ? undefined : 'a worker needs root';
  }

  get noImages(): string | undefined {
    return this.story.hasRegistry ? this.noWorker : `${this.story.name} has no ECR`;
  }

  get needsWorker(): TestOptions {
    return skipFor(this.noWorker);
  }

  get needsSecondWorker(): TestOptions {
    return skipFor(this.story.hasSecondWorker ? this.noWorker : 'told on MiniStack, which is the faster one');
  }

  get needsProcesses(): TestOptions {
    return skipFor(this.story.ours ? undefined : 'its functions are not processes of this machine');
  }

  get needsNeighbour(): TestOptions {
    return skipFor(this.story.hasNeighbour ? undefined : 'told on MiniStack, where a deployment takes less time');
  }

  async end(): Promise<void> {
    for (const cluster of [this.neighbour, this.cluster]) await cluster?.remove().catch(() => undefined);
    await this.emulator?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const skipFor = (reason: string | undefined): TestOptions => (reason ? { skip: reason } : {});

export const roleOf = (name: string): string => `arn:aws:iam::${account}:role/${name}`;
