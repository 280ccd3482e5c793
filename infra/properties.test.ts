import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PropertyError, readProperties } from './properties.ts';

const read = (given: Record<string, unknown>) => readProperties((name) => given[name]);

test('nothing given: a cluster with no worker, streaming, whose state is kept', () => {
  const { name, instanceTypes, minWorkers, maxWorkers, responses, removal, customerKey, alarmTopic } = read({});
  assert.deepEqual([name, instanceTypes, minWorkers, maxWorkers], ['slipway', ['t4g.medium'], 0, 5]);
  assert.deepEqual([responses, removal, customerKey, alarmTopic], ['stream', 'retain', false, undefined]);
});

test('the usual instance type follows the architecture', () => {
  assert.deepEqual(read({ architecture: 'x86_64' }).instanceTypes, ['t3.medium']);
});

test('lists are written with commas, or as lists of cdk.json; numbers as text or as numbers', () => {
  assert.deepEqual(read({ instanceTypes: 'm7g.large, m6g.large' }).instanceTypes, ['m7g.large', 'm6g.large']);
  assert.deepEqual(read({ repositories: ['web', 'team/api'] }).repositories, ['web', 'team/api']);
  assert.deepEqual([read({ maxWorkers: '7' }).maxWorkers, read({ maxWorkers: 7 }).maxWorkers], [7, 7]);
});

test('what cannot be used is refused with its name', () => {
  const refused: [Record<string, unknown>, RegExp][] = [
    [{ stack: 'Shop' }, /^stack: "Shop" is not/],
    [{ architecture: 'arm' }, /^architecture must be arm64 or x86_64, not "arm"/],
    [{ maxWorkers: 'many' }, /^maxWorkers must be a whole number from 0 to 1000, not "many"/],
    [{ minWorkers: 3, maxWorkers: 2 }, /^minWorkers \(3\) is above maxWorkers \(2\)/],
    [{ vpc: 'vpc-1' }, /^vpc needs subnets/],
    [{ allowedAddresses: '198.51.100.1' }, /^allowedAddresses: "198.51.100.1" is not an address range/],
    [{ adminRole: 'admin' }, /^adminRole: "admin" is not the ARN/],
    [{ instanceTypes: 'large' }, /^instanceTypes: "large" is not an instance type/],
    [{ instanceTypes: ',' }, /^instanceTypes names no instance type/],
    [{ removal: 'keep' }, /^removal must be retain or destroy/],
    [{ region: { name: 'x' } }, /^region must be one value/],
    [{ logDays: 1000 }, /^logDays must be/],
  ];
  for (const [given, message] of refused) {
    assert.throws(
      () => read(given),
      (error) => error instanceof PropertyError && message.test(error.message),
      JSON.stringify(given),
    );
  }
});
