import assert from 'node:assert/strict';
import test from 'node:test';
import { podWarnings } from './warnings.ts';

test('thousands of ports that all clash with each other are warned about, but not each with each', () => {
  const ports = Array.from({ length: 20_000 }, () => ({ name: 'web', containerPort: 80, protocol: 'TCP' }));
  const pod = { metadata: { name: 'web' }, spec: { containers: [{ name: 'main', image: 'web', ports }] } };
  const warnings = podWarnings(pod, undefined);
  assert.equal(warnings.length, 100);
  assert.equal(warnings[0], 'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]');
});

test('of thousands of variables the one that hides another is found', () => {
  const env = Array.from({ length: 20_000 }, (_, i) => ({ name: `V${i}`, value: 'x' }));
  env.push({ name: 'V7', value: 'y' }, { name: 'V8', value: 'before $(V8)' });
  const pod = { metadata: { name: 'web' }, spec: { containers: [{ name: 'main', image: 'web', env }] } };
  assert.deepEqual(podWarnings(pod, undefined), [
    'spec.containers[0].env[20000]: hides previous definition of "V7", which may be dropped when using apply',
  ]);
});
