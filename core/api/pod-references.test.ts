import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podReferences } from './pod-references.ts';
import type { Pod } from './types.gen.ts';

test('a pod names config maps and secrets in volumes, in the environment and to pull images', () => {
  const pod: Pod = {
    metadata: { name: 'web' },
    spec: {
      serviceAccountName: 'robot',
      imagePullSecrets: [{ name: 'pull' }],
      initContainers: [{ name: 'i', envFrom: [{ configMapRef: { name: 'init' } }] }],
      containers: [
        {
          name: 'c',
          env: [
            { name: 'a', valueFrom: { secretKeyRef: { name: 'env-secret', key: 'k' } } },
            { name: 'b', valueFrom: { configMapKeyRef: { name: 'env-map', key: 'k' } } },
          ],
          envFrom: [{ secretRef: { name: 'from-secret' } }],
        },
      ],
      ephemeralContainers: [{ name: 'e', envFrom: [{ configMapRef: { name: 'debug' } }] }],
      volumes: [
        { name: 'm', configMap: { name: 'map' } },
        { name: 's', secret: { secretName: 'secret' } },
        { name: 'p', projected: { sources: [{ configMap: { name: 'part' } }, { secret: { name: 'hidden' } }] } },
        { name: 'k', csi: { driver: 'd', nodePublishSecretRef: { name: 'csi' } } },
        { name: 'c', persistentVolumeClaim: { claimName: 'claim' } },
        { name: 'g', ephemeral: { volumeClaimTemplate: { spec: {} } } },
      ],
    },
  };
  const found = podReferences(pod);
  assert.deepEqual([...found.configMaps].sort(), ['debug', 'env-map', 'init', 'map', 'part']);
  assert.deepEqual([...found.secrets].sort(), ['csi', 'env-secret', 'from-secret', 'hidden', 'pull', 'secret']);
  assert.deepEqual([...found.claims].sort(), ['claim', 'web-g']);
  assert.equal(found.serviceAccount, 'robot');
});

test('a pod without a spec, or with lists that are null, names nothing', () => {
  const spec = { containers: null, volumes: null } as unknown as Pod['spec'];
  for (const pod of [{}, { spec }]) assert.equal(podReferences(pod).secrets.size, 0);
});
