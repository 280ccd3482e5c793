// A second worker comes and goes: pods of both reach each other, and the API from inside.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { which } from '../../../agent/containerd/programs.ts';
import { runOrFail } from '../../../local/run.ts';
import { eventually } from '../../e2e/cluster.ts';
import type { Instance } from '../../emulator/instance.ts';
import type { Tale } from '../tale.ts';

export function ofSeveralWorkers(tale: Tale): void {
  let second: Instance;
  const apply = async (name: string, ...objects: object[]): Promise<void> => {
    const file = join(tale.folder, `${name}.json`);
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
    await tale.cluster.kubectlOk('apply', '-f', file);
  };
  const untilOver = async (...pods: string[]): Promise<void> => {
    const names = pods.map((pod) => `pod/${pod}`);
    await tale.cluster.kubectlOk('wait', '--for=jsonpath={.status.phase}=Succeeded', ...names, '--timeout=300s');
  };
  const addressOf = (pod: string): Promise<string> =>
    tale.cluster.kubectlOk('get', 'pod', pod, '-o', 'jsonpath={.status.podIP}');

  test(
    'pods of two workers reach each other, by their addresses and through services',
    tale.needsSecondWorker,
    async () => {
      const { cluster, instance } = tale;
      second = await cluster.startInstance();
      await cluster.untilReady(second.id);
      await cluster.importSample(second);
      await apply('pages', page('here', instance), service('here'), page('there', second), service('there'));
      await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod/here', 'pod/there', '--timeout=300s');
      const asks = async (name: string, on: Instance, whom: string): Promise<object> =>
        pod(name, on, [`${await addressOf(whom)}:8080`, whom].map(wget).join('; '));
      await apply('asks', await asks('asks-there', instance, 'there'), await asks('asks-here', second, 'here'));
      await untilOver('asks-there', 'asks-here');
      for (const whom of ['there', 'here']) {
        const said = await cluster.kubectlOk('logs', `asks-${whom}`);
        assert.equal(said.match(/It floats/g)?.length, 2, said);
        const asker = await addressOf(`asks-${whom}`);
        const seen = await cluster.kubectlOk('logs', whom);
        assert.ok(seen.split(new RegExp(`\\b${asker}\\]?:`)).length > 2, `its own address is seen: ${seen}`);
      }
    },
  );

  test('a pod lists and watches through the service kubernetes, as itself', tale.needsSecondWorker, async () => {
    const { cluster } = tale;
    await cluster.kubectlOk(
      'create',
      'rolebinding',
      'inside',
      '--clusterrole=view',
      '--serviceaccount=default:default',
    );
    await cluster.kubectlOk('create', 'configmap', 'signal', '--from-literal=go=no');
    const mounted = '/var/run/secrets/kubernetes.io/serviceaccount';
    const byName = `--server=https://kubernetes.default.svc --certificate-authority=${mounted}/ca.crt --token="$(cat ${mounted}/token)"`;
    const script = `kubectl auth whoami -o jsonpath={.status.userInfo.username} && echo
kubectl ${byName} get pods -o name
kubectl ${byName} get secrets
kubectl wait --for=jsonpath={.data.go}=yes configmap/signal --timeout=300s`;
    await apply('inside', withKubectl(pod('inside', second, script)));
    await eventually('it waits', async () => /forbidden/i.test((await cluster.kubectl(['logs', 'inside'])).stdout));
    await cluster.kubectlOk('create', 'configmap', 'go', '--from-literal=go=yes');
    await cluster.kubectlOk('patch', 'configmap', 'signal', '-p', '{"data":{"go":"yes"}}');
    await untilOver('inside');
    const said = await cluster.kubectlOk('logs', 'inside');
    assert.match(said, /^system:serviceaccount:default:default$/m);
    assert.match(said, /^pod\/inside$/m);
    assert.match(said, /secrets is forbidden/);
    assert.match(said, /^configmap\/signal condition met$/m);
  });

  test('a worker that is gone takes the way to its pods with it', tale.needsSecondWorker, async () => {
    const { cluster, instance } = tale;
    const routes = (): Promise<string> => runOrFail('ip', ['-n', instance.network, 'route']);
    assert.match(await routes(), /dev slipway-pods/);
    await cluster.kubectlOk('delete', 'pods,services', '-l', 'story=several-workers', '--timeout=300s');
    await cluster.kubectlOk('delete', 'configmap', 'signal', 'go');
    await cluster.kubectlOk('delete', 'rolebinding', 'inside');
    cluster.instances.splice(cluster.instances.indexOf(second), 1);
    await second.terminate();
    await cluster.kubectlOk('delete', 'node', second.id);
    await eventually('it is forgotten', async () => !/dev slipway-pods/.test(await routes()));
  });
}

/** Again until it is answered: a worker hears of others' pods and of services with its next sync. */
const wget = (from: string): string => `until wget -qO- http://${from}; do sleep 1; done`;

const labelled = (name: string) => ({ name, labels: { app: name, story: 'several-workers' } });

/** Serves the sample's page on port 8080. */
const page = (name: string, { id }: Instance) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: labelled(name),
  spec: {
    nodeName: id,
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'page', image: 'slipway/sample:1', readinessProbe: { tcpSocket: { port: 8080 } } }],
  },
});

const service = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: labelled(name),
  spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] },
});

const pod = (name: string, { id }: Instance, script: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: labelled(name),
  spec: {
    nodeName: id,
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'asks', image: 'slipway/sample:1', command: ['sh', '-c', script] }],
  },
});

/** This machine's own, which needs no library: what it finds in a pod is what every client of Kubernetes looks for. */
function withKubectl({ spec, ...rest }: ReturnType<typeof pod>): object {
  const [container] = spec.containers;
  return {
    ...rest,
    spec: {
      ...spec,
      containers: [
        {
          ...container,
          env: [{ name: 'HOME', value: '/tmp' }],
          volumeMounts: [{ name: 'kubectl', mountPath: '/bin/kubectl', readOnly: true }],
        },
      ],
      volumes: [{ name: 'kubectl', hostPath: { path: which('kubectl'), type: 'File' } }],
    },
  };
}
