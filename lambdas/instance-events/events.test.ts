// Events about instances, and what they say of nodes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { machineOf } from './events.ts';

const state = (value: string) =>
  machineOf({ 'detail-type': 'EC2 Instance State-change Notification', detail: { 'instance-id': 'i-1', state: value } })
    ?.state;

test('states of instances', () => {
  assert.deepEqual(['pending', 'running', 'stopping', 'stopped', 'shutting-down', 'terminated'].map(state), [
    undefined,
    'running',
    'down',
    'down',
    'down',
    'gone',
  ]);
});

test('a spot instance that is about to be taken away leaves', () => {
  const event = { 'detail-type': 'EC2 Spot Instance Interruption Warning', detail: { 'instance-id': 'i-1' } };
  assert.deepEqual(machineOf(event), { name: 'i-1', state: 'leaving' });
});

test('an alarm on status checks marks the instance; that it is over does not', () => {
  const alarm = (value: string, name: string) =>
    machineOf({
      'detail-type': 'CloudWatch Alarm State Change',
      detail: {
        state: { value },
        configuration: { metrics: [{ metricStat: { metric: { name, dimensions: { InstanceId: 'i-1' } } } }] },
      },
    });
  assert.deepEqual(alarm('ALARM', 'StatusCheckFailed_System'), { name: 'i-1', state: 'impaired' });
  assert.equal(alarm('OK', 'StatusCheckFailed'), undefined);
  assert.equal(alarm('ALARM', 'CPUUtilization'), undefined);
});

test('other events say nothing', () => {
  assert.equal(machineOf({ 'detail-type': 'Something Else' }), undefined);
});
