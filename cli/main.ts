// slipway COMMAND: what each command does stands in its own file under commands/, loaded when it is called.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { defaultName } from '../local/state/paths.ts';
import { report } from './report.ts';

const number = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
};

/** `40s`, `2m`; seconds without a unit. */
const seconds = (text: string): number => {
  const [, count, unit] = /^(\d{1,6})(s|m)?$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('It must be a time, like 40s or 2m.');
  return Number(count) * (unit === 'm' ? 60 : 1);
};

const port = (text: string): number => {
  const value = number(text);
  if (value < 1 || value > 65535) throw new InvalidArgumentError('It must be a port number, 1 to 65535.');
  return value;
};

const nameOption = (): Option => new Option('--name <cluster>', 'which cluster').default(defaultName);

function program(): Command {
  const slipway = new Command('slipway')
    .description('Kubernetes-compatible clusters on this machine.')
    .configureHelp({ helpWidth: 100 })
    .showHelpAfterError('(slipway --help, or slipway COMMAND --help)')
    .exitOverride();

  slipway
    .command('up')
    .description('bring up a cluster, or what is down of it, and leave it running in the background')
    .addOption(nameOption())
    .option('--nodes <count>', 'how many nodes (default: as before, or 1)', number)
    .addOption(
      new Option('--runtime <runtime>', 'real containers, or pods in pretence (needs no root and no Linux)').choices([
        'containerd',
        'simulated',
      ]),
    )
    .option('--port <number>', 'of the API server on 127.0.0.1 (default: as before, or the first free from 6443)', port)
    .option('--egress', 'let nodes and pods reach what this machine reaches, and pull images from registries')
    .option('--no-egress', 'keep them inside (default)')
    .option('--registry', 'give the cluster a registry of its own: slipway image push fills it, nodes pull from it')
    .option('--no-registry', 'take it away; what it holds stays')
    .option('--node-monitor-grace-period <time>', 'how long a node may be silent (default: as before, or 40s)', seconds)
    .option(
      '--default-not-ready-toleration-seconds <n>',
      'how long pods stay on a node that is not ready (300)',
      number,
    )
    .option('--default-unreachable-toleration-seconds <n>', 'how long pods stay on a node that is silent (300)', number)
    .option('--pod-max-pids <n>', 'how many processes a pod may have, 0: any number (4096)', number)
    .option(
      '--pod-manifest-path <folder>',
      'manifests of static pods, which every node runs (default: as before, or none)',
    )
    .option('--no-pod-manifest-path', 'no static pods any more')
    .option('--kubeconfig <file>', 'where the context goes (default: the file kubectl uses)')
    .option('--no-install', 'do not install missing Debian packages, say what is missing')
    .addHelpText('after', examples('up', ['', '--nodes 3', '--name second --egress', '--runtime simulated --nodes 20']))
    .action(async (options) => (await import('./commands/up.ts')).upCommand(options));

  slipway
    .command('down')
    .description('stop a cluster: containers, namespaces, mounts, cgroups and processes; its data stays')
    .addOption(nameOption())
    .option('--purge', 'remove its data as well')
    .option('--grace <seconds>', 'between SIGTERM and SIGKILL for the containers', number, 2)
    .addHelpText('after', examples('down', ['', '--purge', '--name second']))
    .action(async (options) => (await import('./commands/down.ts')).downCommand(options));

  slipway
    .command('status')
    .description('show parts, versions, memory, health, nodes and their load; exit code 3 when something is down')
    .addOption(nameOption())
    .option('-w, --watch', 'go on showing it, until Ctrl-C')
    .option('--json', 'for programs (with --watch a line each time)')
    .addHelpText('after', examples('status', ['', '-w', '--json']))
    .action(async (options) => (await import('./commands/status.ts')).statusCommand(options));

  slipway
    .command('doctor')
    .description('check this machine, and say how to mend what is wrong')
    .option('--json', 'for programs')
    .action(async (options) => (await import('./commands/doctor.ts')).doctorCommand(options));

  slipway
    .command('kubeconfig')
    .description('print a kubeconfig for the cluster, or for one on AWS')
    .addOption(nameOption())
    .option('--stack <name>', 'a cluster on AWS, by the name that its stack was given')
    .option('--region <region>', 'where that is (default: as for every AWS program)')
    .option('--endpoint <url>', 'an emulator instead of AWS')
    .option('--role <arn>', 'role that kubectl takes on')
    .option('--add', 'add the context to a kubeconfig file instead of printing it (clusters on AWS)')
    .option('--kubeconfig <file>', 'which file (default: the one kubectl uses)')
    .addHelpText('after', examples('kubeconfig', ['> cluster.yaml', '--stack shop --region eu-west-1 --add']))
    .action(async (options) => (await import('./commands/kubeconfig.ts')).kubeconfigCommand(options));

  slipway
    .command('logs [part]')
    .description('print the log of a part (without PART: which parts there are)')
    .addOption(nameOption())
    .option('-n, --lines <count>', 'only the last lines', number)
    .option('-f, --follow', 'and what is added, until Ctrl-C')
    .addHelpText('after', examples('logs', ['', 'control-plane -n 50', 'slipway-1/agent -f']))
    .action(async (part, options) => (await import('./commands/logs.ts')).logsCommand(part, options));

  slipway
    .command('token')
    .description('print a token of the AWS identity of this shell, for kubectl to call a cluster on AWS with')
    .requiredOption('--cluster <name>', 'which cluster')
    .option('--region <region>', 'where it is (default: as for every AWS program)')
    .option('--role <arn>', 'role to take on first')
    .action(async (options) => (await import('./commands/token.ts')).tokenCommand(options));

  addImage(slipway);
  addNode(slipway);

  slipway
    .command('version')
    .description('print the versions of Slipway and of what it uses')
    .option('--json', 'for programs')
    .action(async (options) => (await import('./commands/version.ts')).versionCommand(options));
  return slipway;
}

function addImage(slipway: Command): void {
  const image = slipway.command('image').description('images of the nodes, with or without a registry');
  image
    .command('load <file...>')
    .description('import OCI or Docker archives into every node')
    .addOption(nameOption())
    .addHelpText('after', examples('image load', ['web.tar']))
    .action(async (files, options) => (await import('./commands/image.ts')).loadCommand(files, options));
  image
    .command('build <dir>')
    .description('build a Dockerfile with buildah, and load the image into every node')
    .requiredOption('-t, --tag <reference>', 'the name of the image')
    .option('-f, --file <dockerfile>', 'default: Dockerfile (or Containerfile) in DIR')
    .option('--build-arg <name=value...>', 'arguments of the build')
    .option('--no-load', 'only build it, to be pushed')
    .option('--no-install', 'do not install buildah when it is missing')
    .addOption(nameOption())
    .addHelpText('after', examples('image build', ['. -t web:1']))
    .action(async (dir, options) => (await import('./commands/image.ts')).buildCommand(dir, options));
  image
    .command('list')
    .description("show the images that the nodes and the cluster's registry hold")
    .addOption(nameOption())
    .option('--stack <name>', 'those of the repositories in ECR of a cluster on AWS, instead')
    .option('--region <region>', 'of ECR (default: as the AWS tools find it)')
    .option('--json', 'for programs')
    .action(async (options) => (await import('./commands/image.ts')).listCommand(options));
  image
    .command('rm <reference...>')
    .description("remove images from every node, from what was built, and from the cluster's registry")
    .addOption(nameOption())
    .option('--stack <name>', 'from the repositories in ECR of a cluster on AWS, instead')
    .option('--region <region>', 'of ECR (default: as the AWS tools find it)')
    .action(async (references, options) => (await import('./commands/image.ts')).removeCommand(references, options));
  image
    .command('tag <source> <target>')
    .description('give an image a further name')
    .addOption(nameOption())
    .option('--stack <name>', 'in a repository in ECR of a cluster on AWS, instead')
    .option('--region <region>', 'of ECR (default: as the AWS tools find it)')
    .action(async (source, target, options) =>
      (await import('./commands/image-push.ts')).tagCommand(source, target, options),
    );
  image
    .command('pull <reference...>')
    .description('let every node pull images, as pods would make it do')
    .addOption(nameOption())
    .addOption(new Option('--stack <name>').hideHelp())
    .addHelpText('after', examples('image pull', ['registry.slipway.internal/web:1']))
    .action(async (references, options) => (await import('./commands/image-pull.ts')).pullCommand(references, options));
  image
    .command('push <reference...>')
    .description("push images of this machine to the cluster's registry, to ECR or to another registry")
    .option('--stack <name>', "to the cluster's repositories in ECR, which are made when they are missing")
    .option('--registry <host>', 'to this registry, with the login that is there for it')
    .option('--region <region>', 'of ECR (default: as the AWS tools find it)')
    .option('--no-install', 'do not install buildah when it is missing')
    .addOption(nameOption())
    .addHelpText(
      'after',
      examples('image push', ['web:1', 'web:1 --stack shop', 'web:1 --registry registry.example.com/team']),
    )
    .action(async (references, options) => (await import('./commands/image-push.ts')).pushCommand(references, options));
}

function addNode(slipway: Command): void {
  const node = slipway.command('node').description('add, remove, stop and start nodes of a running cluster');
  node
    .command('add')
    .description('add nodes')
    .argument('[count]', 'how many', number, 1)
    .addOption(nameOption())
    .action(async (count, options) => (await import('./commands/node.ts')).addCommand(count, options));
  for (const [name, description] of [
    ['rm', 'take a node out for good, with its containers and its data'],
    ['stop', 'switch a node off as a power cut would; its Node object stays'],
    ['start', 'switch a stopped node on again'],
  ] as const) {
    node
      .command(`${name} <node>`)
      .description(description)
      .addOption(nameOption())
      .action(async (which, options) => (await import('./commands/node.ts')).changeCommand(name, which, options));
  }
}

const examples = (command: string, lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  slipway ${command} ${line}`.trimEnd()).join('\n')}`;

/** They show until they are told to stop. */
const endless = ['logs', 'status'];

let cluster: string | undefined;
let running: string | undefined;
// `slipway up | head -1`: who listens has had enough. A cluster that is being changed is not left half changed for that.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (running !== undefined && endless.includes(running)) process.exit(0);
});
try {
  await program()
    .hook('preAction', (_, command) => {
      cluster = command.opts<{ name?: string }>().name;
      running = command.name();
    })
    .parseAsync();
} catch (error) {
  // commander has printed its own errors, and help is none
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : report(error, cluster);
}
