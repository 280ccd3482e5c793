import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fullReference, sizeText } from './images.ts';

test('short image names are read as every runtime reads them', () => {
  assert.equal(fullReference('nginx'), 'docker.io/library/nginx:latest');
  assert.equal(fullReference('slipway/sample:1'), 'docker.io/slipway/sample:1');
  assert.equal(fullReference('localhost/web:2'), 'localhost/web:2');
  assert.equal(fullReference('127.0.0.1:5000/web'), '127.0.0.1:5000/web:latest');
  assert.equal(fullReference('example.org/a/b@sha256:00'), 'example.org/a/b@sha256:00');
});

test('sizes are written as containerd writes them', () => {
  assert.deepEqual([0, 1023, 2662, 2_097_152, 5 * 1024 ** 3].map(sizeText), [
    '0 B',
    '1023 B',
    '2.6 KiB',
    '2.0 MiB',
    '5.0 GiB',
  ]);
});
