import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentMetrics, operationType } from './metrics.ts';

test('calls of the runtime are named as kubelet names them', () => {
  const names = [
    'Version',
    'RunPodSandbox',
    'ListPodSandbox',
    'PodSandboxStatus',
    'UpdateContainerResources',
    'ImageFsInfo',
  ];
  assert.deepEqual(names.map(operationType), [
    'version',
    'run_podsandbox',
    'list_podsandbox',
    'podsandbox_status',
    'update_container',
    'image_fs_info',
  ]);
  assert.equal(operationType('ReopenContainerLog'), 'reopen_container_log');
});

test('an agent counts its calls of the runtime, those that failed, and how long pods took to start', () => {
  const metrics = new AgentMetrics('n1');
  metrics.operation('PullImage', 2, false);
  metrics.operation('PullImage', 0.5, true);
  metrics.podStarted(1.2);
  const text = metrics.registry.text();
  assert.match(text, /^kubelet_node_name\{node="n1"\} 1$/m);
  assert.match(text, /^kubelet_runtime_operations_total\{operation_type="pull_image"\} 2$/m);
  assert.match(text, /^kubelet_runtime_operations_errors_total\{operation_type="pull_image"\} 1$/m);
  assert.match(text, /^kubelet_runtime_operations_duration_seconds_sum\{operation_type="pull_image"\} 2.5$/m);
  assert.match(text, /^kubelet_pod_start_duration_seconds_bucket\{le="2"\} 1$/m);
  assert.match(text, /^process_resident_memory_bytes \d+$/m);
});
