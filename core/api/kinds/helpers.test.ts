import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allVerbs, buildKind, withoutNulls } from './build.ts';
import { age, humanDuration } from './duration.ts';
import { Findings, repeats, sameValue } from './findings.ts';
import { checkIp, formatAddress, formatCidr, isIpv6, parseAddress, parseCidr } from './ip.ts';
import { validateObjectMeta } from './object-meta.ts';
import { unifiedDiff } from './spec-diff.ts';
import { isTimeZone, scheduleProblem } from './workloads/cron-schedule.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

test('durations have two figures at most', () => {
  const expected: [number, string][] = [
    [-2 * second, '<invalid>'],
    [-second, '0s'],
    [0, '0s'],
    [119 * second, '119s'],
    [2 * minute, '2m'],
    [9 * minute + 59 * second, '9m59s'],
    [10 * minute + 5 * second, '10m'],
    [179 * minute, '179m'],
    [3 * hour + 5 * minute, '3h5m'],
    [8 * hour + 5 * minute, '8h'],
    [47 * hour, '47h'],
    [49 * hour, '2d1h'],
    [8 * day + hour, '8d'],
    [729 * day, '729d'],
    [733 * day, '2y3d'],
    [9 * 365 * day + day, '9y'],
  ];
  for (const [ms, text] of expected) assert.equal(humanDuration(ms), text);
  assert.equal(age(undefined, 0), '<unknown>');
  assert.equal(age('1970-01-01T00:00:00Z', 5 * minute), '5m');
});

test('schedules of cron jobs', () => {
  for (const good of ['* * * * *', '*/5 1-3 1,15 jan-MAR sun', '0 0 ? * 6', '@daily', '@every 1h30m', '5/15 * * * *']) {
    assert.equal(scheduleProblem(good), undefined, good);
  }
  for (const bad of ['', '* * * *', '60 * * * *', '* * 0 * *', '5-1 * * * *', '*/0 * * * *', '@often', 'a * * * *']) {
    assert.ok(scheduleProblem(bad), bad);
  }
  assert.ok(isTimeZone('Europe/Berlin'));
  assert.ok(!isTimeZone('Europe/Atlantis'));
});

test('addresses', () => {
  for (const good of ['10.0.0.1', '::1', 'fe80::1:2', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4', '255.255.255.255']) {
    assert.ok(parseAddress(good), good);
  }
  for (const bad of ['', '10.0.0', '10.0.0.256', '1::2::3', '10.0.0.0/8', 'fe80::1%eth0', 'x', '1:2:3']) {
    assert.equal(parseAddress(bad), undefined, bad);
  }
  assert.ok(isIpv6('2001:db8::1'));
  assert.equal(formatAddress(parseAddress('2001:0DB8:0:0:1:0:0:1')!), '2001:db8::1:0:0:1');
  assert.equal(formatCidr(parseCidr('10.1.2.3/8')!), '10.0.0.0/8');
  assert.equal(parseCidr('10.0.0.0/33'), undefined);
  const found = new Findings();
  assert.ok(!checkIp(found, 'spec.ip', 'no'));
  assert.deepEqual(found.errors, [
    {
      reason: 'FieldValueInvalid',
      field: 'spec.ip',
      message: 'Invalid value: "no": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    },
  ]);
});

test('what is absent is the same as what is empty', () => {
  assert.ok(sameValue({ a: 1 }, { a: 1, b: [], c: undefined }));
  assert.ok(!sameValue({ a: 1 }, { a: 2 }));
  assert.deepEqual(withoutNulls({ a: null, b: [{ c: null, d: 1 }] }), { b: [{ d: 1 }] });
  const clean = { a: [{ b: 1 }] };
  assert.equal(withoutNulls(clean), clean);
});

test('a difference shows the lines around it', () => {
  const text = unifiedDiff({ a: 1, b: { c: 'x' } }, { a: 1, b: { c: 'y' } });
  assert.match(text, /^@@ /m);
  assert.match(text, /^- {2,}"c": "x"$/m);
  assert.match(text, /^\+ {2,}"c": "y"$/m);
});

test('a kind can be made at run time, as of a custom resource definition', () => {
  const kind = buildKind(
    {
      group: 'example.com',
      version: 'v1',
      kind: 'Widget',
      plural: 'widgets',
      namespaced: true,
      hasStatus: true,
      scale: { specReplicas: '.spec.n', statusReplicas: '.status.n', selector: '.status.selector' },
    },
    {
      columns: [{ name: 'Size', type: 'integer', description: '', priority: 0, cell: () => 3 }],
      fieldLabels: { 'spec.color': () => 'red' },
      validate: () => [{ reason: 'FieldValueInvalid', field: 'spec.n', message: 'Invalid value: 0: too few' }],
    },
  );
  assert.equal(kind.resource, 'widgets.example.com');
  assert.equal(kind.singular, 'widget');
  assert.deepEqual(kind.verbs, allVerbs);
  assert.deepEqual(kind.fieldLabelNames, ['spec.color']);
  const widget = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w', namespace: 'd' }, status: {} };
  assert.equal(kind.validate?.(widget)[0]?.field, 'spec.n');
  assert.deepEqual(validateObjectMeta(widget, kind), []);
  const changed = { ...widget, spec: { n: 2 }, status: { n: 1 } };
  kind.prepareForUpdate?.(changed, widget, { nowMs: 0, uuid: () => '', user: { username: '', groups: [] } }, 'status');
  assert.deepEqual(changed, { ...widget, status: { n: 1 } });
});

test('an item that says what an earlier one said is found by its place', () => {
  assert.deepEqual([...repeats(['a', 'b', 'a', 'c', 'a'], (item) => item)], [2, 4]);
  assert.deepEqual([...repeats([], String)], []);
});
