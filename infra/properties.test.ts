import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readProperties } from './properties.ts';
import { PropertyError } from './property-error.ts';

const read = (given: Record<string, unknown>) => readProperties((name) => given[name]);

test('nothing given: a cluster with no worker, streaming, whose state is kept', () => {
  const { name, instanceTypes, minWorkers, maxWorkers, responses, removal, customerKey, alarmTopic, meter } = read({});
  assert.deepEqual([name, instanceTypes, minWorkers, maxWorkers], ['slipway', ['t4g.medium'], 0, 5]);
  assert.deepEqual([responses, removal, customerKey, alarmTopic], ['stream', 'retain', false, undefined]);
  assert.deepEqual([meter, read({ meter: 'true' }).meter, read({ meter: true }).meter], [false, true, true]);
});

test('the usual instance type follows the architecture', () => {
  assert.deepEqual(read({ architecture: 'x86_64' }).instanceTypes, ['t3.medium']);
});

test('lists are written with commas, or as lists of cdk.json; numbers as text or as numbers', () => {
  assert.deepEqual(read({ instanceTypes: 'm7g.large, m6g.large' }).instanceTypes, ['m7g.large', 'm6g.large']);
  assert.deepEqual(read({ repositories: ['web', 'team/api'] }).repositories, ['web', 'team/api']);
  assert.deepEqual([read({ maxWorkers: '7' }).maxWorkers, read({ maxWorkers: 7 }).maxWorkers], [7, 7]);
});

test('workers have the labels and taints that they are given', () => {
  const { workerLabels, workerTaints } = read({
    workerLabels: 'team=shop, example.com/disk=, node.kubernetes.io/pool=a',
    workerTaints: ['dedicated=batch:NoSchedule', 'spot:PreferNoSchedule'],
  });
  assert.deepEqual(workerLabels, { team: 'shop', 'example.com/disk': '', 'node.kubernetes.io/pool': 'a' });
  assert.deepEqual(workerTaints, [
    { key: 'dedicated', value: 'batch', effect: 'NoSchedule' },
    { key: 'spot', effect: 'PreferNoSchedule' },
  ]);
  assert.deepEqual([read({}).workerLabels, read({}).workerTaints], [{}, []]);
});

test('what cannot be used is refused with its name', () => {
  const refused: [Record<string, unknown>, RegExp][] = [
    [{ stack: 'Shop' }, /^stack: "Shop" is not/],
    [{ architecture: 'arm' }, /^architecture must be arm64 or x86_64, not "arm"/],
    [{ maxWorkers: 'many' }, /^maxWorkers must be a whole number from 0 to 1000, not "many"/],
    [{ minWorkers: 3, maxWorkers: 2 }, /^minWorkers \(3\) is above maxWorkers \(2\)/],
    [{ vpc: 'vpc-1' }, /^vpc needs subnets/],
    [{ allowedAddresses: '198.51.100.1' }, /^allowedAddresses: "198.51.100.1" is not an address range/],
    [{ allowedAddresses: '198.51.300.0/24' }, /is not an address range/],
    [{ allowedAddresses: '198.51.100.0/33' }, /is not an address range/],
    [{ allowedAddresses: '2001:db8::/129' }, /is not an address range/],
    [{ adminRole: 'admin' }, /^adminRole: "admin" is not the ARN/],
    [{ instanceTypes: 'large' }, /^instanceTypes: "large" is not an instance type/],
    [{ instanceTypes: ',' }, /^instanceTypes names no instance type/],
    [{ removal: 'keep' }, /^removal must be retain or destroy/],
    [{ region: { name: 'x' } }, /^region must be one value/],
    [{ logDays: 1000 }, /^logDays must be/],
    [{ meter: 'yes' }, /^meter must be true or false, not "yes"/],
    [{ workerLabels: 'team=a b' }, /^workerLabels: "team=a b": a valid label must be/],
    [{ workerLabels: '=x' }, /^workerLabels: "=x": name part must be non-empty/],
    [{ workerLabels: 'a=1,a=2' }, /^workerLabels: a is given twice/],
    [
      { workerLabels: 'kubernetes.io/arch=arm64' },
      /^workerLabels: kubernetes.io\/arch is in a domain of Kubernetes' own/,
    ],
    [
      { workerLabels: 'node-role.kubernetes.io/worker=' },
      /^workerLabels: node-role.kubernetes.io\/worker is in a domain/,
    ],
    [{ workerLabels: 'node.kubernetes.io/instance-type=x' }, /is set by each worker itself/],
    [{ staticPodPath: 'manifests' }, /^staticPodPath: "manifests" is not an absolute path/],
    [{ workerTaints: 'dedicated=batch' }, /^workerTaints: "dedicated=batch" is not KEY=VALUE:EFFECT with NoSchedule, /],
    [{ workerTaints: 'dedicated:Never' }, /^workerTaints: "dedicated:Never" is not/],
    [{ workerTaints: 'a b:NoSchedule' }, /^workerTaints: "a b:NoSchedule": name part must consist/],
    [{ workerTaints: 'a:NoExecute,a=1:NoExecute' }, /^workerTaints: a:NoExecute is given twice/],
    [{ workerTaints: 'node.kubernetes.io/not-ready:NoSchedule' }, /the control plane sets and removes it/],
  ];
  for (const [given, message] of refused) {
    assert.throws(
      () => read(given),
      (error) => error instanceof PropertyError && message.test(error.message),
      JSON.stringify(given),
    );
  }
});
