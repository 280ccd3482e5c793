// Workloads and nodes as kubectl's users run them: rollouts, scale, set, autoscale, cascades, drain, taints, events.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, startCluster, type TestPlace } from './cluster.ts';
import { Shell } from './shell.ts';

let cluster: TestPlace;
let shell: Shell;
before(async () => {
  cluster = await startCluster({ nodes: 2 });
  shell = new Shell(cluster, 'workloads');
  await shell.ok('kubectl create deployment web --image=slipway/sample:1 --replicas=2');
  await shell.ok(`kubectl patch deploy web -p '{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":1}}}}'`);
});
after(() => cluster.remove());

const limit = { timeout: 300_000 };
const done = 'kubectl rollout status deploy/web --timeout=120s';

test('a rollout is waited for, and told by the deployment’s columns, description and events', limit, async () => {
  assert.match(await shell.ok(done), /^deployment "web" successfully rolled out\n$/m);
  assert.match(await shell.ok('kubectl get deploy web'), /^web +2\/2 +2 +2 +\w+\n/m);
  const told = await shell.ok('kubectl describe deploy web');
  assert.match(told, /^Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable$/m);
  assert.match(told, /^StrategyType: +RollingUpdate$/m);
  assert.match(told, /^ {2}Available +True +MinimumReplicasAvailable$/m);
  assert.match(told, /^ {2}Progressing +True +NewReplicaSetAvailable$/m);
  assert.match(told, /^NewReplicaSet: +web-\w+ \(2\/2 replicas created\)$/m);
  // Events are written beside the work that they tell of.
  const scaled = /Normal +ScalingReplicaSet +\S+ +deployment-controller +Scaled up replica set web-\w+ from 0 to \d/;
  await eventually('its event is there', async () => scaled.test(await shell.ok('kubectl describe deploy web')));
  assert.match(await shell.ok('kubectl get pods -l app=web'), /^web-\w+-\w{5} +1\/1 +Running +0 +\w+$/m);
});

test('an image that does not exist holds the rollout up; undo brings the last one back', limit, async () => {
  assert.equal(
    await shell.ok('kubectl set image deploy/web sample=slipway/nothing:1'),
    'deployment.apps/web image updated\n',
  );
  await shell.ok('kubectl annotate deploy/web kubernetes.io/change-cause="a wrong image"');
  assert.match(
    await shell.refused('kubectl rollout status deploy/web --timeout=2s'),
    /timed out waiting for the condition|context deadline exceeded/,
  );
  await eventually('one pod is made anew, and the others stay', async () =>
    /^web +2\/2 +1 +2 /m.test(await shell.ok('kubectl get deploy web')),
  );
  const revision = await eventually('its revision has the cause', async () => {
    const history = await shell.ok('kubectl rollout history deploy/web');
    assert.match(history, /^deployment\.apps\/web \nREVISION +CHANGE-CAUSE\n/);
    return /^(\d+) +a wrong image$/m.exec(history)?.[1];
  });
  assert.match(
    await shell.ok(`kubectl rollout history deploy/web --revision=${revision}`),
    /Image:\s+slipway\/nothing:1/,
  );
  assert.equal(await shell.ok('kubectl rollout undo deploy/web'), 'deployment.apps/web rolled back\n');
  await shell.ok(done);
  const images = `kubectl get pods -l app=web -o jsonpath='{.items[*].spec.containers[*].image}'`;
  await eventually(
    'only the old image is left',
    async () => (await shell.ok(images)) === 'slipway/sample:1 slipway/sample:1',
  );
});

test('while a rollout is paused changes gather; resumed they go out as one revision', limit, async () => {
  const revisions = async () => (await shell.ok('kubectl rollout history deploy/web')).trim().split('\n').length;
  const before = await revisions();
  await shell.says(
    [
      ['kubectl rollout pause deploy/web', 'deployment.apps/web paused'],
      ['kubectl set env deploy/web GREETING=ahoy EMPTY=', 'deployment.apps/web env updated'],
      ['kubectl set env deploy/web --list', '# Deployment web, container sample\nGREETING=ahoy\nEMPTY='],
      [
        'kubectl set resources deploy/web --limits=cpu=200m,memory=32Mi',
        'deployment.apps/web resource requirements updated',
      ],
      ['kubectl set env deploy/web EMPTY-', 'deployment.apps/web env updated'],
      ['kubectl get rs -o name | wc -l', String(before - 2)],
    ].map(([a, b]) => [a!, b!] as const),
  );
  assert.equal(await revisions(), before);
  assert.equal(await shell.ok('kubectl rollout resume deploy/web'), 'deployment.apps/web resumed\n');
  await shell.ok(done);
  assert.equal(await revisions(), before + 1);
  assert.equal(await shell.ok("kubectl exec deploy/web -- sh -c 'echo $GREETING'"), 'ahoy\n');
});

test('restart replaces every pod; scale makes as many as asked, and only from the number expected', limit, async () => {
  const names = async () => (await shell.ok('kubectl get pods -l app=web -o name')).trim().split('\n');
  const before = await names();
  assert.equal(await shell.ok('kubectl rollout restart deploy/web'), 'deployment.apps/web restarted\n');
  await shell.ok(done);
  await eventually('no pod of before is left', async () => !(await names()).some((name) => before.includes(name)));
  assert.equal(await shell.ok('kubectl scale deploy/web --replicas=3'), 'deployment.apps/web scaled\n');
  await shell.ok(`kubectl wait deploy/web --for=jsonpath='{.status.readyReplicas}'=3 --timeout=120s`);
  assert.match(
    await shell.refused('kubectl scale deploy/web --current-replicas=9 --replicas=1'),
    /Expected replicas to be 9, was 3/,
  );
  await shell.ok('kubectl scale deploy/web --replicas=1');
  await eventually('one is left', async () => (await names()).length === 1);
});

test('expose and autoscale make a service and an autoscaler of the deployment', limit, async () => {
  await shell.says([
    ['kubectl expose deploy web --port=80 --target-port=8080', 'service/web exposed'],
    [
      'kubectl autoscale deploy web --min=1 --max=3 --cpu-percent=50',
      'horizontalpodautoscaler.autoscaling/web autoscaled',
    ],
  ]);
  assert.match(
    await shell.ok('kubectl get hpa web'),
    /^web +Deployment\/web +(cpu: )?(<unknown>|\d+%)\/50% +1 +3 +[01] /m,
  );
  const endpoints = `kubectl get endpointslices -l kubernetes.io/service-name=web -o jsonpath='{.items[0].endpoints[0].addresses[0]}'`;
  const address = await shell.ok(`kubectl get pods -l app=web -o jsonpath='{.items[0].status.podIP}'`);
  await eventually('the pod stands behind the service', async () => (await shell.run(endpoints)).stdout === address);
  assert.match(await shell.ok('kubectl describe svc web'), new RegExp(`^Endpoints: +${address}:8080$`, 'm'));
  await shell.ok('kubectl delete hpa,svc web');
});

test('a drained node is empty; the rest runs on the other; uncordoned it takes pods again', limit, async () => {
  const [one, two] = [cluster.node(1), cluster.node(2)];
  await shell.ok(
    `kubectl run alone --image=slipway/sample:1 --overrides='{"spec":{"nodeName":"${one}","terminationGracePeriodSeconds":1}}'`,
  );
  await shell.ok('kubectl wait --for=condition=Ready pod/alone --timeout=120s');
  assert.match(
    await shell.refused(`kubectl drain ${one}`),
    /declare no controller \(use --force to override\): default\/alone/,
  );
  assert.match(await shell.ok('kubectl get nodes'), new RegExp(`^${one} +Ready,SchedulingDisabled `, 'm'));
  const drained = await shell.ok(`kubectl drain ${one} --force --ignore-daemonsets --timeout=120s`);
  assert.match(drained, /^pod\/alone evicted$/m);
  assert.match(drained, new RegExp(`^node/${one} drained$`, 'm'));
  assert.equal(await shell.ok(`kubectl get pods --field-selector spec.nodeName=${one} -o name`), '');
  await shell.ok(done);
  assert.match(await shell.ok('kubectl get pods -o wide'), new RegExp(` ${two} `));
  await shell.says([
    [`kubectl uncordon ${one}`, `node/${one} uncordoned`],
    [`kubectl cordon ${two}`, `node/${two} cordoned`],
    [`kubectl uncordon ${two}`, `node/${two} uncordoned`],
  ]);
});

test('a taint keeps pods away, or drives them out, unless they tolerate it', limit, async () => {
  const [one, two] = [cluster.node(1), cluster.node(2)];
  assert.equal(
    await shell.ok(`kubectl taint node ${one} ${two} sea=rough:NoSchedule`),
    `node/${one} tainted\nnode/${two} tainted\n`,
  );
  assert.match(await shell.ok(`kubectl describe node ${one}`), /^Taints: +sea=rough:NoSchedule$/m);
  await shell.ok('kubectl run waits --image=slipway/sample:1');
  const words = `kubectl get pod waits -o jsonpath='{.status.conditions[?(@.type=="PodScheduled")].message}'`;
  const message = await eventually('it is said why', async () => (await shell.ok(words)) || undefined);
  assert.match(message, /^0\/2 nodes are available: 2 node\(s\) had untolerated taint/);
  assert.match(await shell.ok('kubectl get pod waits'), /^waits +0\/1 +Pending /m);
  const event = await eventually(
    'an event says so too',
    async () => (await shell.ok('kubectl events --for pod/waits | grep FailedScheduling; true')) || undefined,
  );
  assert.match(event, /Warning +FailedScheduling +Pod\/waits +0\/2 nodes are available/);
  await shell.ok(`kubectl taint node ${one} ${two} sea-`);
  await shell.ok('kubectl wait --for=condition=Ready pod/waits --timeout=120s');
  const where = await shell.ok('kubectl get pod waits -o jsonpath={.spec.nodeName}');
  await shell.ok(`kubectl taint node ${where} sea=storm:NoExecute`);
  await shell.ok('kubectl wait --for=delete pod/waits --timeout=120s');
  assert.equal(await shell.ok(`kubectl taint node ${where} sea:NoExecute-`), `node/${where} untainted\n`);
});

test('what a deployment owns goes with it, before it, or stays: background, foreground, orphan', limit, async () => {
  await shell.ok(`kubectl scale deploy web --replicas=1; ${done}`);
  await shell.ok('kubectl delete deploy web --cascade=orphan');
  const rs = `kubectl get rs -l app=web -o jsonpath='{range .items[?(@.spec.replicas==1)]}{.metadata.name} {.metadata.ownerReferences}{end}'`;
  const [name] = (
    await eventually('nobody owns the replica set', async () => {
      const text = await shell.ok(rs);
      return text.endsWith(' ') && text;
    })
  ).split(' ');
  assert.match(await shell.ok('kubectl get pods -l app=web'), / Running /);
  await shell.ok(`kubectl delete rs ${name} --cascade=foreground --timeout=120s`);
  assert.equal(await shell.ok('kubectl get pods -l app=web -o name'), '');
  await shell.ok(
    'kubectl create deployment web --image=slipway/sample:1; kubectl wait deploy/web --for=create --timeout=120s',
  );
  await shell.ok('kubectl delete deploy web --cascade=background --now');
  await shell.ok('kubectl wait --for=delete rs,pod -l app=web --timeout=120s');
});

test('pods of a job that went without them are held by nobody', limit, async () => {
  await shell.ok('kubectl create job nap --image=slipway/sample:1 -- sleep 600');
  await shell.ok(`kubectl wait job/nap --for=jsonpath='{.status.ready}'=1 --timeout=120s`);
  await shell.ok('kubectl delete job nap --cascade=orphan');
  assert.match(await shell.ok('kubectl get pods -l job-name=nap'), / Running /);
  await shell.ok('kubectl delete pod -l job-name=nap --now --timeout=120s');
});
