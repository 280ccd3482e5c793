// What a cluster tells about itself, and who may do what in it: discovery, explain, versions, certificates, tokens, permissions.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startCluster, type TestPlace } from './cluster.ts';
import { Shell } from './shell.ts';

let cluster: TestPlace;
let shell: Shell;
before(async () => {
  cluster = await startCluster({ runtime: 'simulated' });
  shell = new Shell(cluster, 'access');
});
after(() => cluster.remove());

test('version and cluster-info say what runs where', async () => {
  assert.match(await shell.ok('kubectl version'), /^Server Version: v1\.36\.\d+\S*$/m);
  assert.equal(JSON.parse(await shell.ok('kubectl version -o json')).serverVersion.minor, '36');
  assert.match(
    await shell.ok('kubectl cluster-info'),
    /Kubernetes control plane.* is running at .*https:\/\/127\.0\.0\.1:\d+/,
  );
  assert.match(await shell.ok('kubectl cluster-info dump | grep \'"kind"\' | sort -u'), /"kind": "NodeList"/);
  assert.equal(await shell.ok('kubectl get --raw /readyz'), 'ok');
  assert.match(await shell.ok(`kubectl get --raw '/livez?verbose'`), /^livez check passed$/m);
});

test('api-resources and api-versions list what is served', async () => {
  const table = await shell.ok('kubectl api-resources');
  assert.match(table, /^NAME +SHORTNAMES +APIVERSION +NAMESPACED +KIND\n/);
  for (const row of [
    /^pods +po +v1 +true +Pod$/m,
    /^nodes +no +v1 +false +Node$/m,
    /^deployments +deploy +apps\/v1 +true +Deployment$/m,
    /^clusterroles +rbac\.authorization\.k8s\.io\/v1 +false +ClusterRole$/m,
    /^certificatesigningrequests +csr +certificates\.k8s\.io\/v1 +false +CertificateSigningRequest$/m,
  ]) {
    assert.match(table, row);
  }
  await shell.says([
    [
      'kubectl api-resources --namespaced=false --api-group=rbac.authorization.k8s.io -o name',
      'clusterrolebindings.rbac.authorization.k8s.io\nclusterroles.rbac.authorization.k8s.io',
    ],
    ['kubectl api-resources --verbs=list,deletecollection --api-group=batch -o name', 'cronjobs.batch\njobs.batch'],
    ['kubectl api-versions | grep -c "^v1$"', '1'],
  ]);
});

test('explain shows fields and their types, also all of them at once, also as one version of a kind has them', async () => {
  assert.match(
    await shell.ok('kubectl explain pod.spec.containers.resources'),
    /^ {2}limits\t<map\[string\]Quantity>$/m,
  );
  assert.match(
    await shell.ok('kubectl explain pod.spec.restartPolicy'),
    /^ENUM:\n {4}Always\n {4}Never\n {4}OnFailure\n/m,
  );
  assert.match(await shell.ok('kubectl explain pod.spec'), /^ {2}containers\t<\[\]Container> -required-$/m);
  const whole = await shell.ok('kubectl explain deployment --recursive');
  assert.match(whole, /^GROUP: +apps\nKIND: +Deployment\nVERSION: +v1\n/);
  assert.match(
    whole,
    /^ {4}strategy\t<DeploymentStrategy>\n {6}rollingUpdate\t<RollingUpdateDeployment>\n {8}maxSurge\t<IntOrString>$/m,
  );
  assert.match(await shell.ok('kubectl explain hpa --api-version=autoscaling/v1'), /^VERSION: +v1$/m);
  assert.match(await shell.refused('kubectl explain pod.spec.nothing'), /field "nothing" does not exist/);
});

test('auth whoami and can-i answer for me, and for whom I stand in for', async () => {
  const me = await shell.ok('kubectl auth whoami');
  assert.match(me, /^Username +\S+$/m);
  assert.match(me, /^Groups +\[system:masters system:authenticated\]$/m);
  await shell.ok(
    'kubectl create namespace team; kubectl create sa bot -n team; kubectl create role reader -n team --verb=get,list --resource=pods,pods/log',
  );
  await shell.ok('kubectl create rolebinding bot -n team --role=reader --serviceaccount=team:bot');
  const as = '--as=system:serviceaccount:team:bot';
  await shell.says([
    [`kubectl auth can-i '*' '*'`, 'yes'],
    [`kubectl auth can-i list pods -n team ${as}`, 'yes'],
    [`kubectl auth can-i get pods --subresource=log -n team ${as}`, 'yes'],
    [`kubectl auth can-i delete pods -n team ${as}; echo $?`, 'no\n1'],
    [`kubectl auth can-i get /version ${as}`, 'yes'],
  ]);
  assert.match(
    await shell.ok(`kubectl auth can-i --list -n team ${as}`),
    /^pods\/log +\[\] +\[\] +\[get list\]$|^pods +\[\] +\[\] +\[get list\]$/m,
  );
  assert.equal(
    await shell.refused(`kubectl delete pod x -n team ${as}`),
    'Error from server (Forbidden): pods "x" is forbidden: User "system:serviceaccount:team:bot" cannot delete resource "pods" in API group "" in the namespace "team"\n',
  );
  assert.match(await shell.ok('kubectl describe rolebinding bot -n team'), /^ {2}ServiceAccount +bot +team$/m);
});

test('a token made for a service account opens what the account may, and nothing else', async () => {
  await shell.ok('kubectl create token bot -n team --duration=10m > token');
  const login = `kubectl --kubeconfig=bare --token="$(cat token)"`;
  await shell.ok(
    `kubectl config view --minify --raw -o json | sed '/client-certificate-data\\|client-key-data/d' > bare`,
  );
  const who = await shell.run(`${login} auth whoami -o jsonpath={.status.userInfo.username}`);
  assert.equal(who.stdout, 'system:serviceaccount:team:bot', who.stderr);
  await shell.ok(`${login} get pods -n team`);
  assert.match(await shell.refused(`${login} get pods -n default`), /\(Forbidden\)/);
  assert.match(
    await shell.refused(`kubectl --kubeconfig=bare --token=nonsense get pods`),
    /Unauthorized|must be logged in/,
  );
  assert.match(await shell.refused('kubectl create token nobody -n team'), /serviceaccounts? "nobody" not found/);
});

test('a certificate request is approved, signed, and is a way in; another is denied', async () => {
  await shell.ok(
    'openssl req -new -newkey rsa:2048 -nodes -subj /O=sailors/CN=jane -keyout jane.key -out jane.csr 2>/dev/null',
  );
  const request = (name: string) =>
    `printf 'apiVersion: certificates.k8s.io/v1\\nkind: CertificateSigningRequest\\nmetadata: {name: ${name}}\\nspec: {signerName: kubernetes.io/kube-apiserver-client, usages: [client auth], request: %s}\\n' "$(base64 -w0 jane.csr)" | kubectl create -f -`;
  await shell.ok(`${request('jane')}; ${request('late')}`);
  assert.match(
    await shell.ok('kubectl get csr jane'),
    /^jane +\S+ +kubernetes\.io\/kube-apiserver-client +\S+ +<none> +Pending$/m,
  );
  await shell.says([
    ['kubectl certificate approve jane', 'certificatesigningrequest.certificates.k8s.io/jane approved'],
    ['kubectl certificate deny late', 'certificatesigningrequest.certificates.k8s.io/late denied'],
    [
      `kubectl wait csr/jane --for=jsonpath='{.status.certificate}' --timeout=120s`,
      'certificatesigningrequest.certificates.k8s.io/jane condition met',
    ],
  ]);
  assert.match(await shell.ok('kubectl get csr'), /^jane .* Approved,Issued$/m);
  assert.match(await shell.ok('kubectl get csr'), /^late .* Denied$/m);
  await shell.ok(`kubectl get csr jane -o jsonpath={.status.certificate} | base64 -d > jane.crt`);
  await shell.ok('kubectl config set-credentials jane --client-certificate=jane.crt --client-key=jane.key');
  const cluster = await shell.ok('kubectl config view --minify -o jsonpath={.contexts[0].context.cluster}');
  await shell.ok(`kubectl config set-context jane --cluster=${cluster} --user=jane`);
  assert.match(await shell.refused('kubectl --context=jane get pods'), /User "jane" cannot list resource "pods"/);
  await shell.ok('kubectl create clusterrolebinding sailors --clusterrole=view --group=sailors');
  await shell.ok('kubectl --context=jane get pods');
});
