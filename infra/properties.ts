// What a team chooses about its cluster: context values of the CDK app (`-c name=value`, or "context" in cdk.json).
import { isIP } from 'node:net';
import { PropertyError } from './property-error.ts';
import { readWorkerLabels, readWorkerTaints, type WorkerTaint } from './worker-labels.ts';

export type Architecture = 'arm64' | 'x86_64';

export interface Properties {
  /** Name of the stack and so of the cluster: several of them live side by side in one account. */
  name: string;
  /** Default: what the command line's profile says. */
  region?: string;
  /** Most wanted first; all of one architecture. */
  instanceTypes: string[];
  architecture: Architecture;
  minWorkers: number;
  maxWorkers: number;
  /** Seconds that a worker is without pods before it is ended. */
  workerIdleSeconds: number;
  /** Of workers to come, beside those that each has by itself. */
  workerLabels: Record<string, string>;
  workerTaints: WorkerTaint[];
  /** Folder on workers whose manifests they run as static pods; absent: none. */
  staticPodPath?: string;
  /** A VPC of the team's own, with the public subnets of it that workers go to; absent: a new one. */
  vpc?: { id: string; subnets: string[] };
  /** CIDRs that people may call the API from (workers and pods may from anywhere); empty: all, since each request proves an identity anyway. */
  allowedAddresses: string[];
  /** ARN of the role (or user) that is system:masters. */
  adminRole?: string;
  /** More of them. */
  admins: string[];
  /** How the API answers: streamed, or whole (for emulators that cannot stream; watches then end early and clients go on). */
  responses: 'stream' | 'buffer';
  /** What becomes of tables, parameters, images and keys when the stack is destroyed. */
  removal: 'retain' | 'destroy';
  /** Repositories for images, made as `NAME/REPOSITORY`. */
  repositories: string[];
  /** A key of the account's own for tables and secrets: 1 USD a month. Otherwise AWS' own keys encrypt them, for nothing. */
  customerKey: boolean;
  /** SNS topic (ARN) that alarms are sent to. Without it there are none: 9 alarms cost 0.90 USD a month beyond the 10 of the free tier. */
  alarmTopic?: string;
  /** X-Ray traces of the functions: 5 USD for a million beyond the first 100,000 a month. */
  tracing: boolean;
  /** Each invocation logs what it asked AWS for: docs/cost.md. */
  meter: boolean;
  /** Days that the functions' logs are kept. */
  logDays: number;
  /** Requests a second that the API takes before it answers 429. */
  requestsPerSecond: number;
  /** Addresses of services; must not overlap the VPC. */
  serviceCidr: string;
}

type Context = (name: string) => unknown;

const text = (context: Context, name: string): string | undefined => {
  const value = context(name);
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'object') throw new PropertyError(`${name} must be one value, not ${JSON.stringify(value)}`);
  return String(value);
};

/** `a,b` on the command line, or a list in cdk.json. */
const list = (context: Context, name: string): string[] | undefined => {
  const value = context(name);
  if (Array.isArray(value)) return value.map(String);
  return text(context, name)
    ?.split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
};

function number(context: Context, name: string, fallback: number, lowest: number, highest: number): number {
  const given = text(context, name);
  const value = given === undefined ? fallback : Number(given);
  if (!Number.isInteger(value) || value < lowest || value > highest) {
    throw new PropertyError(`${name} must be a whole number from ${lowest} to ${highest}, not "${given}"`);
  }
  return value;
}

function choice<const T extends string>(context: Context, name: string, fallback: T, choices: readonly T[]): T {
  const value = text(context, name) ?? fallback;
  const found = choices.find((one) => one === value);
  if (!found) throw new PropertyError(`${name} must be ${choices.join(' or ')}, not "${value}"`);
  return found;
}

/** Those that CloudWatch Logs knows. */
const retentions = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

function days(context: Context): number {
  const value = number(context, 'logDays', 7, 1, 3653);
  if (!retentions.includes(value))
    throw new PropertyError(`logDays must be one of ${retentions.join(', ')}, not ${value}`);
  return value;
}

function matching(name: string, values: readonly string[], pattern: Pick<RegExp, 'test'>, what: string): void {
  for (const value of values) {
    if (!pattern.test(value)) throw new PropertyError(`${name}: "${value}" is not ${what}`);
  }
}

const cidr = {
  test(text: string): boolean {
    const [, network = '', length] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
    const bits = { 0: -1, 4: 32, 6: 128 }[isIP(network)] ?? -1;
    return Number(length) <= bits;
  },
};

/** Where nothing else is said. The stack's name is also a DNS label: nodes, tables and parameters are named after it. */
export function readProperties(context: Context): Properties {
  const architecture = choice(context, 'architecture', 'arm64', ['arm64', 'x86_64']);
  const vpcId = text(context, 'vpc');
  const subnets = list(context, 'subnets') ?? [];
  const properties: Properties = {
    name: text(context, 'stack') ?? 'slipway',
    region: text(context, 'region'),
    architecture,
    instanceTypes: list(context, 'instanceTypes') ?? [architecture === 'arm64' ? 't4g.medium' : 't3.medium'],
    minWorkers: number(context, 'minWorkers', 0, 0, 1000),
    maxWorkers: number(context, 'maxWorkers', 5, 0, 1000),
    workerIdleSeconds: number(context, 'workerIdleSeconds', 600, 60, 86_400),
    workerLabels: readWorkerLabels(list(context, 'workerLabels') ?? []),
    workerTaints: readWorkerTaints(list(context, 'workerTaints') ?? []),
    staticPodPath: text(context, 'staticPodPath'),
    vpc: vpcId === undefined ? undefined : { id: vpcId, subnets },
    allowedAddresses: list(context, 'allowedAddresses') ?? [],
    adminRole: text(context, 'adminRole'),
    admins: list(context, 'admins') ?? [],
    responses: choice(context, 'responses', 'stream', ['stream', 'buffer']),
    removal: choice(context, 'removal', 'retain', ['retain', 'destroy']),
    repositories: list(context, 'repositories') ?? ['app'],
    customerKey: choice(context, 'customerKey', 'false', ['true', 'false']) === 'true',
    alarmTopic: text(context, 'alarmTopic'),
    tracing: choice(context, 'tracing', 'false', ['true', 'false']) === 'true',
    meter: choice(context, 'meter', 'false', ['true', 'false']) === 'true',
    logDays: days(context),
    requestsPerSecond: number(context, 'requestsPerSecond', 200, 1, 10_000),
    serviceCidr: text(context, 'serviceCidr') ?? '10.96.0.0/12',
  };
  check(properties);
  return properties;
}

function check(properties: Properties): void {
  matching(
    'stack',
    [properties.name],
    /^[a-z][a-z0-9-]{0,38}[a-z0-9]$/,
    'a name of lower case letters, digits and "-"',
  );
  matching('instanceTypes', properties.instanceTypes, /^[a-z][a-z0-9-]*\.[a-z0-9-]+$/, 'an instance type');
  matching('allowedAddresses', properties.allowedAddresses, cidr, 'an address range such as 198.51.100.0/24');
  matching('staticPodPath', [properties.staticPodPath ?? '/'], /^\/[A-Za-z0-9._/-]*$/, 'an absolute path');
  matching('serviceCidr', [properties.serviceCidr], cidr, 'an address range');
  matching('repositories', properties.repositories, /^[a-z0-9]+([._/-][a-z0-9]+)*$/, 'a name of a repository');
  if (properties.adminRole) {
    matching(
      'adminRole',
      [properties.adminRole],
      /^arn:[^:]+:iam::\d{12}:(role|user)\/.+$/,
      'the ARN of a role or user',
    );
  }
  if (properties.instanceTypes.length === 0) throw new PropertyError('instanceTypes names no instance type');
  if (properties.vpc && properties.vpc.subnets.length === 0) {
    throw new PropertyError('vpc needs subnets as well: the ids of its public subnets');
  }
  if (properties.minWorkers > properties.maxWorkers) {
    throw new PropertyError(`minWorkers (${properties.minWorkers}) is above maxWorkers (${properties.maxWorkers})`);
  }
}
