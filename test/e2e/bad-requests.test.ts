// Requests that cannot be served: what they are told.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startCluster, type TestPlace } from './cluster.ts';
import { Shell } from './shell.ts';

let cluster: TestPlace;
let shell: Shell;
before(async () => {
  cluster = await startCluster({ runtime: 'simulated' });
  shell = new Shell(cluster, 'bad-requests');
});
after(() => cluster.remove());

test('wrong manifests are refused with the field and the reason', async () => {
  const manifest = (text: string) => {
    writeFileSync(join(shell.folder, 'wrong.yaml'), text);
    return shell.refused('kubectl apply -f wrong.yaml');
  };
  const head = 'apiVersion: v1\nkind: Pod\nmetadata: {name: wrong}\n';
  assert.match(await manifest(`${head}spec: {container: []}\n`), /unknown field "spec\.container"/);
  assert.match(
    await manifest(`${head}spec: {containers: []}\n`),
    /The Pod "wrong" is invalid: spec\.containers: Required value/,
  );
  assert.match(
    await manifest(`${head}spec: {containers: [{name: A, image: x}]}\n`),
    /spec\.containers\[0\]\.name: Invalid value: "A": a lowercase RFC 1123 label/,
  );
  assert.match(await manifest(`${head}spec: {containers: {}}\n`), /containers/);
  assert.match(
    await manifest('apiVersion: v1\nkind: Pod\nmetadata: [\n'),
    /error parsing wrong\.yaml: error converting YAML to JSON: yaml: line 3/,
  );
  assert.match(
    await manifest('apiVersion: v9\nkind: Pod\nmetadata: {name: x}\n'),
    /no matches for kind "Pod" in version "v9"/,
  );
  assert.match(
    await manifest(`${head.replace('wrong', 'w'.repeat(254))}spec: {containers: [{name: a, image: x}]}\n`),
    /must be no more than 253/,
  );
  assert.match(
    await shell.refused(`kubectl get pods -l 'a in (b'`),
    /unable to parse requirement: found '', expected: ',' or '\)'/,
  );
  assert.match(
    await shell.refused('kubectl get pods --field-selector spec.sails=2'),
    /field label not supported: spec\.sails/,
  );
  assert.match(
    await shell.refused('kubectl create deployment few --image=x --replicas=-1'),
    /spec\.replicas: Invalid value: -1: must be greater than or equal to 0/,
  );
  assert.match(
    await manifest(
      `${head}spec: {restartPolicy: Maybe, containers: [{name: a, image: x, resources: {requests: {cpu: 2}, limits: {cpu: 1}}}]}\n`,
    ),
    /requests: Invalid value: "2": must be less than or equal to cpu limit of 1\n.*restartPolicy: Unsupported value: "Maybe"/s,
  );
  await shell.ok('head -c 4000000 /dev/zero | tr "\\0" x > large');
  assert.match(
    await shell.refused('kubectl create configmap large --from-file=large'),
    /Request entity too large: limit is 3145728/,
  );
});

test('fields that nobody knows are refused, warned of, or dropped, as the user wishes', async () => {
  await shell.ok(`printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: odd}\ndate: {a: b}\n' > odd.yaml`);
  assert.match(await shell.refused('kubectl create -f odd.yaml'), /strict decoding error: unknown field "date"/);
  const warned = await shell.run('kubectl create -f odd.yaml --validate=warn');
  assert.deepEqual([warned.code, warned.stderr], [0, 'Warning: unknown field "date"\n']);
  const silent = await shell.run('kubectl replace -f odd.yaml --validate=false');
  assert.deepEqual([silent.code, silent.stderr], [0, '']);
  assert.equal(await shell.ok('kubectl get cm odd -o jsonpath={.data}{.date}'), '');
});

test('of two writers on one version the second is told to look again', async () => {
  await shell.ok(
    'kubectl create configmap shared; kubectl get cm shared -o json > first.json; cp first.json second.json',
  );
  await shell.ok(`sed -i 's/"metadata": {/"data": {"by": "first"}, &/' first.json; kubectl replace -f first.json`);
  const refused = await shell.refused(
    `sed -i 's/"metadata": {/"data": {"by": "second"}, &/' second.json; kubectl replace -f second.json`,
  );
  assert.match(
    refused,
    /\(Conflict\).*the object has been modified; please apply your changes to the latest version and try again/,
  );
  assert.equal(await shell.ok('kubectl get cm shared -o jsonpath={.data.by}'), 'first');
});
