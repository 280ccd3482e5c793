// The everyday commands with every kubectl that is on the machine beside the default one, from 1.27 to 1.33.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { eventually, freePort, startCluster, type TestPlace } from './cluster.ts';
import { Shell } from './shell.ts';

/** Where Google's SDK keeps older kubectls; elsewhere the machine's own one is all there is. */
const program = (version: string): string => `/usr/lib/google-cloud-sdk/bin/kubectl.${version}`;
const versions = ['1.27', '1.28', '1.29', '1.30', '1.31', '1.32', '1.33'];

let cluster: TestPlace;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster.remove());

/** Waits in the shell until a command succeeds; what comes behind it says what was wrong when it never does. */
const until = (command: string): string => `for i in $(seq 600); do ${command} && break; sleep 0.2; done`;

async function everyday(shell: Shell): Promise<void> {
  const exec = 'kubectl exec deploy/web --';
  await shell.says([
    ['kubectl create deployment web --image=slipway/sample:1', 'deployment.apps/web created'],
    ['kubectl rollout status deploy/web --timeout=120s | tail -1', 'deployment "web" successfully rolled out'],
    [`${exec} echo hello`, 'hello'],
    [`echo typed | kubectl exec -i deploy/web -- cat`, 'typed'],
    [`${exec} sh -c 'exit 5' 2>/dev/null; echo $?`, '5'],
    [`script -qec "kubectl exec -it deploy/web -- tty" /dev/null | grep -o /dev/pts/0`, '/dev/pts/0'],
    [
      `${until('kubectl logs deploy/web | grep -c "listens on port 8080" >/dev/null')}; kubectl logs deploy/web | grep -c "listens on port 8080"`,
      '1',
    ],
    ['kubectl get deploy web -o jsonpath={.status.readyReplicas}; echo', '1'],
    [
      'kubectl create configmap c --from-literal=a=one --dry-run=client -o yaml > c.yaml; kubectl apply -f c.yaml',
      'configmap/c created',
    ],
    ['sed -i s/one/two/ c.yaml; (kubectl diff -f c.yaml; true) | grep "^[-+] "', '-  a: one\n+  a: two'],
    ['kubectl apply -f c.yaml', 'configmap/c configured'],
    [`kubectl patch cm c --type=merge -p '{"data":{"b":"3"}}'`, 'configmap/c patched'],
    ['kubectl label cm c x=y', 'configmap/c labeled'],
    ['kubectl scale deploy/web --replicas=0', 'deployment.apps/web scaled'],
    ['kubectl wait deploy/web --for=jsonpath={.spec.replicas}=0', 'deployment.apps/web condition met'],
    ['kubectl auth can-i create pods', 'yes'],
    ['kubectl explain cm.data | grep -c "^FIELD: data <map"', '1'],
  ]);
  await eventually('events are there', async () =>
    /ScalingReplicaSet/.test(await shell.ok('kubectl describe deploy web')),
  );
  await eventually('a pod has them too', async () => /Scheduled +pod\/web-/.test(await shell.ok('kubectl get events')));
  assert.match(await shell.ok('kubectl api-resources'), /^deployments +deploy +apps\/v1 +true +Deployment$/m);
  const inside = 'while read word; do echo "heard $word"; done';
  const { stdout } = await shell.talk(
    `kubectl run talk --rm -i --image=slipway/sample:1 --restart=Never -- sh -c '${inside}'`,
    'ahoy',
    'heard ahoy',
  );
  assert.match(stdout, /^heard ahoy$/m);
  const port = await freePort();
  const told = await shell.ok(
    `kubectl run page --image=slipway/sample:1 >/dev/null && kubectl wait --for=condition=Ready pod/page --timeout=120s >/dev/null || exit 1
     kubectl exec page -- sh -c 'until wget -qO- http://127.0.0.1:8080/ >/dev/null 2>&1; do sleep 0.1; done'
     kubectl port-forward pod/page ${port}:8080 > told & trap "kill $!" EXIT
     ${until('grep -q Forwarding told')}; curl -sf http://127.0.0.1:${port}/`,
  );
  assert.match(told, /It floats/);
  await shell.ok('kubectl delete deploy,cm,pod --all --now --timeout=120s');
}

for (const version of versions) {
  const skip = existsSync(program(version)) ? false : `kubectl ${version} is not on this machine`;
  test(`kubectl ${version} does what its users do every day`, { skip, timeout: 600_000 }, async () => {
    const shell = new Shell(cluster, version, program(version));
    const namespace = `v${version.replace('.', '-')}`;
    assert.match(await shell.ok('kubectl version --client -o json'), new RegExp(`"gitVersion": "v${version}`));
    await shell.ok(
      `kubectl create namespace ${namespace}; kubectl config set-context --current --namespace=${namespace}`,
    );
    await everyday(shell);
    await shell.ok(`kubectl delete namespace ${namespace} --wait=false`);
  });
}
