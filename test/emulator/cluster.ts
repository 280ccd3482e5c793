// A cluster on an emulator: the app deployed, a way for kubectl, and a worker, all of it gone in the end.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ociArchive } from '../../agent/images/oci-archive.ts';
import { findBusybox, sampleDescription } from '../../local/images/sample.ts';
import { type RunResult, run, runOrFail } from '../../local/run.ts';
import { bootstrap, type Deployment, deploy, destroy, personEnvironment } from './deploy.ts';
import { account, type Emulator, region, root } from './emulator.ts';
import { type Front, startFront } from './front.ts';
import { type Instance, startInstance } from './instance.ts';
import { type AwsJson, awsJson, invoke, stackResources } from './requests.ts';

const usualAdminRole = `arn:aws:iam::${account}:role/Admin`;

export class EmulatedCluster {
  readonly emulator: Emulator;
  readonly deployment: Deployment;
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
    this.resources = resources;
    this.front = front;
    this.aws = awsJson(emulator.endpoint, region);
  }

  /** Deploys, and adds a context for kubectl; `say` is told what is being done. */
  static async deployTo(
    emulator: Emulator,
    name: string,
    folder: string,
    say: (what: string) => void = () => undefined,
  ): Promise<EmulatedCluster> {
    const deployment: Deployment = { emulator, name, adminRole: usualAdminRole, folder };
    say('the account is made ready for the CDK');
    await bootstrap(deployment);
    say('the stack is deployed');
    await deploy(deployment);
    const cluster = await EmulatedCluster.attach(emulator, deployment);
    const add = ['kubeconfig', '--stack', name, '--region', region, '--add'];
    await runOrFail(process.execPath, [join(root, 'cli/slipway.js'), ...add], { env: await cluster.environment() });
    await cluster.reach();
    return cluster;
  }

  /** Of a stack that was deployed. */
  static async attach(emulator: Emulator, deployment: Deployment): Promise<EmulatedCluster> {
    const { endpoint } = emulator;
    const { name } = deployment;
    const resources = await stackResources(endpoint, name, region);
    const setUpByHand = await setUp(endpoint, name, resources);
    const { Parameter } = await awsJson(endpoint, region)<{ Parameter: { Value: string } }>('AmazonSSM.GetParameter', {
      Name: `/slipway/${name}/api-url`,
    });
    const front = await startFront(endpoint, Parameter.Value);
    return new EmulatedCluster(deployment, emulator, resources, front, setUpByHand);
  }

  get name(): string {
    return this.deployment.name;
  }

  get folder(): string {
    return this.deployment.folder;
  }

  get context(): string {
    return `${this.name}.${region}`;
  }

  get kubeconfig(): string {
    return join(this.folder, 'kubeconfig');
  }

  /** For programs of a person; without a role: of the cluster's administrator. */
  environment(role = this.deployment.adminRole): Promise<NodeJS.ProcessEnv> {
    return personEnvironment(this.emulator, this.folder, role);
  }

  /** For the context that `slipway kubeconfig` made, what only an emulator needs: another address, and an authority of its own. */
  async reach(): Promise<void> {
    const env = await this.environment();
    const authority = join(this.folder, `${this.name}-front.pem`);
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

  /** In the context of this cluster, whichever is the current one. */
  async kubectl(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<RunResult> {
    return await run('kubectl', ['--context', this.context, ...args], { env: env ?? (await this.environment()) });
  }

  async kubectlOk(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.kubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr || stdout}`);
    return stdout;
  }

  /** One resource of the stack whose logical id begins so. */
  resource(beginning: string): string {
    const found = [...this.resources].filter(([id]) => id.startsWith(beginning));
    // What the CDK puts behind the path of a construct is eight digits.
    const exact = found.find(([id]) => id.length === beginning.length + 8);
    if (found.length === 0) throw new Error(`the stack has no resource ${beginning}...`);
    return (exact ?? found[0]!)[1];
  }

  async startInstance(): Promise<Instance> {
    const role = `arn:aws:iam::${account}:role/${this.resource('WorkersRole')}`;
    const folder = join(this.folder, `${this.name}-instance-${this.instances.length + 1}`);
    const { endpoint } = this.emulator;
    const instance = await startInstance({
      cluster: this.name,
      endpoint,
      front: this.front,
      role,
      folder,
      others: this.instances,
    });
    this.instances.push(instance);
    return instance;
  }

  /** Waits for the node of an instance; throws an Error with the instance's own words when it does not come up. */
  async untilReady(node: string): Promise<void> {
    const { code, stderr } = await this.kubectl(['wait', '--for=create', `node/${node}`, '--timeout=300s']);
    const ready =
      code === 0 && (await this.kubectl(['wait', '--for=condition=Ready', `node/${node}`, '--timeout=300s']));
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

  #isDestroyed = false;

  /** `cdk destroy`, once; or `by` other means. */
  async destroy(by: () => Promise<unknown> = () => destroy(this.deployment)): Promise<void> {
    if (this.#isDestroyed) return;
    const { endpoint } = this.emulator;
    if (this.#setUpByHand) {
      const event = { RequestType: 'Delete', ResourceProperties: { DeleteKeys: 'true' } };
      await invoke(endpoint, region, this.resource('FunctionssetupFunction'), event);
    }
    await by();
    this.#isDestroyed = true;
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
