// What cdk-nag's AwsSolutions rules find that is as it should be, and why. stack.test.ts runs the rules: a finding that is not here fails.
import { type Stack, Validations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { functionNames } from './function-shapes.ts';
import type { Properties } from './properties.ts';

interface Acknowledged {
  /** Construct from the stack down. */
  path: string;
  rule: string;
  reason: string;
}

const stage = 'RestApi/Api/DeploymentStage.k8s';

function acknowledged({ name: cluster, tracing, customerKey }: Properties, region: string): Acknowledged[] {
  const arn = (service: string, rest: string): string =>
    `arn:<AWS::Partition>:${service}:${region}:<AWS::AccountId>:${rest}`;
  const anyResource = (path: string, reason: string): Acknowledged => ({
    path,
    rule: 'AwsSolutions-IAM5[Resource::*]',
    reason,
  });
  return [
    {
      path: 'Network/Vpc',
      rule: 'AwsSolutions-VPC7',
      reason:
        'Flow logs are priced by the gigabyte; who wants them adds them to the VPC or brings a VPC that has them.',
    },
    {
      path: 'Workers/Group',
      rule: 'AwsSolutions-AS3',
      reason:
        'What happens to workers is in events of the cluster; the size of the group is set by the cluster itself.',
    },
    {
      path: 'Workers/Group',
      rule: 'AwsSolutions-EC26',
      reason:
        'The rule cannot read groups of several instance types; a test checks that the launch template encrypts its volumes.',
    },
    anyResource(
      'Workers/Role/DefaultPolicy',
      'Session Manager and ecr:GetAuthorizationToken cannot be granted by resource; none of it reads data of others.',
    ),
    {
      path: 'Workers/Role/DefaultPolicy',
      rule: `AwsSolutions-IAM5[Resource::${arn('ecr', `repository/slipway/${cluster}/*`)}]`,
      reason: 'Workers pull from every repository of this cluster, also from those that are made later.',
    },
    ...['scheduler', 'controllers'].map((name) =>
      anyResource(
        `Functions/${name}/Role/DefaultPolicy`,
        'dynamodb:ListStreams, which Lambda wants for a stream mapping, cannot be granted by resource.',
      ),
    ),
    anyResource(
      'Functions/workers/Role/DefaultPolicy',
      'autoscaling:DescribeAutoScalingGroups, ec2:DescribeInstances and ec2:DescribeInstanceTypes cannot be granted by resource.',
    ),
    {
      path: 'Functions/workers/Role/DefaultPolicy',
      rule: `AwsSolutions-IAM5[Resource::${arn('autoscaling', 'autoScalingGroup:*:autoScalingGroupName/<WorkersGroupASG4E50A46C>')}]`,
      reason: 'The ARN of a group has an id that only AWS knows, before the name that is given in full.',
    },
    anyResource('Functions/load-balancers/Role/DefaultPolicy', 'Descriptions cannot be granted by resource.'),
    ...[
      ['elasticloadbalancing', 'loadbalancer/net/k8s-*/*'],
      ['elasticloadbalancing', 'targetgroup/k8s-*/*'],
      ['elasticloadbalancing', 'listener/net/k8s-*/*/*'],
      ['ec2', 'security-group/*'],
    ].map(([service = '', rest = '']) => ({
      path: 'Functions/load-balancers/Role/DefaultPolicy',
      rule: `AwsSolutions-IAM5[Resource::${arn(service, rest)}]`,
      reason: "AWS gives the ids; each statement asks for the cluster's tag.",
    })),
    ...functionNames
      .filter(() => tracing)
      .map((name) =>
        anyResource(`Functions/${name}/Role/DefaultPolicy`, 'X-Ray takes traces without naming a resource.'),
      ),
    ...functionNames
      .filter(() => customerKey)
      .map((name) => ({
        path: `Functions/${name}/Role/DefaultPolicy`,
        rule: `AwsSolutions-IAM5[Resource::${arn('kms', 'key/*')}]`,
        reason: "Only through Parameter Store, and only this cluster's parameters: the statement's conditions say so.",
      })),
    ...functionNames.map((name) => ({
      path: `Functions/${name}/Role/DefaultPolicy`,
      rule: `AwsSolutions-IAM5[Resource::${arn('ssm', `parameter/slipway/${cluster}/*`)}]`,
      reason: 'The parameters of this cluster.',
    })),
    {
      path: 'Functions/dialer/Role',
      rule: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole]',
      reason: "AWS' own policy is the documented way for a function to make its network interfaces.",
    },
    {
      path: 'RestApi/Api',
      rule: 'AwsSolutions-APIG2',
      reason: 'The API server validates requests, with answers that Kubernetes clients understand.',
    },
    {
      path: stage,
      rule: 'AwsSolutions-APIG1',
      reason:
        "Logs of API Gateway need a role that belongs to the whole account, not to a stack; the API's function logs.",
    },
    { path: stage, rule: 'AwsSolutions-APIG6', reason: 'As for access logs.' },
    { path: stage, rule: 'AwsSolutions-APIG3', reason: 'WAF costs 5 USD a month and more; it is left to the user.' },
    ...['Default/ANY', 'Default/{proxy+}/ANY'].flatMap((method) => [
      {
        path: `RestApi/Api/${method}`,
        rule: 'AwsSolutions-APIG4',
        reason: 'The API server authenticates: an IAM identity or a service account in the bearer token.',
      },
      { path: `RestApi/Api/${method}`, rule: 'AwsSolutions-COG4', reason: 'As for APIG4.' },
    ]),
  ];
}

/** Only on constructs that are there: a VPC of the team's own is not in the stack. */
export function acknowledge(stack: Stack, properties: Properties): void {
  for (const { path, rule, reason } of acknowledged(properties, properties.region ?? '<AWS::Region>')) {
    const construct = find(stack, path);
    if (construct) Validations.of(construct).acknowledge({ id: rule, reason });
  }
}

function find(from: Construct, path: string): Construct | undefined {
  let construct: Construct | undefined = from;
  for (const id of path.split('/')) construct = construct?.node.tryFindChild(id) as Construct | undefined;
  return construct;
}
