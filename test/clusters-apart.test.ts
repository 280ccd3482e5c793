// Several clusters in one account are a matter of the stack's name: what a template names itself, and what a role may reach by a name,
// carries that name. Read from the recorded templates of two stacks, which infra/stack.test.ts holds to the app.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parametersPrefix, repositoryPrefix } from '../aws/names.ts';

type Resources = Record<string, { Type: string; Properties?: Record<string, unknown> }>;

const templateOf = (name: string): Resources =>
  JSON.parse(readFileSync(new URL(`golden/infra/${name}.json`, import.meta.url), 'utf8')) as Resources;
const stacks = { slipway: templateOf('usual'), prod: templateOf('everything') };

/** Properties in which CloudFormation takes a resource's own name, where it would otherwise make one up from the stack's. */
const naming: Readonly<Record<string, readonly string[]>> = {
  'AWS::ApiGateway::RestApi': ['Name'],
  'AWS::AutoScaling::AutoScalingGroup': ['AutoScalingGroupName'],
  'AWS::CloudWatch::Alarm': ['AlarmName'],
  'AWS::DynamoDB::Table': ['TableName'],
  'AWS::EC2::LaunchTemplate': ['LaunchTemplateName'],
  'AWS::EC2::SecurityGroup': ['GroupName'],
  'AWS::ECR::Repository': ['RepositoryName'],
  'AWS::Events::Rule': ['Name'],
  'AWS::IAM::InstanceProfile': ['InstanceProfileName'],
  'AWS::IAM::Role': ['RoleName'],
  'AWS::KMS::Alias': ['AliasName'],
  'AWS::Lambda::Function': ['FunctionName'],
  'AWS::Logs::LogGroup': ['LogGroupName'],
  'AWS::SQS::Queue': ['QueueName'],
  'AWS::SSM::Parameter': ['Name'],
};

/** A value of a template as one text: what is known at deployment only stands for nothing of this stack's name. */
const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value).replaceAll(/\{"(Ref|Fn::GetAtt)":[^}]*\}/g, '*');

function namesOf(resources: Resources): string[] {
  return Object.values(resources).flatMap(({ Type, Properties = {} }) =>
    (naming[Type] ?? []).flatMap((property) => {
      const given = Properties[property];
      return given === undefined ? [] : [`${Type} ${textOf(given)}`];
    }),
  );
}

test('what a stack names itself carries its name, and two stacks share no name', () => {
  const all = Object.entries(stacks).map(([stack, resources]) => {
    const names = namesOf(resources);
    assert.ok(names.length >= 5, names.join('\n'));
    for (const name of names) assert.match(name, new RegExp(`[ /]${stack}(/|$)`), `no name of one cluster: ${name}`);
    return names;
  });
  assert.deepEqual(
    all[0]!.filter((name) => all[1]!.includes(name)),
    [],
  );
});

test('of parameters and repositories, which are known by their names, each stack reaches its own', () => {
  for (const [stack, resources] of Object.entries(stacks)) {
    const text = JSON.stringify(resources);
    const reached = [...text.matchAll(/:(parameter|repository)\/([^"]*)"/g)].map(([, , path = '']) => `${path}/`);
    assert.ok(reached.length > 2);
    const own = [parametersPrefix(stack).slice(1), repositoryPrefix(stack).replace(/\/$/, '')];
    for (const path of reached)
      assert.ok(
        own.some((prefix) => path.startsWith(`${prefix}/`)),
        path,
      );
  }
});
