// Workers: what an instance is, what it may do, and how many there may be.
import { Duration, Stack, Tags } from 'aws-cdk-lib';
import { AutoScalingGroup, HealthChecks, OnDemandAllocationStrategy } from 'aws-cdk-lib/aws-autoscaling';
import {
  BlockDeviceVolume,
  EbsDeviceVolumeType,
  InstanceType,
  LaunchTemplate,
  LaunchTemplateHttpTokens,
  MachineImage,
  UserData,
} from 'aws-cdk-lib/aws-ec2';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { parameters, repositoryPrefix } from '../aws/names.ts';
import { workerDiskGiB } from '../aws/worker-capacity.ts';
import { userData } from '../worker/user-data.ts';
import type { Network } from './network.ts';
import type { Properties } from './properties.ts';

/** The newest Amazon Linux 2023 at the moment an instance starts: no deployment is needed for a patched image. */
const machineImage = { arm64: 'arm64', x86_64: 'x86_64' } as const;
const imageParameter = (architecture: Properties['architecture']): string =>
  `/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${machineImage[architecture]}`;

/** Actions of Session Manager, the one way into a worker. */
const sessionManager = [
  'ssm:UpdateInstanceInformation',
  'ssmmessages:CreateControlChannel',
  'ssmmessages:CreateDataChannel',
  'ssmmessages:OpenControlChannel',
  'ssmmessages:OpenDataChannel',
];

export interface WorkersProps {
  properties: Properties;
  network: Network;
  /** ARN of the cluster's parameters. */
  parametersArn: string;
  /** Prefix of the cluster's parameters. */
  parametersPath: string;
  bundle: { bucket: IBucket; key: string };
}

/** An Auto Scaling group from minWorkers to maxWorkers whose size the workers function sets. */
export class Workers extends Construct {
  readonly role: Role;
  readonly group: AutoScalingGroup;

  constructor(scope: Construct, id: string, props: WorkersProps) {
    super(scope, id);
    const { properties, network } = props;
    this.role = workerRole(this, props);
    const launchTemplate = new LaunchTemplate(this, 'Template', {
      machineImage: MachineImage.resolveSsmParameterAtLaunch(imageParameter(properties.architecture)),
      instanceType: new InstanceType(properties.instanceTypes[0]!),
      role: this.role,
      securityGroup: network.workers[0]!,
      userData: UserData.custom(
        userData({
          cluster: properties.name,
          region: Stack.of(this).region,
          parameters: props.parametersPath,
          labels: properties.workerLabels,
          taints: properties.workerTaints,
          serviceCidr: properties.serviceCidr,
          staticPodPath: properties.staticPodPath,
        }),
      ),
      // One hop: the answer does not get as far as a pod, so that a pod cannot take the instance's role.
      requireImdsv2: true,
      httpTokens: LaunchTemplateHttpTokens.REQUIRED,
      httpPutResponseHopLimit: 1,
      detailedMonitoring: false,
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          volume: BlockDeviceVolume.ebs(workerDiskGiB, { volumeType: EbsDeviceVolumeType.GP3, encrypted: true }),
        },
      ],
    });
    for (const group of network.workers.slice(1)) launchTemplate.connections.addSecurityGroup(group);
    this.group = new AutoScalingGroup(this, 'Group', {
      vpc: network.vpc,
      vpcSubnets: network.subnets,
      minCapacity: properties.minWorkers,
      maxCapacity: properties.maxWorkers,
      // No desired capacity: a deployment must not undo what the workers function has set.
      mixedInstancesPolicy: {
        launchTemplate,
        launchTemplateOverrides: properties.instanceTypes.map((type) => ({ instanceType: new InstanceType(type) })),
        instancesDistribution: { onDemandAllocationStrategy: OnDemandAllocationStrategy.PRIORITIZED },
      },
      healthChecks: HealthChecks.ec2({ gracePeriod: Duration.minutes(5) }),
      defaultInstanceWarmup: Duration.seconds(0),
      // No update policy: agents update themselves, and a new template is for instances to come.
    });
    Tags.of(this.group).add('Name', `${properties.name}-worker`);
    Tags.of(this.group).add('slipway/cluster', properties.name);
  }
}

/**
 * AWS' own policy for Session Manager is not used: it lets an instance read every parameter of the account, and so the keys of the
 * cluster. A worker reads four parameters by name.
 */
function workerRole(scope: Construct, props: WorkersProps): Role {
  const role = new Role(scope, 'Role', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
  const allow = (actions: string[], resources: string[]): void => {
    role.addToPolicy(new PolicyStatement({ effect: Effect.ALLOW, actions, resources }));
  };
  const names = [parameters.apiUrl, parameters.agentVersion, parameters.agentBundle, parameters.ca];
  allow(
    ['ssm:GetParameter', 'ssm:GetParameters'],
    names.map((name) => `${props.parametersArn}/${name}`),
  );
  allow(['s3:GetObject'], [props.bundle.bucket.arnForObjects(props.bundle.key)]);
  allow(sessionManager, ['*']);
  allow(['ecr:GetAuthorizationToken'], ['*']);
  allow(
    ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
    [
      Stack.of(scope).formatArn({
        service: 'ecr',
        resource: 'repository',
        resourceName: `${repositoryPrefix(props.properties.name)}*`,
      }),
    ],
  );
  return role;
}
