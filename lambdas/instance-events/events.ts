// What EventBridge says of instances, in the three forms in which it does.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
import type { MachineState } from '../../core/controllers/node-lifecycle/instance.ts';

export interface InstanceEvent {
  'detail-type': string;
  detail?: {
    'instance-id'?: string;
    state?: string | { value?: string };
    configuration?: {
      metrics?: { metricStat?: { metric?: { name?: string; dimensions?: { InstanceId?: string } } } }[];
    };
  };
}

const states: Record<string, MachineState> = {
  running: 'running',
  stopping: 'down',
  stopped: 'down',
  'shutting-down': 'down',
  terminated: 'gone',
};

export interface Machine {
  /** The instance's id, which is the node's name. */
  name: string;
  state: MachineState;
}

/** Undefined: the event says nothing of a node. */
export function machineOf({ 'detail-type': type, detail = {} }: InstanceEvent): Machine | undefined {
  const id = detail['instance-id'];
  if (type === 'EC2 Instance State-change Notification') {
    const state = typeof detail.state === 'string' ? states[detail.state] : undefined;
    return id && state ? { name: id, state } : undefined;
  }
  if (type === 'EC2 Spot Instance Interruption Warning') return id ? { name: id, state: 'leaving' } : undefined;
  if (type !== 'CloudWatch Alarm State Change') return undefined;
  const isAlarm = typeof detail.state === 'object' && detail.state.value === 'ALARM';
  const metric = detail.configuration?.metrics?.find(({ metricStat }) =>
    metricStat?.metric?.name?.startsWith('StatusCheckFailed'),
  )?.metricStat?.metric;
  const failing = metric?.dimensions?.InstanceId;
  return isAlarm && failing ? { name: failing, state: 'impaired' } : undefined;
}
