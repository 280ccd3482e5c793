import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dnsAddress, firstAddress } from './service-range.ts';

test('the API and DNS have the first and the tenth address, wherever in the range its name points', () => {
  assert.equal(firstAddress('10.96.0.0/12'), '10.96.0.1');
  assert.equal(dnsAddress('10.96.0.0/12'), '10.96.0.10');
  assert.equal(dnsAddress('10.97.3.4/12'), '10.96.0.10');
  assert.equal(dnsAddress('192.168.7.16/28'), '192.168.7.26');
});

test('a range that is none, or too small, is refused', () => {
  assert.throws(() => firstAddress('fd00::/108'), /not an IPv4 range/);
  assert.throws(() => dnsAddress('192.168.7.16/29'), /has no 10 addresses/);
});
