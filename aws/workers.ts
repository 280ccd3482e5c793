// The workers' Auto Scaling group: how it stands, and the two ways in which it is changed.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/Welcome.html
import type { AwsClients } from './clients.ts';

export interface GroupState {
  desired: number;
  minimum: number;
  maximum: number;
  /** The only one that instances are started in; undefined: there are several. */
  zone: string | undefined;
  /** Whether AWS moves workers from zone to zone by itself: `stopRebalancing`. */
  rebalances: boolean;
  /** Without those that are going. */
  instances: { id: string; launchedMs: number | undefined }[];
}

export interface InstanceOffer {
  type: string;
  cpuMilli: number;
  memoryMiB: number;
  /** As Kubernetes names it: amd64, arm64. */
  arch: string;
}

export interface WorkerGroup {
  /** Throws when there is no such group. `isKnown`: of other instances it is looked up when they were launched. */
  describe(isKnown: (id: string) => boolean): Promise<GroupState>;
  setDesired(count: number): Promise<void>;
  /**
   * A worker that is ended may leave more in one zone than in another; Auto Scaling then ends one there, whatever runs on it, and starts
   * one elsewhere. It stays off once it is.
   * https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html
   */
  stopRebalancing(): Promise<void>;
  /** Ends an instance and lowers the desired capacity by one. One that is going already is no error. */
  end(id: string): Promise<void>;
  offers(types: readonly string[]): Promise<InstanceOffer[]>;
}

/** https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html */
const isGoing = (state: string | undefined): boolean =>
  /^(Terminat|Detach|Quarantined|EnteringStandby|Standby|Warmed)/.test(state ?? '');

const rebalancing = 'AZRebalance';

const archNames: Record<string, string> = { arm64: 'arm64', x86_64: 'amd64' };

export function workerGroup(clients: Pick<AwsClients, 'autoScaling' | 'ec2'>, name: string): WorkerGroup {
  return {
    async describe(isKnown) {
      const { DescribeAutoScalingGroupsCommand } = await import('./sdk/auto-scaling.ts');
      const client = await clients.autoScaling();
      const answer = await client.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }));
      const group = answer.AutoScalingGroups?.[0];
      if (!group) throw new Error(`there is no Auto Scaling group named ${name}`);
      const ids = (group.Instances ?? [])
        .filter(({ LifecycleState }) => !isGoing(LifecycleState))
        .flatMap(({ InstanceId }) => InstanceId ?? []);
      const launched = await launchTimes(
        clients,
        ids.filter((id) => !isKnown(id)),
      );
      return {
        desired: group.DesiredCapacity ?? 0,
        minimum: group.MinSize ?? 0,
        maximum: group.MaxSize ?? 0,
        zone: group.AvailabilityZones?.length === 1 ? group.AvailabilityZones[0] : undefined,
        rebalances: !group.SuspendedProcesses?.some(({ ProcessName }) => ProcessName === rebalancing),
        instances: ids.map((id) => ({ id, launchedMs: launched.get(id) })),
      };
    },
    async setDesired(count) {
      const { SetDesiredCapacityCommand } = await import('./sdk/auto-scaling.ts');
      const client = await clients.autoScaling();
      const input = { AutoScalingGroupName: name, DesiredCapacity: count, HonorCooldown: false };
      await client.send(new SetDesiredCapacityCommand(input));
    },
    async stopRebalancing() {
      const { SuspendProcessesCommand } = await import('./sdk/auto-scaling.ts');
      const client = await clients.autoScaling();
      await client.send(new SuspendProcessesCommand({ AutoScalingGroupName: name, ScalingProcesses: [rebalancing] }));
    },
    async end(id) {
      const { TerminateInstanceInAutoScalingGroupCommand } = await import('./sdk/auto-scaling.ts');
      const client = await clients.autoScaling();
      const input = { InstanceId: id, ShouldDecrementDesiredCapacity: true };
      try {
        await client.send(new TerminateInstanceInAutoScalingGroupCommand(input));
      } catch (error) {
        if ((error as Error).name !== 'ScalingActivityInProgressFault' && !isNotFound(error)) throw error;
      }
    },
    async offers(types) {
      const { DescribeInstanceTypesCommand } = await import('./sdk/ec2.ts');
      const client = await clients.ec2();
      const input = { InstanceTypes: [...types] as [] };
      const { InstanceTypes = [] } = await client.send(new DescribeInstanceTypesCommand(input));
      return InstanceTypes.map(({ InstanceType, VCpuInfo, MemoryInfo, ProcessorInfo }) => ({
        type: InstanceType ?? '',
        cpuMilli: 1000 * (VCpuInfo?.DefaultVCpus ?? 0),
        memoryMiB: MemoryInfo?.SizeInMiB ?? 0,
        arch: archNames[ProcessorInfo?.SupportedArchitectures?.at(-1) ?? ''] ?? '',
      }));
    },
  };
}

const isNotFound = (error: unknown): boolean =>
  (error as Error).name === 'ValidationError' && /not found|not part of/i.test((error as Error).message);

/** What EC2 does not know (any more) is left out. */
async function launchTimes(clients: Pick<AwsClients, 'ec2'>, ids: readonly string[]): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map();
  const { DescribeInstancesCommand } = await import('./sdk/ec2.ts');
  const client = await clients.ec2();
  const filter = { Name: 'instance-id', Values: [...ids] };
  const { Reservations = [] } = await client.send(new DescribeInstancesCommand({ Filters: [filter] }));
  const instances = Reservations.flatMap(({ Instances = [] }) => Instances);
  return new Map(
    instances.flatMap(({ InstanceId, LaunchTime }) =>
      InstanceId && LaunchTime ? [[InstanceId, LaunchTime.getTime()] as const] : [],
    ),
  );
}
