// A running pod under its user's hands: logs, exec, attach, run, cp, port-forward, debug, describe, wait, delete.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually, freePort, startCluster, type TestPlace } from './cluster.ts';
import { Shell } from './shell.ts';

let cluster: TestPlace;
let shell: Shell;

const talker = `
apiVersion: v1
kind: Pod
metadata: {name: talker, labels: {app: talk}}
spec:
  terminationGracePeriodSeconds: 1
  initContainers:
  - {name: first, image: slipway/sample:1, command: [echo, first of all]}
  containers:
  - name: main
    image: slipway/sample:1
    command: [sh, -c, 'echo one; echo two >&2; echo three; exec /serve']
    env: [{name: GREETING, value: ahoy}]
    ports: [{name: http, containerPort: 8080}]
    readinessProbe: {httpGet: {port: http}, periodSeconds: 1}
  - name: side
    image: slipway/sample:1
    command: [sh, -c, 'echo beside; exec sleep 1000']
`;

before(async () => {
  cluster = await startCluster();
  shell = new Shell(cluster, 'pods');
  await cluster.apply(talker);
  await shell.ok('kubectl wait --for=condition=Ready pod/talker --timeout=120s');
  // What a container says is written beside what is told of it.
  await eventually('they have spoken', async () => {
    const { stdout } = await shell.run('kubectl logs talker --all-containers');
    return ['first of all', 'two', 'three', 'beside'].every((words) => stdout.includes(words));
  });
});
after(() => cluster.remove());

const limit = { timeout: 300_000 };

test(
  'logs tell what containers said: one, all, the last lines, with times, by label, as they come',
  limit,
  async () => {
    await shell.says([
      ['kubectl logs talker -c main | grep -x "one\\|two\\|three" | sort', 'one\nthree\ntwo'],
      ['kubectl logs talker -c side', 'beside'],
      ['kubectl logs talker first', 'first of all'],
      ['kubectl logs talker -c main --tail=1 | wc -l', '1'],
      ['kubectl logs talker -c side --since=1h --limit-bytes=3; echo', 'bes'],
      ['kubectl logs talker --all-containers --prefix | grep beside', '[pod/talker/side] beside'],
      ['kubectl logs -l app=talk -c side --tail=-1', 'beside'],
      ['kubectl logs talker -c side --since-time=2040-01-01T00:00:00Z; echo none', 'none'],
    ]);
    assert.match(
      await shell.ok('kubectl logs talker -c side --timestamps'),
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z beside\n$/,
    );
    assert.match(await shell.refused('kubectl logs talker -c nobody'), /container nobody is not valid for pod talker/);
    assert.match(
      await shell.refused('kubectl logs talker -c main --previous'),
      /previous terminated container "main" in pod "talker" not found/,
    );
    const followed = await shell.ok(
      `kubectl run counts --image=slipway/sample:1 --restart=Never -- sh -c 'for i in 1 2 3; do echo $i; until [ -e /go-$i ]; do sleep 0.1; done; done' >/dev/null
     kubectl wait --for=jsonpath='{.status.phase}'=Running pod/counts --timeout=120s >/dev/null
     timeout 200 kubectl logs -f counts > counted & follows=$!
     for i in 1 2 3; do
       for try in $(seq 600); do grep -qx $i counted && break; sleep 0.1; done
       kubectl exec counts -- touch /go-$i
     done
     wait $follows && cat counted`,
    );
    assert.equal(followed, '1\n2\n3\n');
  },
);

test('exec runs a command: its output, its input, its exit code', limit, async () => {
  await shell.says([
    [`kubectl exec talker -- sh -c 'echo $GREETING; echo quiet >&2' 2>/dev/null`, 'ahoy'],
    ['echo typed | kubectl exec -i talker -c side -- tr a-z A-Z', 'TYPED'],
    ['head -c 300000 /dev/zero | kubectl exec -i talker -- wc -c', '300000'],
    [`kubectl exec talker -- sh -c 'exit 42' 2>/dev/null; echo $?`, '42'],
  ]);
  assert.match(await shell.refused(`kubectl exec talker -- sh -c 'exit 42'`), /command terminated with exit code 42/);
  assert.match(await shell.refused('kubectl exec talker -- not-there'), /executable file not found in \$PATH/);
  assert.match(
    await shell.refused('kubectl exec talker -c nobody -- true'),
    /container nobody is not valid|container not found/,
  );
  assert.match(await shell.refused('kubectl exec nobody -- true'), /\(NotFound\): pods "nobody" not found/);
});

test('a terminal is one inside too, and has the size of the window, also when that changes', limit, async () => {
  const is = (size: string): string =>
    `until [ "$(stty size 2>/dev/null)" = "${size}" ]; do sleep 0.1; done; echo "${size}"`;
  writeFileSync(join(shell.folder, 'inside'), `tty\n${is('31 97')}\ntouch /tmp/wide\n${is('44 55')}\n`);
  writeFileSync(
    join(shell.folder, 'window'),
    'stty rows 31 cols 97\n(until kubectl exec talker -c main -- test -e /tmp/wide 2>/dev/null; do sleep 0.2; done; stty -F /dev/tty rows 44 cols 55) &\ntimeout --foreground 200 kubectl exec -it talker -c main -- sh -c "$(cat inside)"\n',
  );
  // `script` tells of the end of its own input with ^@, wherever that falls
  const seen = await shell.ok(`script -qec 'sh window' /dev/null | tr -d '\\r' | sed 's/\\^@//'`);
  assert.equal(seen, '/dev/pts/0\n31 97\n44 55\n');
});

test('run makes a pod, talks with it, and removes it: its exit code is the command’s', limit, async () => {
  const inside = 'while read word; do echo "heard $word"; done; exit 3';
  const { code, stdout } = await shell.talk(
    `kubectl run talk --rm -i --image=slipway/sample:1 --restart=Never -- sh -c '${inside}'`,
    'ahoy',
    'heard ahoy',
  );
  assert.match(stdout, /^heard ahoy$/m);
  assert.match(stdout, /pod "talk" deleted/);
  assert.equal(code, 3);
  assert.match(await shell.refused('kubectl get pod talk'), /NotFound/);
  assert.match(await shell.ok('kubectl run dry --image=x --dry-run=client -o yaml'), /^ {4}run: dry$/m);
});

test('attach follows the first process and speaks to it', limit, async () => {
  const echoes = 'while read line; do echo "got $line"; [ "$line" = end ] && exit 0; done';
  await shell.ok(
    `kubectl run ear --image=slipway/sample:1 --restart=Never -i --attach=false --stdin -- sh -c '${echoes}'`,
  );
  await shell.ok('kubectl wait --for=condition=Ready pod/ear --timeout=120s');
  const { stdout } = await shell.talk('kubectl attach -i ear 2>/dev/null', 'hello', 'got hello', 'end\n');
  assert.match(stdout, /^(got hello\n)+got end\n$/);
  await shell.ok(`kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/ear --timeout=120s`);
  assert.match(await shell.ok('kubectl get pod ear'), /^ear +0\/1 +Completed +0 /m);
});

test('cp carries files and folders in and out', limit, async () => {
  await shell.ok('mkdir -p box/inner && echo a > box/a && head -c 200000 /dev/urandom > box/inner/b');
  await shell.ok('kubectl cp box talker:/tmp/box -c main && kubectl cp talker:/tmp/box back -c main');
  assert.equal(await shell.ok('diff -r box back && echo same'), 'same\n');
});

test('port-forward brings a pod’s port to the machine', limit, async () => {
  const port = await freePort();
  const page = await shell.ok(
    `kubectl port-forward pod/talker ${port}:http > told & trap "kill $!" EXIT
     for i in $(seq 600); do grep -q Forwarding told && break; sleep 0.1; done
     cat told; for i in 1 2 3; do curl -sf http://127.0.0.1:${port}/ | grep floats; done`,
  );
  assert.match(page, new RegExp(`^Forwarding from 127\\.0\\.0\\.1:${port} -> 8080`));
  assert.equal(page.match(/It floats/g)?.length, 3);
});

test('debug adds a container that sees the processes of its target', limit, async () => {
  const debug = 'kubectl debug talker --profile=general --image=slipway/sample:1 --target=side -c eye';
  const inside = 'while read go; do ps; done';
  const { stdout } = await shell.talk(`${debug} -i --quiet -- sh -c '${inside}' 2>/dev/null`, 'go', 'sleep 1000');
  assert.match(stdout, /sleep 1000/);
  assert.match(await shell.ok('kubectl describe pod talker'), /^Ephemeral Containers:\n {2}eye:\n/m);
  await shell.ok(
    'kubectl debug talker --profile=general --copy-to=twin --image=slipway/sample:1 --same-node -c eye -- sleep 100',
  );
  await shell.ok(`kubectl wait --for=jsonpath='{.status.phase}'=Running pod/twin --timeout=120s`);
});

test('debug of a node gives a pod that sees the machine', limit, async () => {
  const debug = `kubectl debug node/${cluster.node()} --profile=general --image=slipway/sample:1`;
  const inside = 'while read go; do echo "$(ls -d /host/proc; cat /host/etc/os-release; echo all of it)"; done';
  const { stdout } = await shell.talk(`${debug} -i --quiet -- sh -c '${inside}' 2>/dev/null`, 'go', 'all of it');
  assert.match(stdout, /^\/host\/proc\n[\s\S]*^ID=/m);
  const made = await shell.ok(`kubectl get pods -o name | grep node-debugger-${cluster.node()}-`);
  await shell.ok(`kubectl delete ${made.trim()} --now`);
});

test('describe shows the pod as its users know it', limit, async () => {
  const told = await shell.ok('kubectl describe pod talker');
  for (const line of [
    /^Node: +\S+\/10\./,
    /^Status: +Running$/,
    /^IP: +10\./,
    /^Init Containers:$/,
    /^ {6}Reason: +Completed$/,
    /^ {4}State: +Running$/,
    /^ {6}GREETING: +ahoy$/,
    /^ {4}Readiness: +http-get http:\/\/:http\/ delay=0s timeout=1s period=1s/,
    /^ {2}Ready +True/,
    /^QoS Class: +BestEffort$/,
    /^ {2}Normal +Scheduled +\S+ +default-scheduler +Successfully assigned default\/talker to /,
    /^ {2}Normal +Pulled +.* +kubelet +Container image "slipway\/sample:1" already present on machine/,
    /^ {2}Normal +Started +.* +kubelet +.*[Cc]ontainer/,
  ]) {
    assert.match(told, new RegExp(line.source, 'm'));
  }
  assert.match(
    await shell.ok('kubectl get pod talker -o wide'),
    /^talker +2\/2 +Running +0 +\S+ +10\.\S+ +\S+ +<none> +<none>$/m,
  );
});

test('delete waits for the pod’s end, or does not; --force does not ask its node', limit, async () => {
  const del = (what: string) => `kubectl delete ${what} 2>/dev/null | sed 's/ from default namespace//'`;
  await shell.ok(
    'kubectl run slow --image=slipway/sample:1 -- sh -c "trap : TERM; echo deaf; while true; do sleep 0.2; done"',
  );
  await shell.ok('kubectl wait --for=condition=Ready pod/slow --timeout=120s');
  // A shell whose trap is set when it says so: until then SIGTERM would end it.
  await eventually('it is deaf', async () => (await shell.run('kubectl logs slow')).stdout === 'deaf\n');
  assert.equal(await shell.ok(del('pod slow --wait=false')), 'pod "slow" deleted\n');
  assert.match(await shell.ok('kubectl get pod slow'), /^slow +1\/1 +Terminating /m);
  assert.equal(await shell.ok(del('pod slow --grace-period=1 --timeout=120s')), 'pod "slow" deleted\n');
  assert.equal(await shell.ok(del('pod twin --force')), 'pod "twin" force deleted\n');
  assert.match(await shell.refused('kubectl get pod twin'), /NotFound/);
  await shell.ok('kubectl delete pods --all --now --timeout=120s');
  assert.equal(await shell.ok('kubectl get pods -o name'), '');
});
