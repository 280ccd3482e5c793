// Objects as kubectl's users handle them: created, shown in every form, applied, compared, edited, patched, replaced, labelled, deleted.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startCluster, type TestPlace } from './cluster.ts';
import { Shell } from './shell.ts';

let cluster: TestPlace;
let shell: Shell;
before(async () => {
  cluster = await startCluster({ runtime: 'simulated' });
  shell = new Shell(cluster, 'objects');
});
after(() => cluster.remove());

test('create knows a short way to every common kind', async () => {
  await shell.ok(
    'openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=shop -days 2 -keyout key -out cert 2>/dev/null; echo v=1 > vars',
  );
  await shell.says([
    ['kubectl create namespace shop', 'namespace/shop created'],
    ['kubectl config set-context --current --namespace=shop >/dev/null && echo set', 'set'],
    ['kubectl create configmap words --from-literal=a=1 --from-file=vars', 'configmap/words created'],
    ['kubectl create configmap more --from-env-file=vars', 'configmap/more created'],
    ['kubectl create secret generic key --from-literal=k=s3cret', 'secret/key created'],
    ['kubectl create secret tls tls --cert=cert --key=key', 'secret/tls created'],
    [
      'kubectl create secret docker-registry reg --docker-server=r --docker-username=u --docker-password=p',
      'secret/reg created',
    ],
    ['kubectl create serviceaccount bot', 'serviceaccount/bot created'],
    ['kubectl create role reader --verb=get,list --resource=pods', 'role.rbac.authorization.k8s.io/reader created'],
    [
      'kubectl create rolebinding bot --role=reader --serviceaccount=shop:bot',
      'rolebinding.rbac.authorization.k8s.io/bot created',
    ],
    [
      'kubectl create clusterrole nodes --verb=get --resource=nodes',
      'clusterrole.rbac.authorization.k8s.io/nodes created',
    ],
    [
      'kubectl create clusterrolebinding bot --clusterrole=nodes --user=bo',
      'clusterrolebinding.rbac.authorization.k8s.io/bot created',
    ],
    ['kubectl create quota few --hard=pods=10', 'resourcequota/few created'],
    [
      'kubectl create poddisruptionbudget one --selector=app=web --min-available=1',
      'poddisruptionbudget.policy/one created',
    ],
    ['kubectl create priorityclass low --value=-5', 'priorityclass.scheduling.k8s.io/low created'],
    ['kubectl create ingress front --rule=shop.test/=web:80', 'ingress.networking.k8s.io/front created'],
    ['kubectl create service clusterip inside --tcp=80:8080', 'service/inside created'],
    ['kubectl create service nodeport outside --tcp=80:8080', 'service/outside created'],
    ['kubectl create service loadbalancer balanced --tcp=80', 'service/balanced created'],
    ['kubectl create service externalname far --external-name=far.test', 'service/far created'],
    ['kubectl create deployment web --image=slipway/sample:1 --port=8080', 'deployment.apps/web created'],
    ['kubectl create job once --image=slipway/sample:1 -- true', 'job.batch/once created'],
    [
      'kubectl create cronjob daily --image=slipway/sample:1 --schedule="0 3 * * *" -- true',
      'cronjob.batch/daily created',
    ],
    ['kubectl create job now --from=cronjob/daily', 'job.batch/now created'],
  ]);
  assert.match(await shell.refused('kubectl create configmap words'), /configmaps "words" already exists/);
});

test('get shows objects in tables, and in the form asked for', async () => {
  await shell.says([
    ['kubectl get cm words -o name', 'configmap/words'],
    ['kubectl get cm words --no-headers | sed "s/ *[0-9dhms]*$//"', 'words   2'],
    [`kubectl get cm words -o jsonpath='{.data.a}{"\\n"}'`, '1'],
    [`kubectl get cm words -o go-template='{{.data.vars}}'`, 'v=1'],
    ['kubectl get secret key -o custom-columns=NAME:.metadata.name,K:.data.k', 'NAME   K\nkey    czNjcmV0'],
    ['kubectl get svc --sort-by=.spec.type -o name', 'service/inside\nservice/far\nservice/balanced\nservice/outside'],
    ['kubectl get svc --field-selector metadata.name=far -o name', 'service/far'],
    ['kubectl get secrets --field-selector type=kubernetes.io/tls -o name', 'secret/tls'],
    ['kubectl get ns shop -o json | grep -c \'"kind": "Namespace"\'', '1'],
    ['kubectl get cm words -o yaml | sed -n 1,5p', 'apiVersion: v1\ndata:\n  a: "1"\n  vars: |\n    v=1'],
    [
      'kubectl get clusterroles -o name --chunk-size=5 | wc -l',
      await shell.ok('kubectl get clusterroles -o name | wc -l').then((n) => n.trim()),
    ],
    ['kubectl get cm nothing --ignore-not-found; echo $?', '0'],
    ['kubectl get cm/words sa/bot -o name', 'configmap/words\nserviceaccount/bot'],
  ]);
  const heads: [string, RegExp][] = [
    ['svc', /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\n/],
    ['svc -o wide', /AGE +SELECTOR\n/],
    ['cm -A', /^NAMESPACE +NAME +DATA +AGE\n/],
    ['cm --show-labels', /^NAME +DATA +AGE +LABELS\n/],
    ['ns -L kubernetes.io/metadata.name', /^NAME +STATUS +AGE +METADATA\.NAME\n/],
    [
      'nodes -o wide',
      /^NAME +STATUS +ROLES +AGE +VERSION +INTERNAL-IP +EXTERNAL-IP +OS-IMAGE +KERNEL-VERSION +CONTAINER-RUNTIME\n/,
    ],
    ['deploy -o wide', /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\n/],
    ['pdb', /^NAME +MIN AVAILABLE +MAX UNAVAILABLE +ALLOWED DISRUPTIONS +AGE\n/],
  ];
  for (const [what, head] of heads) assert.match(await shell.ok(`kubectl get ${what}`), head);
  assert.match(await shell.ok('kubectl get svc'), /^far +ExternalName +<none> +far\.test +<none> /m);
  assert.match(await shell.ok('kubectl get svc'), /^balanced +LoadBalancer +10\.\S+ +<pending> +80:3\d{4}\/TCP /m);
  assert.equal(
    await shell.refused('kubectl get cm nothing'),
    'Error from server (NotFound): configmaps "nothing" not found\n',
  );
  assert.equal(await shell.refused('kubectl get wat'), `error: the server doesn't have a resource type "wat"\n`);
});

test('get --watch tells what happens while it happens', async () => {
  const seen = await shell.ok(`
    watch() { timeout 300 kubectl get cm -w --output-watch-events --field-selector metadata.name=seen > w & }
    told() { for i in $(seq 1200); do grep -q "$1" w && return; sleep 0.1; done; return 1; }
    kubectl create cm seen >/dev/null; watch
    told ADDED && kubectl label cm seen x=y >/dev/null && told MODIFIED && kubectl delete cm seen >/dev/null && told DELETED
    kill %1; awk '{print $1, $2}' w`);
  assert.equal(seen, 'EVENT NAME\nADDED seen\nMODIFIED seen\nDELETED seen\n');
});

const manifest = (data: string): string =>
  `printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: three}\\ndata: {${data}}\\n' > three.yaml`;

test('apply changes what the file changed, and leaves what others wrote', async () => {
  await shell.says([
    [`${manifest('one: "1", two: "2"')}; kubectl apply -f three.yaml`, 'configmap/three created'],
    ['kubectl apply -f three.yaml', 'configmap/three unchanged'],
    [`kubectl patch cm three --type=merge -p '{"data":{"hand":"made"}}'`, 'configmap/three patched'],
    [
      `${manifest('one: "1", three: "3"')}; kubectl apply -f three.yaml --dry-run=server`,
      'configmap/three configured (server dry run)',
    ],
    [`(kubectl diff -f three.yaml; true) | grep '^[-+] '`, '-  two: "2"\n+  three: "3"'],
    ['kubectl diff -f three.yaml >/dev/null; echo $?', '1'],
    ['kubectl apply -f three.yaml', 'configmap/three configured'],
    [`kubectl get cm three -o jsonpath='{.data}{"\\n"}'`, '{"hand":"made","one":"1","three":"3"}'],
    ['kubectl diff -f three.yaml; echo $?', '0'],
    ['kubectl apply view-last-applied cm three | grep three', '  three: "3"\n  name: three'],
  ]);
  assert.match(await shell.refused('kubectl apply --server-side -f three.yaml'), /Server-side apply not available/);
});

test('edit opens the object in an editor and sends what changed', async () => {
  await shell.says([
    ['EDITOR="sed -i s/made/edited/" kubectl edit cm three', 'configmap/three edited'],
    [`kubectl get cm three -o jsonpath='{.data.hand}{"\\n"}'`, 'edited'],
    ['EDITOR=true kubectl edit cm three 2>&1', 'Edit cancelled, no changes made.'],
  ]);
});

test('patch speaks JSON patch, merge patch and strategic merge patch', async () => {
  const env = (name: string, value: string) =>
    `'{"spec":{"template":{"spec":{"containers":[{"name":"sample","env":[{"name":"${name}","value":"${value}"}]}]}}}}'`;
  await shell.says([
    [
      `kubectl patch cm three --type=json -p '[{"op":"test","path":"/data/one","value":"1"},{"op":"remove","path":"/data/one"}]'`,
      'configmap/three patched',
    ],
    [`kubectl patch cm three --type=merge -p '{"data":{"three":null}}'`, 'configmap/three patched'],
    [`kubectl patch cm three --type=merge -p '{"data":{"three":null}}'`, 'configmap/three patched (no change)'],
    [`kubectl get cm three -o jsonpath='{.data}{"\\n"}'`, '{"hand":"edited"}'],
    [`kubectl patch deploy web -p ${env('A', '1')}`, 'deployment.apps/web patched'],
    [`kubectl patch deploy web -p ${env('B', '2')}`, 'deployment.apps/web patched'],
    [`kubectl get deploy web -o jsonpath='{.spec.template.spec.containers[0].env[*].name}{"\\n"}'`, 'B A'],
    [
      `kubectl patch deploy web --subresource=scale --type=merge -p '{"spec":{"replicas":2}}'`,
      'scale.autoscaling/web patched',
    ],
  ]);
  assert.match(
    await shell.refused(`kubectl patch cm three --type=json -p '[{"op":"test","path":"/data/hand","value":"x"}]'`),
    /the server rejected our request due to an error in our request/,
  );
});

test('replace puts a whole object, of the version it was read at; by force it makes a new one', async () => {
  await shell.says(
    [
      [
        'kubectl get cm three -o yaml > read.yaml && sed -i s/edited/replaced/ read.yaml && kubectl replace -f read.yaml',
        'configmap/three replaced',
      ],
      [
        'kubectl get cm three -o jsonpath={.metadata.uid} > uid; kubectl replace --force -f three.yaml',
        'configmap "three" deleted\nconfigmap/three replaced',
      ],
      ['test "$(kubectl get cm three -o jsonpath={.metadata.uid})" != "$(cat uid)"; echo $?', '0'],
    ].map(([line, output]) => [
      line!.replace('replace --force -f three.yaml', `replace --force -f three.yaml | sed 's/ from shop namespace//'`),
      output!,
    ]),
  );
  assert.match(
    await shell.refused('kubectl replace -f read.yaml'),
    /\(Conflict\).*(the object has been modified|UID in precondition)/,
  );
});

test('label and annotate add, overwrite only when told to, and remove', async () => {
  await shell.says([
    ['kubectl label cm three tier=one', 'configmap/three labeled'],
    ['kubectl label cm three tier=two --overwrite', 'configmap/three labeled'],
    ['kubectl get cm -l tier=two -o name', 'configmap/three'],
    [`kubectl get cm -l 'tier in (one,two),!other' -o name`, 'configmap/three'],
    ['kubectl label cm three tier-', 'configmap/three unlabeled'],
    ['kubectl annotate cm three note=this', 'configmap/three annotated'],
    ['kubectl annotate cm three note-', 'configmap/three annotated'],
    ['kubectl label cm words more all=yes', 'configmap/words labeled\nconfigmap/more labeled'],
  ]);
  await shell.ok('kubectl label cm three tier=one');
  assert.match(
    await shell.refused('kubectl label cm three tier=2'),
    /'tier' already has a value \(one\), and --overwrite is false/,
  );
  assert.match(await shell.refused('kubectl label cm three tier=-no- --overwrite'), /a valid label must be/);
});

test('delete takes names, files, labels and everything; a namespace goes with all that is in it', async () => {
  const del = (what: string) => `kubectl delete ${what} | sed 's/ from shop namespace//'`;
  await shell.says([
    [del('cm three --dry-run=server'), 'configmap "three" deleted (server dry run)'],
    [del('-f three.yaml'), 'configmap "three" deleted'],
    [del('-f three.yaml --ignore-not-found; echo $?'), '0'],
    [del('cm -l all=yes'), 'configmap "more" deleted\nconfigmap "words" deleted'],
    [del('quota --all'), 'resourcequota "few" deleted'],
    [del('svc inside outside --wait=false'), 'service "inside" deleted\nservice "outside" deleted'],
  ]);
  assert.match(await shell.refused('kubectl delete cm three'), /\(NotFound\): configmaps "three" not found/);
  await shell.ok('kubectl delete namespace shop --timeout=120s');
  assert.equal(await shell.ok('kubectl get all,cm,secret,sa,role,ingress -n shop -o name'), '');
});
