// The template of the stack: pinned whole, checked by AWS' own rules, and walked for what costs by the hour and for wide permissions.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { environment } from '../aws/names.ts';
import type { Status } from '../core/api/types.gen.ts';
import { assertGolden } from '../test/golden-file.ts';
import type { FunctionFolders } from './bundles.ts';
import { pricedByTheHour, type Resource, type Resources, type Statement, wideStatements } from './fixture/rules.ts';
import { functionNames } from './function-shapes.ts';
import { readProperties } from './properties.ts';
import { SlipwayStack } from './stack.ts';

const out = mkdtempSync(join(tmpdir(), 'slipway-synth-'));
after(() => rmSync(out, { recursive: true, force: true }));

interface Finding {
  rule: string;
  paths: string[];
}

const { context } = JSON.parse(readFileSync(new URL('../cdk.json', import.meta.url), 'utf8')) as {
  context: Record<string, unknown>;
};

/** The template of the app as `npx cdk deploy -c KEY=VALUE ...` has it, and what the rules of AwsSolutions find. Bundles are empty. */
function synthesise(name: string, given: Record<string, unknown>): { resources: Resources; findings: Finding[] } {
  const folder = join(out, name);
  const bundle = join(out, 'slipway-worker.cjs');
  writeFileSync(bundle, '');
  const code = join(out, 'function');
  mkdirSync(code, { recursive: true });
  writeFileSync(join(code, 'index.mjs'), '');
  const folders = Object.fromEntries(functionNames.map((function_) => [function_, code])) as FunctionFolders;
  const app = new App({
    outdir: folder,
    analyticsReporting: false,
    context,
  });
  const properties = readProperties((key) => given[key]);
  new SlipwayStack(app, {
    properties,
    bundle: { file: bundle, version: '0.0.0-test', sha256: '0'.repeat(64) },
    folders,
  });
  const checks = new AwsSolutionsChecks(app);
  Validations.of(app).addPlugins(checks);
  const exitCode = process.exitCode;
  const findings: Finding[] = [];
  try {
    app.synth();
  } catch (error) {
    if (!/Validation failed/.test(String(error))) throw error;
    const report = JSON.parse(readFileSync(join(folder, 'validation-report.json'), 'utf8')) as {
      pluginReports: { violations: { ruleName: string; violatingConstructs: { constructPath: string }[] }[] }[];
    };
    for (const { ruleName, violatingConstructs } of report.pluginReports.flatMap((plugin) => plugin.violations)) {
      findings.push({ rule: ruleName, paths: violatingConstructs.map((construct) => construct.constructPath) });
    }
    process.exitCode = exitCode;
  }
  const file = join(folder, `${properties.name}.template.json`);
  const { Resources: resources } = JSON.parse(readFileSync(file, 'utf8')) as { Resources: Resources };
  return { resources, findings };
}

const usual = synthesise('usual', {});
const everything = synthesise('everything', {
  stack: 'prod',
  region: 'eu-central-1',
  architecture: 'x86_64',
  instanceTypes: ['m7i.large', 'm6i.large'],
  vpc: 'vpc-0123456789abcdef0',
  subnets: 'subnet-a,subnet-b,subnet-c',
  allowedAddresses: '198.51.100.0/24',
  adminRole: 'arn:aws:iam::123456789012:role/admin',
  responses: 'buffer',
  removal: 'destroy',
  customerKey: 'true',
  alarmTopic: 'arn:aws:sns:eu-central-1:123456789012:ops',
  tracing: 'true',
  meter: 'true',
  workerLabels: 'team=shop,example.com/disk=ssd',
  workerTaints: 'dedicated=batch:NoSchedule',
  staticPodPath: '/etc/kubernetes/manifests',
});
const templates = { usual, everything };

/** Hashes of assets, and of what is in a deployment of API Gateway, change with every line of code: they are symbolic. */
function symbolic(value: unknown): unknown {
  const text = JSON.stringify(value)
    .replace(/\b[0-9a-f]{64}\b/g, 'ASSET')
    .replace(/(ApiDeployment[0-9A-F]{8})[0-9a-f]{32}/g, '$1HASH')
    .replace(/CurrentVersion[0-9A-F]{8}[0-9a-f]{32}/g, 'CurrentVersionHASH');
  return JSON.parse(text);
}

for (const [name, { resources, findings }] of Object.entries(templates)) {
  test(`the template of "${name}" is as recorded`, () => {
    assertGolden(`infra/${name}`, symbolic(resources));
  });

  test(`AWS' own rules find nothing in "${name}" that has no reason`, () => {
    assert.deepEqual(findings, []);
  });

  test(`nothing in "${name}" costs by the hour while no worker runs`, () => {
    assert.deepEqual(pricedByTheHour(resources), []);
  });

  test(`no statement of "${name}" allows every action, or everything`, () => {
    assert.deepEqual(wideStatements(resources), []);
  });
}

test('the rules see what they should: a template with a NAT gateway, an interface endpoint and a wide policy', () => {
  const bad: Resources = {
    Nat: { Type: 'AWS::EC2::NatGateway', Properties: {} },
    Endpoint: { Type: 'AWS::EC2::VPCEndpoint', Properties: { VpcEndpointType: 'Interface' } },
    Table: { Type: 'AWS::DynamoDB::Table', Properties: { BillingMode: 'PROVISIONED' } },
    Group: { Type: 'AWS::AutoScaling::AutoScalingGroup', Properties: { MinSize: '1' } },
    Policy: {
      Type: 'AWS::IAM::Policy',
      Properties: { PolicyDocument: { Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] } },
    },
  };
  assert.equal(pricedByTheHour(bad).length, 4);
  assert.equal(wideStatements(bad).length, 2);
});

const ofType = (resources: Resources, type: string): Resource[] =>
  Object.values(resources).filter((resource) => resource.Type === type);

test('only the dialer may call agents, and nothing is open to the internet', () => {
  const groups = ofType(usual.resources, 'AWS::EC2::SecurityGroup');
  const rules = groups.flatMap(
    (group) => (group.Properties['SecurityGroupIngress'] ?? []) as Record<string, unknown>[],
  );
  assert.equal(rules.length, 4);
  for (const rule of rules) {
    assert.ok(rule['SourceSecurityGroupId']);
    assert.equal(rule['CidrIp'] ?? rule['CidrIpv6'], undefined);
  }
  assert.deepEqual(
    rules.filter((rule) => rule['IpProtocol'] === 'tcp').map((rule) => [rule['FromPort'], rule['ToPort']]),
    [
      [10250, 10250],
      [30000, 32767],
    ],
  );
  assert.deepEqual(ofType(usual.resources, 'AWS::EC2::SecurityGroupIngress'), []);
});

test('workers: only the second version of the metadata service, one hop, encrypted disks', () => {
  for (const { resources } of Object.values(templates)) {
    const [template] = ofType(resources, 'AWS::EC2::LaunchTemplate');
    const data = template!.Properties['LaunchTemplateData'] as {
      MetadataOptions: object;
      BlockDeviceMappings: { Ebs: { Encrypted: boolean } }[];
    };
    assert.deepEqual(data.MetadataOptions, { HttpTokens: 'required', HttpPutResponseHopLimit: 1 });
    assert.ok(data.BlockDeviceMappings.every((mapping) => mapping.Ebs.Encrypted));
  }
});

test("a worker's role reads no keys: only parameters by their names", () => {
  const policies = Object.entries(usual.resources).filter(([id]) => id.startsWith('WorkersRoleDefaultPolicy'));
  assert.equal(policies.length, 1);
  const text = JSON.stringify(policies);
  assert.match(text, /parameter\/slipway\/slipway\/api-url/);
  assert.doesNotMatch(text, /parameter\/slipway\/slipway\/\*|keys/);
  assert.doesNotMatch(JSON.stringify(usual.resources), /AmazonSSMManagedInstanceCore/);
});

test('what wakes itself by a queue may do so for ever, and nothing else may', () => {
  const { resources } = usual;
  const logical = (value: unknown): string =>
    (value as { 'Fn::GetAtt'?: string[]; Ref?: string })['Fn::GetAtt']?.[0] ?? '';
  const fromQueues = ofType(resources, 'AWS::Lambda::EventSourceMapping')
    .filter(({ Properties: { EventSourceArn } }) => resources[logical(EventSourceArn)]?.Type === 'AWS::SQS::Queue')
    .map(({ Properties: { FunctionName } }) => (FunctionName as { Ref: string }).Ref);
  const mayLoop = Object.entries(resources)
    .filter(
      ([
        ,
        {
          Type,
          Properties: { RecursiveLoop },
        },
      ]) => Type === 'AWS::Lambda::Function' && RecursiveLoop === 'Allow',
    )
    .map(([id]) => id);
  assert.equal(fromQueues.length, 1);
  assert.deepEqual(mayLoop, fromQueues);
});

test('a mapping misses nothing while it begins, and takes back what a function could not do', () => {
  for (const { Properties: mapping } of ofType(usual.resources, 'AWS::Lambda::EventSourceMapping')) {
    assert.deepEqual(mapping['FunctionResponseTypes'], ['ReportBatchItemFailures']);
    if ('ParallelizationFactor' in mapping) assert.equal(mapping['StartingPosition'], 'TRIM_HORIZON');
  }
});

test('what API Gateway answers itself is a Status, and says when to try again only for what was not let in', () => {
  const answers = ofType(usual.resources, 'AWS::ApiGateway::GatewayResponse').map(({ Properties: answer }) => {
    const { 'application/json': text = '' } = answer['ResponseTemplates'] as Record<string, string>;
    const { kind, code, details } = JSON.parse(text) as Status;
    assert.doesNotMatch(text, /[$#]/, 'a template would read it as its own');
    assert.deepEqual([kind, String(code)], ['Status', answer['StatusCode']]);
    const headers = answer['ResponseParameters'] as Record<string, string> | undefined;
    return [code, details?.retryAfterSeconds, headers?.['gatewayresponse.header.Retry-After']];
  });
  assert.deepEqual(
    answers.filter(([code]) => code === 429),
    [[429, 1, "'1'"]],
  );
  assert.ok(answers.length > 1 && answers.every(([code, ...again]) => code === 429 || again.every((one) => !one)));
});

test('a setup that cannot begin fails the deployment within minutes', () => {
  const [setup] = ofType(usual.resources, 'Custom::SlipwaySetup');
  assert.equal(setup!.Properties['ServiceTimeout'], '300');
});

test('setup runs again when its own code changed, and each month, before the certificate towards agents ends', () => {
  const [setup] = ofType(usual.resources, 'Custom::SlipwaySetup');
  assert.match(String(setup!.Properties['Code']), /^[0-9a-f]{64}$/);
  const monthly = ofType(usual.resources, 'AWS::Events::Rule').filter(
    ({ Properties: { ScheduleExpression } }) => ScheduleExpression === 'rate(30 days)',
  );
  const [{ Arn, Input }] = monthly[0]!.Properties['Targets'] as [{ Arn: { 'Fn::GetAtt': [string] }; Input: string }];
  assert.match(Arn['Fn::GetAtt'][0], /^Functionssetup/);
  assert.deepEqual(JSON.parse(Input), { RequestType: 'Update' });
});

test("secrets under a key that is no longer the stack's are read through Parameter Store only, and only the cluster's own", () => {
  const statements = ofType(everything.resources, 'AWS::IAM::Policy').flatMap(
    ({ Properties: { PolicyDocument } }) => (PolicyDocument as { Statement: Statement[] }).Statement,
  );
  const anyKey = statements.filter(({ Resource }) => JSON.stringify(Resource).includes(':key/*'));
  assert.ok(anyKey.length > 0);
  for (const { Action, Condition } of anyKey) {
    assert.equal(Action, 'kms:Decrypt');
    assert.match(
      JSON.stringify(Condition),
      /kms:ViaService.*ssm\.eu-central-1.*PARAMETER_ARN.*parameter\/slipway\/prod\/\*/,
    );
  }
  assert.doesNotMatch(JSON.stringify(usual.resources), /key\/\*/);
});

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-permissions.html */
const askedInCallersName = [
  'ec2:DescribeAccountAttributes',
  'ec2:DescribeAddresses',
  'ec2:DescribeInstances',
  'ec2:DescribeInternetGateways',
  'ec2:DescribeSecurityGroups',
  'ec2:DescribeSubnets',
  'ec2:DescribeVpcs',
  'iam:CreateServiceLinkedRole',
];

test('who makes load balancers has the rights that Elastic Load Balancing uses in its name', () => {
  const [policy] = Object.entries(usual.resources)
    .filter(([id]) => id.startsWith('FunctionsloadbalancersRoleDefaultPolicy'))
    .map(([, { Properties: properties }]) => properties['PolicyDocument'] as { Statement: Statement[] });
  const allowed = new Set(policy!.Statement.flatMap(({ Action }) => Action));
  assert.deepEqual(
    askedInCallersName.filter((action) => !allowed.has(action)),
    [],
  );
});

test('the meter is in every function that runs day by day, if it is asked for', () => {
  const metered = (resources: Resources): string[] =>
    Object.entries(resources)
      .filter(([, { Type, Properties: properties }]) => {
        const { Variables = {} } = (properties['Environment'] ?? {}) as { Variables?: Record<string, unknown> };
        return Type === 'AWS::Lambda::Function' && environment.meter in Variables;
      })
      .map(([id]) => /^Functions(.+)Function[0-9A-F]{8}$/.exec(id)?.[1] ?? id)
      .sort();
  assert.deepEqual(metered(usual.resources), []);
  const names = functionNames.filter((name) => name !== 'setup').map((name) => name.replaceAll('-', ''));
  assert.deepEqual(metered(everything.resources), names.sort());
});

test('what is kept after the stack is gone is what was chosen', () => {
  const kept = (resources: Record<string, Resource & { DeletionPolicy?: string }>): string[] =>
    Object.values(resources)
      .filter((resource) => resource.DeletionPolicy !== undefined && resource.DeletionPolicy !== 'Delete')
      .map((resource) => `${resource.Type} ${resource.DeletionPolicy}`)
      .sort();
  assert.deepEqual(kept(usual.resources), [
    'AWS::DynamoDB::Table Retain',
    'AWS::DynamoDB::Table Retain',
    // A repository has a fixed name: one that a failed first deployment left behind would stand in the way of the next.
    'AWS::ECR::Repository RetainExceptOnCreate',
  ]);
  assert.deepEqual(kept(everything.resources), []);
});
