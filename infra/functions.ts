// The functions of the control plane, what wakes each, and what each may reach.

import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { AutoScalingGroup } from 'aws-cdk-lib/aws-autoscaling';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { environment } from '../aws/names.ts';
import type { FunctionFolders } from './bundles.ts';
import { HouseFunction } from './function.ts';
import { type FunctionName, functionNames, functionShapes } from './function-shapes.ts';
import type { Network } from './network.ts';
import type { Properties } from './properties.ts';
import type { Tables } from './tables.ts';

export interface FunctionsProps {
  properties: Properties;
  tables: Tables;
  network: Network;
  parametersPath: string;
  parametersArn: string;
  workerRoleArn: string;
  key?: IKey;
  folders: FunctionFolders;
}

/** Which of them hold the API in themselves: they answer requests of their own clients, so they need all that it needs. */
const withControlPlane: readonly FunctionName[] = [
  'api',
  'scheduler',
  'controllers',
  'tick',
  'workers',
  'load-balancers',
  'instance-events',
  'setup',
];

export class Functions extends Construct {
  readonly #all: ReadonlyMap<FunctionName, HouseFunction>;

  constructor(scope: Construct, id: string, props: FunctionsProps) {
    super(scope, id);
    const { properties, network } = props;
    const shapes = functionShapes(properties.responses);
    this.#all = new Map(
      functionNames.map((name) => {
        const house = new HouseFunction(this, name, {
          code: props.folders[name],
          shape: shapes[name],
          // The dialer is told everything else by each call.
          environment: {
            ...(withControlPlane.includes(name)
              ? controlPlaneEnvironment(props)
              : { [environment.responses]: properties.responses }),
            // A deployment is no day of a cluster.
            ...(properties.meter && name !== 'setup' ? { [environment.meter]: 'true' } : {}),
          },
          logDays: properties.logDays,
          tracing: properties.tracing,
          network:
            name === 'dialer' ? { vpc: network.vpc, subnets: network.subnets, group: network.dialer } : undefined,
        });
        return [name, house];
      }),
    );
    for (const name of withControlPlane) this.#grantControlPlane(this.get(name), props);
    const { allowedAddresses } = properties;
    if (allowedAddresses.length > 0) this.get('api').set(environment.allowedAddresses, allowedAddresses.join(','));
    // These call into the cluster's network: the API for logs, the controllers for doorbells.
    this.#invokes('api', [['dialer', environment.dialer]]);
    this.#invokes('controllers', [
      ['dialer', environment.dialer],
      ['load-balancers', environment.loadBalancersFunction],
    ]);
    this.#invokes('scheduler', [['workers', environment.workersFunction]]);
    this.#invokes('tick', [
      ['scheduler', environment.scheduler],
      ['controllers', environment.controllers],
      ['workers', environment.workersFunction],
      ['load-balancers', environment.loadBalancersFunction],
    ]);
    this.#setUp(this.get('setup'), this.get('scheduler'), props);
  }

  /** May invoke these, whose names it gets in these variables. */
  #invokes(name: FunctionName, targets: readonly (readonly [FunctionName, string])[]): void {
    for (const [target, variable] of targets) this.get(name).set(variable, this.get(target).lambda.functionName);
    this.get(name).invoke(...targets.map(([target]) => this.get(target)));
  }

  get(name: FunctionName): HouseFunction {
    return this.#all.get(name)!;
  }

  all(): HouseFunction[] {
    return [...this.#all.values()];
  }

  #grantControlPlane(house: HouseFunction, props: FunctionsProps): void {
    house.useTables(props.tables.objects, props.tables.changes);
    house.readParameters(props.parametersArn);
    if (props.key) {
      house.useKey(props.key);
      house.decryptParameters(props.parametersArn);
      house.set(environment.kmsKey, props.key.keyArn);
    }
  }

  #setUp(house: HouseFunction, scheduler: HouseFunction, props: FunctionsProps): void {
    house.allow(['ssm:DeleteParameters', 'ssm:PutParameter'], [`${props.parametersArn}/*`]);
    // One scheduler at a time where the account allows it (decision 8): a template that says so cannot be deployed where it does not.
    house.set(environment.scheduler, scheduler.lambda.functionName);
    house.allow(['lambda:PutFunctionConcurrency'], [scheduler.lambda.functionArn]);
  }

  /** The one function that may change the number of workers. */
  scale(group: AutoScalingGroup, properties: Properties): void {
    const house = this.get('workers');
    house.set(environment.workers, group.autoScalingGroupName);
    house.set(environment.workersMinimum, String(properties.minWorkers));
    house.set(environment.workersLimit, String(properties.maxWorkers));
    house.set(environment.workersIdleSeconds, String(properties.workerIdleSeconds));
    house.set(environment.workerTypes, properties.instanceTypes.join(','));
    house.set(environment.workerLabels, JSON.stringify(properties.workerLabels));
    house.set(environment.workerTaints, JSON.stringify(properties.workerTaints));
    const arn = Stack.of(this).formatArn({
      service: 'autoscaling',
      resource: 'autoScalingGroup',
      resourceName: `*:autoScalingGroupName/${group.autoScalingGroupName}`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    house.allow(
      [
        'autoscaling:SetDesiredCapacity',
        'autoscaling:SuspendProcesses',
        'autoscaling:TerminateInstanceInAutoScalingGroup',
      ],
      [arn],
    );
    // Descriptions cannot be granted by resource. Source: Service Authorization Reference, EC2 and EC2 Auto Scaling.
    house.allow(['autoscaling:DescribeAutoScalingGroups', 'ec2:DescribeInstances', 'ec2:DescribeInstanceTypes'], ['*']);
  }
}

function controlPlaneEnvironment(props: FunctionsProps): Record<string, string> {
  const { properties, tables } = props;
  return {
    [environment.cluster]: properties.name,
    [environment.objectsTable]: tables.objects.tableName,
    [environment.changesTable]: tables.changes.tableName,
    [environment.parameters]: props.parametersPath,
    [environment.workerRole]: props.workerRoleArn,
    [environment.serviceCidr]: properties.serviceCidr,
    [environment.responses]: properties.responses,
    ...(properties.adminRole ? { [environment.adminRole]: properties.adminRole } : {}),
    ...(properties.admins.length > 0 ? { [environment.admins]: properties.admins.join(',') } : {}),
  };
}
