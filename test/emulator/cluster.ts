// A cluster on an emulator: the app deployed, a way for kubectl, and a worker, all of it gone in the end.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ociArchive } from '../../agent/images/oci-archive.ts';
import { findBusybox, sampleDescription } from '../../local/images/sample.ts';
import { type RunResult, run, runOrFail } from '../../local/run.ts';
import { bootstrap, type Deployment, deploy, destroy, synthesise } from './deploy.ts';
import { account, type Emulator, emulatorEnvironment, region, root } from './emulator.ts';
import { type Front, startFront } from './front.ts';
import { type Instance, startInstance } from './instance.ts';
import { assumeRole } from './instance-metadata.ts';
import { type AwsJson, awsJson, invoke, stackResources } from './requests.ts';

/** Whose sessions are administrators of emulated clusters. */
export const adminRole = `arn:aws:iam::${account}:role/cluster-admin`;

export class EmulatedCluster {
  readonly emulator: Emulator;
  readonly deployment: Deployment;
  readonly folder: string;
  /** Logical id of each resource to its physical one. */
  readonly resources: ReadonlyMap<string, string>;
  readonly front: Front;
  readonly aws: AwsJson;
  readonly instances: Instance[] = [];

  readonly #setUpByHand: boolean;

  private constructor(
    deployment: Deployment,
    emulator: Emulator,
    resources: Map<string, string>,
    front: Front,
    setUpByHand: boolean,
  ) {
    this.#setUpByHand = setUpByHand;
    this.deployment = deployment;
    this.emulator = emulator;
    this.folder = deployment.folder;
    this.resources = resources;
    this.front = front;
    this.aws = awsJson(emulator.endpoint, region);
  }

  /** Deploys; `say` is told what is being done. */
  static async deployTo(
    emulator: Emulator,
    name: string,
    folder: string,
    say: (what: string) => void = () => undefined,
  ): Promise<EmulatedCluster> {
    const deployment: Deployment = { emulator, name, folder, context: { adminRole } };
    say('the CDK app is synthesised, and the account made ready for it');
    await Promise.all([synthesise(deployment), bootstrap(deployment)]);
    say('the stack is deployed');
    await deploy(deployment);
    const resources = await stackResources(emulator.endpoint, name, region);
    const setUpByHand = await setUp(emulator.endpoint, name, resources);
    const { Parameter } = await awsJson(emulator.endpoint, region)<{ Parameter: { Value: string } }>(
      'AmazonSSM.GetParameter',
      { Name: `/slipway/${name}/api-url` },
    );
    const front = await startFront(emulator.endpoint, Parameter.Value);
    const cluster = new EmulatedCluster(deployment, emulator, resources, front, setUpByHand);
    await cluster.#kubeconfig();
    return cluster;
  }

  get name(): string {
    return this.deployment.name;
  }

  get context(): string {
    return `${this.name}.${region}`;
  }

  get kubeconfig(): string {
    return join(this.folder, 'kubeconfig');
  }

  /** For programs of a person who is the cluster's administrator. */
  async personEnvironment(role = adminRole): Promise<NodeJS.ProcessEnv> {
    const session = await assumeRole(this.emulator.endpoint, role, 'ann', region);
    return {
      ...process.env,
      ...emulatorEnvironment(this.emulator.endpoint),
      AWS_ACCESS_KEY_ID: session.AccessKeyId,
      AWS_SECRET_ACCESS_KEY: session.SecretAccessKey,
      AWS_SESSION_TOKEN: session.Token,
      KUBECONFIG: this.kubeconfig,
      NO_COLOR: '1',
    };
  }

  /** As docs/aws.md says, and then what only an emulator needs: another address, and an authority of its own. */
  async #kubeconfig(): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    const env = await this.personEnvironment();
    await runOrFail(
      process.execPath,
      [join(root, 'cli/main.ts'), 'kubeconfig', '--stack', this.name, '--region', region, '--add'],
      { env },
    );
    const authority = join(this.folder, 'front.pem');
    writeFileSync(authority, this.front.ca);
    const { port, hostname } = this.front;
    const server = [`--server=https://127.0.0.1:${port}/k8s`, `--tls-server-name=${hostname}`];
    const trust = [`--certificate-authority=${authority}`, '--embed-certs=true'];
    await runOrFail('kubectl', ['config', 'set-cluster', this.context, ...server, ...trust], { env });
    // An emulator's identities stand in no profile of a person.
    const identity = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];
    const given = identity.map((name) => `--exec-env=${name}=${env[name]}`);
    await runOrFail('kubectl', ['config', 'set-credentials', this.context, ...given], { env });
  }

  async kubectl(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<RunResult> {
    return await run('kubectl', args, { env: env ?? (await this.personEnvironment()) });
  }

  async kubectlOk(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.kubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr || stdout}`);
    return stdout;
  }

  /** One resource of the stack whose logical id begins so. */
  resource(beginning: string): string {
    const found = [...this.resources].filter(([id]) => id.startsWith(beginning));
    if (found.length === 0) throw new Error(`the stack has no resource ${beginning}...`);
    return found[0]![1];
  }

  async startInstance(): Promise<Instance> {
    const role = `arn:aws:iam::${account}:role/${this.resource('WorkersRole')}`;
    const folder = join(this.folder, `instance-${this.instances.length + 1}`);
    const { endpoint } = this.emulator;
    const instance = await startInstance({ cluster: this.name, endpoint, front: this.front, role, folder });
    this.instances.push(instance);
    return instance;
  }

  /** Waits for the node of an instance; throws an Error with the instance's own words when it does not come up. */
  async untilReady(node: string): Promise<void> {
    const { code, stderr } = await this.kubectl(['wait', '--for=create', `node/${node}`, '--timeout=120s']);
    const ready =
      code === 0 && (await this.kubectl(['wait', '--for=condition=Ready', `node/${node}`, '--timeout=120s']));
    if (ready && ready.code === 0) return;
    const instance = this.instances.find(({ id }) => id === node);
    const words = ['instance', 'agent'].map((name) => tail(join(instance?.folder ?? '', `${name}.log`)));
    throw new Error(`node ${node} is not ready: ${stderr}\n${words.join('\n')}`);
  }

  /** slipway/sample:1, a busybox of this machine's, for a worker that cannot pull from anywhere. */
  async importSample({ containerdSocket }: Instance): Promise<void> {
    const { program, applets } = await findBusybox();
    const archive = join(this.folder, 'sample.tar');
    writeFileSync(archive, ociArchive(sampleDescription(program, applets)));
    await runOrFail('ctr', ['--address', containerdSocket, '--namespace', 'k8s.io', 'images', 'import', archive]);
  }

  #destroyed = false;

  /** `cdk destroy`, once. */
  async destroy(): Promise<void> {
    if (this.#destroyed) return;
    const { endpoint } = this.emulator;
    if (this.#setUpByHand) {
      const event = { RequestType: 'Delete', ResourceProperties: { DeleteKeys: 'true' } };
      await invoke(endpoint, region, this.resource('FunctionssetupFunction'), event);
    }
    await destroy(this.deployment);
    this.#destroyed = true;
  }

  /** Everything but the emulator. */
  async remove(): Promise<void> {
    for (const instance of this.instances.splice(0)) await instance.terminate();
    await this.front.close();
    await this.destroy();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const tail = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8').slice(-3_000) : '');

/** LocalStack leaves custom resources out without a word: then the function is called as CloudFormation would. Says whether it was. */
async function setUp(endpoint: string, name: string, resources: ReadonlyMap<string, string>): Promise<boolean> {
  const { Parameters } = await awsJson(endpoint, region)<{ Parameters: unknown[] }>('AmazonSSM.GetParameters', {
    Names: [`/slipway/${name}/ca`],
  });
  if (Parameters.length > 0) return false;
  const [, setupFunction] = [...resources].find(([id]) => id.startsWith('FunctionssetupFunction'))!;
  await invoke(endpoint, region, setupFunction, { RequestType: 'Create', ResourceProperties: {} });
  return true;
}
