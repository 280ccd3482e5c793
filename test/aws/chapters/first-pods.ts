// An image of the team's own is pushed; what needs it gets a worker, which pulls it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../e2e/cluster.ts';
import { region } from '../../emulator/emulator.ts';
import { registryHost } from '../../emulator/front.ts';
import { desiredCapacity } from '../../emulator/requests.ts';
import { skipFor, type Tale } from '../tale.ts';

export function ofFirstPods(tale: Tale): void {
  test('an image is built and pushed into the repository that the stack made', skipFor(tale.noImages), async () => {
    await tale.openRegistry();
    await tale.person.follow('npx slipway image build');
    const said = await tale.person.follow('npx slipway image push');
    assert.match(said, new RegExp(`pushed ${registryHost}/${repository(tale)}:1`));
    assert.doesNotMatch(said, /made the repository/);
  });

  test('a deployment is applied, whose pods wait for a worker', async () => {
    tale.writeFiles();
    await tale.person.follow('kubectl apply');
    await eventually('the pod says why it waits', async () =>
      /no nodes available/i.test(await tale.cluster.kubectlOk('get', 'pods', '-l', 'app=web', '-o', conditions)),
    );
  });

  const needsGroups = skipFor(tale.story.scales ? undefined : 'it has no Auto Scaling groups');
  test('a worker is wanted for them', needsGroups, async () => {
    const group = tale.cluster.resource('WorkersGroup');
    const wanted = (): Promise<number> => desiredCapacity(tale.emulator.endpoint, region, group);
    await eventually('the group is to have an instance', async () => (await wanted()) === 1);
  });

  test('an instance becomes a node, under its own name', tale.needsWorker, async () => {
    const { cluster } = tale;
    tale.instance = await cluster.startInstance();
    const { id } = tale.instance;
    await cluster.untilReady(id);
    await cluster.importSample(tale.instance);
    const provider = await cluster.kubectlOk('get', 'node', id, '-o', 'jsonpath={.spec.providerID}');
    assert.equal(provider, `aws:///${region}a/${id}`);
  });

  test('its pods run there, and their log is read', tale.needsWorker, async () => {
    await tale.person.follow('kubectl rollout status');
    const greeting = tale.reader.pushes ? /^Ahoy/m : /^sample: pod web-/m;
    await tale.person.follow('kubectl logs -f', { until: (seen) => greeting.test(seen) });
  });

  test('what the worker and its pods use is asked of it', tale.needsWorker, async () => {
    const { cluster, instance } = tale;
    const top = (...words: string[]) => cluster.kubectl(['top', ...words, '--no-headers']);
    await eventually('the node’s figures', async () =>
      nodeUsage(instance.id).test((await top('node', instance.id)).stdout),
    );
    await eventually('a pod’s figures', async () => podUsage.test((await top('pod', '-l', 'app=web')).stdout));
  });

  test('the pods say which image they run, by its digest', skipFor(tale.noImages), async () => {
    const image = await tale.cluster.kubectlOk('get', 'pods', '-l', 'app=web', '-o', imageIds);
    const { imageDetails } = await tale.cluster.aws<{ imageDetails: { imageDigest: string; imageTags: string[] }[] }>(
      'AmazonEC2ContainerRegistry_V20150921.DescribeImages',
      { repositoryName: repository(tale) },
    );
    const [pushed] = imageDetails.filter(({ imageTags }) => imageTags.includes('1'));
    assert.equal(image, `${registryHost}/${repository(tale)}@${pushed?.imageDigest}`);
  });

  test('a pod on a worker finds services by their names', tale.needsWorker, async () => {
    const { cluster } = tale;
    const name = 'kubernetes.default.svc.cluster.local';
    const asks = ['--image=slipway/sample:1', '--restart=Never', '--command', '--', 'nslookup', name];
    await cluster.kubectlOk('run', 'asks', ...asks);
    await cluster.kubectlOk('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/asks', '--timeout=300s');
    const said = await cluster.kubectlOk('logs', 'asks');
    assert.match(said, /^Server:\s+10\.96\.0\.10$/m);
    assert.match(said, /^Address: 10\.96\.0\.1$/m);
    await cluster.kubectlOk('delete', 'pod', 'asks');
  });
}

const nodeUsage = (name: string) => new RegExp(String.raw`^${name} +\d+m +\d+% +\d+Mi +\d+%`);
const podUsage = /^web-\S+ +\d+m +\d+Mi/;
const conditions = 'jsonpath={.items[*].status.conditions[?(@.type=="PodScheduled")].message}';
const imageIds = 'jsonpath={.items[*].status.containerStatuses[*].imageID}';
const repository = ({ stack }: Tale): string => `slipway/${stack}/app`;
