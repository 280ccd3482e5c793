// The workers' group through clients that answer as AWS does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AwsClients } from './clients.ts';
import { workerGroup } from './workers.ts';

function groupOver(answer: (command: string, input: Record<string, unknown>) => unknown) {
  const sent: [string, Record<string, unknown>][] = [];
  const client = async () => ({
    send: async (command: { constructor: { name: string }; input: Record<string, unknown> }) => {
      sent.push([command.constructor.name, command.input]);
      return answer(command.constructor.name, command.input);
    },
  });
  const clients = { autoScaling: client, ec2: client } as unknown as Pick<AwsClients, 'autoScaling' | 'ec2'>;
  return { sent, group: workerGroup(clients, 'workers') };
}

const failure = (name: string, message = ''): Error => Object.assign(new Error(message), { name });

test('instances that are going do not count, and of strangers it is asked when they were launched', async () => {
  const launched = new Date(Date.UTC(2026, 0, 1));
  const instance = (InstanceId: string, LifecycleState: string) => ({ InstanceId, LifecycleState });
  const Instances = [
    instance('i-1', 'InService'),
    instance('i-2', 'Pending'),
    instance('i-3', 'Terminating:Wait'),
    instance('i-4', 'Terminated'),
  ];
  const AvailabilityZones = ['eu-west-1a', 'eu-west-1b'];
  const { group, sent } = groupOver((command) =>
    command === 'DescribeInstancesCommand'
      ? { Reservations: [{ Instances: [{ InstanceId: 'i-2', LaunchTime: launched }] }] }
      : { AutoScalingGroups: [{ DesiredCapacity: 2, MinSize: 0, MaxSize: 9, AvailabilityZones, Instances }] },
  );
  assert.deepEqual(await group.describe((id) => id === 'i-1'), {
    desired: 2,
    minimum: 0,
    maximum: 9,
    zone: undefined,
    rebalances: true,
    instances: [
      { id: 'i-1', launchedMs: undefined },
      { id: 'i-2', launchedMs: launched.getTime() },
    ],
  });
  assert.deepEqual(sent[1]?.[1], { Filters: [{ Name: 'instance-id', Values: ['i-2'] }] });
  AvailabilityZones.pop();
  assert.equal((await group.describe(() => true)).zone, 'eu-west-1a');
});

test('workers are not moved between zones once that was stopped', async () => {
  const SuspendedProcesses: { ProcessName: string }[] = [{ ProcessName: 'Launch' }];
  const { group, sent } = groupOver(() => ({ AutoScalingGroups: [{ SuspendedProcesses }] }));
  assert.equal((await group.describe(() => true)).rebalances, true);
  await group.stopRebalancing();
  assert.deepEqual(sent.at(-1), [
    'SuspendProcessesCommand',
    { AutoScalingGroupName: 'workers', ScalingProcesses: ['AZRebalance'] },
  ]);
  SuspendedProcesses.push({ ProcessName: 'AZRebalance' });
  assert.equal((await group.describe(() => true)).rebalances, false);
});

test('a group that is not there is said so', async () => {
  const { group } = groupOver(() => ({ AutoScalingGroups: [] }));
  await assert.rejects(
    group.describe(() => true),
    /no Auto Scaling group named workers/,
  );
});

test('an instance is ended with the capacity lowered; one that is going already is no error', async () => {
  const { group, sent } = groupOver(() => ({}));
  await group.end('i-1');
  assert.deepEqual(sent[0], [
    'TerminateInstanceInAutoScalingGroupCommand',
    { InstanceId: 'i-1', ShouldDecrementDesiredCapacity: true },
  ]);
  const ending = (error: Error): Promise<void> =>
    groupOver(() => {
      throw error;
    }).group.end('i-1');
  await ending(failure('ScalingActivityInProgressFault'));
  await ending(failure('ValidationError', 'Instance Id not found - No managed instance found for instance ID: i-1'));
  await assert.rejects(ending(failure('ValidationError', 'that would go below the minimum size')), /minimum/);
  await assert.rejects(ending(failure('AccessDenied', 'not you')), /not you/);
});

test('types are told as Kubernetes names them', async () => {
  const { group } = groupOver(() => ({
    InstanceTypes: [
      {
        InstanceType: 't4g.medium',
        VCpuInfo: { DefaultVCpus: 2 },
        MemoryInfo: { SizeInMiB: 4096 },
        ProcessorInfo: { SupportedArchitectures: ['arm64'] },
      },
      {
        InstanceType: 't3.small',
        VCpuInfo: { DefaultVCpus: 2 },
        MemoryInfo: { SizeInMiB: 2048 },
        ProcessorInfo: { SupportedArchitectures: ['i386', 'x86_64'] },
      },
    ],
  }));
  assert.deepEqual(await group.offers(['t4g.medium', 't3.small']), [
    { type: 't4g.medium', cpuMilli: 2000, memoryMiB: 4096, arch: 'arm64' },
    { type: 't3.small', cpuMilli: 2000, memoryMiB: 2048, arch: 'amd64' },
  ]);
});
