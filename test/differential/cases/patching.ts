// What patches do: the directives of strategic merge, the operations of JSON patch, and how strictly their text is read.
import { get, patch, post, put, remove, type Scenario, type Step, scenario } from '../scenario.ts';

const maps = '/api/v1/namespaces/{ns}/configmaps';
const deployments = '/apis/apps/v1/namespaces/{ns}/deployments';
const services = '/api/v1/namespaces/{ns}/services';
const accounts = '/api/v1/namespaces/{ns}/serviceaccounts';
const web = `${deployments}/web`;
const one = `${maps}/one`;
const podSpec = (fields: Record<string, unknown>): Record<string, unknown> => ({
  spec: { template: { spec: fields } },
});
const strategic = (fields: Record<string, unknown>): Step => patch('strategic', web, podSpec(fields));
const json = (...operations: unknown[]): Step => patch('json', one, operations);
const strictly = (type: 'json' | 'merge' | 'strategic', level: string, text: string): Step =>
  patch(type, `${one}?fieldValidation=${level}`, text);

export const patchingScenarios: readonly Scenario[] = [
  scenario(
    'patch-strategic',
    post(deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', finalizers: ['example.com/a', 'example.com/b'] },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            containers: [
              {
                name: 'main',
                image: 'example/app:1',
                args: ['a', 'b'],
                env: [
                  { name: 'A', value: '1' },
                  { name: 'B', value: '2' },
                  { name: 'C', value: '3' },
                ],
                ports: [{ containerPort: 80 }, { containerPort: 81, name: 'x' }],
              },
              { name: 'side', image: 'example/side:1' },
            ],
            tolerations: [{ key: 'a', operator: 'Exists' }],
            volumes: [
              { name: 'v', emptyDir: {} },
              { name: 'w', configMap: { name: 'm', items: [{ key: 'k', path: 'p' }] } },
            ],
          },
        },
      },
    }),
    strategic({ $setElementOrder: null, containers: [{ name: 'main', env: [{ name: 'B', $patch: 'delete' }] }] }),
    strategic({ containers: [{ name: 'main', env: [{ name: 'B', $patch: 'delete' }] }] }),
    strategic({
      '$setElementOrder/containers': [{ name: 'side' }, { name: 'main' }],
      containers: [{ name: 'new', image: 'n' }],
    }),
    strategic({
      '$setElementOrder/containers': [{ name: 'side' }, { name: 'new' }, { name: 'main' }],
      containers: [{ name: 'new', image: 'n' }],
    }),
    strategic({ '$setElementOrder/containers': [{ name: 'main' }, { name: 'side' }, { name: 'new' }] }),
    strategic({ containers: [{ $patch: 'replace' }, { name: 'only', image: 'o' }] }),
    strategic({ containers: [{ name: 'only', args: ['c'] }] }),
    strategic({ containers: [{ name: 'only', args: null, command: ['x', null] }] }),
    strategic({
      volumes: [{ name: 'v', $retainKeys: ['name', 'secret'], secret: { secretName: 's' }, emptyDir: null }],
    }),
    strategic({ volumes: [{ name: 'v', hostPath: { path: '/x' } }] }),
    strategic({ volumes: [{ name: 'w', configMap: { $patch: 'replace', name: 'other' } }] }),
    strategic({ tolerations: [{ key: 'b', operator: 'Exists' }] }),
    strategic({ containers: [{ name: 'only', $patch: 'dance' }] }),
    strategic({ nodeSelector: { a: 'b', c: null } }),
    strategic({ nodeSelector: { $patch: 'replace', d: 'e' } }),
    strategic({ nodeSelector: { $patch: 'delete' } }),
    patch('strategic', web, { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } }),
    patch('strategic', web, {
      spec: {
        strategy: { type: 'RollingUpdate', $retainKeys: ['type', 'rollingUpdate'], rollingUpdate: { maxSurge: 2 } },
      },
    }),
    patch('strategic', web, { spec: { strategy: { $retainKeys: ['rollingUpdate'], type: 'Recreate' } } }),
    patch('strategic', web, { metadata: { '$deleteFromPrimitiveList/finalizers': ['example.com/a'] } }),
    patch('strategic', web, { metadata: { finalizers: ['example.com/c'] } }),
    patch('strategic', web, {
      metadata: { '$setElementOrder/finalizers': ['example.com/c', 'example.com/b'], finalizers: ['example.com/c'] },
    }),
    patch('strategic', web, { metadata: { $patch: 'delete' } }),
    patch('strategic', web, { $patch: 'replace', metadata: { name: 'web' } }),
    patch('strategic', web, { spec: { template: null } }),
    patch('strategic', web, { spec: { replicas: null } }),
    patch('strategic', web, []),
    patch('strategic', web, 'null'),
    patch('strategic', web, '"text"'),
    patch('strategic', web, ''),
    post(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: {
        selector: { a: 'b' },
        ports: [
          { name: 'a', port: 80 },
          { name: 'b', port: 81 },
        ],
      },
    }),
    patch('strategic', `${services}/web`, { spec: { ports: [{ port: 80, targetPort: 8080 }] } }),
    patch('strategic', `${services}/web`, { spec: { ports: [{ name: 'c', targetPort: 8080 }] } }),
    patch('strategic', `${services}/web`, { spec: { ports: [{ port: 81, $patch: 'delete' }] } }),
    patch('strategic', `${services}/web`, { spec: { selector: { a: null, c: 'd' } } }),
    post(accounts, { metadata: { name: 'robot' }, secrets: [{ name: 'one' }], imagePullSecrets: [{ name: 'p' }] }),
    patch('strategic', `${accounts}/robot`, { secrets: [{ name: 'two' }], imagePullSecrets: [{ name: 'q' }] }),
    patch('strategic', `${accounts}/robot`, { secrets: [{ name: 'one', $patch: 'delete' }] }),
    get(web),
  ),
  scenario(
    'patch-json',
    post(maps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'one', finalizers: ['example.com/a', 'example.com/b'] },
      data: { a: '1', 'b/c': '2', 'd~e': '3' },
    }),
    json({ op: 'test', path: '/data/a', value: '1' }, { op: 'add', path: '/data/new', value: 'x' }),
    json({ op: 'test', path: '/data/a', value: '2' }),
    json({ op: 'test', path: '/data/none', value: 'x' }),
    json({ op: 'test', path: '/data/none', value: null }),
    json({ op: 'test', path: '/data/none' }),
    json({ op: 'test', path: '/metadata/labels', value: null }),
    json({ op: 'replace', path: '/data/b~1c', value: 'y' }, { op: 'replace', path: '/data/d~0e', value: 'z' }),
    json({ op: 'replace', path: '/data/none', value: 'y' }),
    json({ op: 'replace', path: '/data/a' }),
    json({ op: 'add', path: '/data/a' }),
    json({ op: 'add', path: '/metadata/labels/x', value: 'y' }),
    json({ op: 'add', path: '/metadata/labels', value: { x: 'y' } }),
    json({ op: 'remove', path: '/data/none' }),
    json({ op: 'remove', path: '/data/new' }),
    json({ op: 'move', from: '/data/a', path: '/data/moved' }),
    json({ op: 'move', from: '/data/none', path: '/data/moved' }),
    json({ op: 'copy', from: '/data/moved', path: '/data/copied' }),
    json({ op: 'copy', from: '/data/none', path: '/data/copied' }),
    json({ op: 'move', from: '/data', path: '/data/inner' }),
    json({ op: 'add', path: '/metadata/finalizers/-', value: 'example.com/c' }),
    json({ op: 'add', path: '/metadata/finalizers/0', value: 'example.com/first' }),
    json({ op: 'add', path: '/metadata/finalizers/9', value: 'example.com/far' }),
    json({ op: 'replace', path: '/metadata/finalizers/9', value: 'example.com/far' }),
    json({ op: 'remove', path: '/metadata/finalizers/9' }),
    json({ op: 'remove', path: '/metadata/finalizers/-1' }),
    json({ op: 'add', path: '/metadata/finalizers/x', value: 'example.com/x' }),
    json({ op: 'remove', path: '/metadata/finalizers/00' }),
    json({ op: 'test', path: '/metadata/finalizers/0', value: 'example.com/first' }),
    json({ op: 'add', path: 'data/x', value: 'y' }),
    json({ op: 'add', path: '', value: { metadata: { name: 'one' } } }),
    json({
      op: 'replace',
      path: '',
      value: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' }, data: { whole: 'new' } },
    }),
    json({ op: 'remove', path: '' }),
    json({ op: 'add', path: '/data/x', value: 5 }),
    json({ op: 'add', path: '/data', value: null }),
    json({ op: 'replace', path: '/apiVersion', value: 'v2' }),
    json({ op: 'replace', path: '/kind', value: 'Secret' }),
    json({ op: 'replace', path: '/metadata/name', value: 'two' }),
    json({ op: 'replace', path: '/metadata/namespace', value: 'elsewhere' }),
    json({ op: 'replace', path: '/metadata/uid', value: 'other' }),
    json({ op: 'remove', path: '/metadata/uid' }),
    json({ op: 'remove', path: '/metadata/creationTimestamp' }),
    json({ op: 'add', path: '/metadata/deletionTimestamp', value: '2030-01-01T00:00:00Z' }),
    json({ op: 'add', path: '/metadata/generation', value: 7 }),
    json({ op: 'replace', path: '/metadata/resourceVersion', value: '1' }),
    json({ op: 'remove', path: '/metadata/resourceVersion' }),
    json({ op: 'remove', path: '/metadata' }),
    json(),
    json('text'),
    json({ path: '/data/x', value: 'y' }),
    json({ op: 'add', value: 'y' }),
    json({ op: 'Add', path: '/data/up', value: 'y' }),
    json({ op: 'add', path: '/data/extra', value: 'y', comment: 'not of the standard' }),
    patch('json', one, 'null'),
    get(one),
  ),
  scenario(
    'patch-merge',
    post(maps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'one', labels: { a: 'b' } },
      data: { a: '1', b: '2' },
    }),
    patch('merge', one, { data: { a: null, c: '3' }, metadata: { labels: null } }),
    patch('merge', one, { data: { none: null } }),
    patch('merge', one, { metadata: { annotations: { a: null, b: 'c' } } }),
    patch('merge', one, { metadata: { labels: 'x' } }),
    patch('merge', one, []),
    patch('merge', one, 'null'),
    patch('merge', one, { metadata: { uid: '00000000-0000-0000-0000-000000000000' } }),
    patch('merge', one, { metadata: { resourceVersion: '1' } }),
    patch('merge', one, { metadata: { resourceVersion: 'x' } }),
    patch('merge', one, { metadata: { name: null } }),
    patch('merge', one, { metadata: { namespace: 'elsewhere' } }),
    patch('merge', one, { metadata: { namespace: null } }),
    patch('merge', one, { apiVersion: 'v2' }),
    patch('merge', one, { metadata: { managedFields: null } }),
    patch('merge', one, { metadata: { managedFields: [{}] } }),
    patch('merge', one, {
      metadata: {
        managedFields: [{ manager: 'x', operation: 'Dance', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} }],
      },
    }),
    patch('merge', one, { metadata: { creationTimestamp: null, generateName: 'x-', selfLink: '/x' } }),
    patch('merge', one, { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z', deletionGracePeriodSeconds: 5 } }),
    patch('merge', one, {
      metadata: {
        ownerReferences: [
          { apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'u', controller: true },
          { apiVersion: 'v1', kind: 'Pod', name: 'y', uid: 'w', controller: true },
        ],
      },
    }),
    patch('merge', one, { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Event', name: 'x', uid: 'u' }] } }),
    patch('merge', one, { metadata: { ownerReferences: [{ apiVersion: 'a/b/c', kind: 'Pod', name: 'x', uid: 'u' }] } }),
    patch('merge', one, {
      metadata: {
        ownerReferences: [
          { apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'u' },
          { apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'u' },
        ],
      },
    }),
    patch('merge', one, { metadata: { annotations: { big: 'x' } }, binaryData: { b: 'eA==' }, data: { b: 'y' } }),
    patch('merge', one, { binaryData: { x: 'not base64' } }),
    patch('merge', `${one}?fieldManager=${'m'.repeat(129)}`, {}),
    patch('merge', `${one}?fieldManager=mine&force=true`, {}),
    patch('merge', `${one}?dryRun=All`, { data: { dry: 'run' } }),
    patch('merge', `${one}?dryRun=All&dryRun=All`, { data: { dry: 'run' } }),
    patch('merge', `${one}?dryRun=`, { data: { dry: 'run' } }),
    get(one),
    put(one, { metadata: { name: 'one', managedFields: [] }, data: { put: 'yes' } }),
    get(`${one}?resourceVersion=x`),
    remove(one),
  ),
  scenario(
    'patch-strict',
    post(maps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' }, data: { a: '1' } }),
    ...['Strict', 'Warn', 'Ignore'].flatMap((level) => [
      strictly('merge', level, '{"data":{"a":"2","a":"3"}}'),
      strictly('merge', level, '{"data":{"b":"2"},"unknown":1,"metadata":{"nonsense":{"x":1}}}'),
      strictly('strategic', level, '{"data":{"a":"4","a":"5"}}'),
      strictly('strategic', level, '{"unknown":{"x":1}}'),
      strictly('json', level, '[{"op":"add","op":"add","path":"/data/d","value":"1"}]'),
      strictly('json', level, '[{"op":"add","path":"/data/e","value":"1","extra":true}]'),
      strictly('json', level, '[{"op":"add","path":"/unknown","value":{"x":1}}]'),
    ]),
    get(one),
  ),
];
