// What the function of load balancers may do: make what carries the cluster's tag, and change or end only that.
// After AWS' own policy for clusters: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEKSLoadBalancingPolicy.html
import { Stack } from 'aws-cdk-lib';
import { environment } from '../aws/names.ts';
import type { HouseFunction } from './function.ts';
import type { Network } from './network.ts';
import type { Properties } from './properties.ts';

/**
 * Descriptions cannot be granted by resource; those of EC2 are what making a load balancer, and giving it targets, asks for in its caller's
 * name. https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-permissions.html
 */
const descriptions = [
  'ec2:DescribeAccountAttributes',
  'ec2:DescribeAddresses',
  'ec2:DescribeInstances',
  'ec2:DescribeInternetGateways',
  'ec2:DescribeSecurityGroups',
  'ec2:DescribeSubnets',
  'ec2:DescribeVpcs',
  'elasticloadbalancing:DescribeListeners',
  'elasticloadbalancing:DescribeLoadBalancers',
  'elasticloadbalancing:DescribeTargetGroups',
  'elasticloadbalancing:DescribeTargetHealth',
];

export function balance(house: HouseFunction, network: Network, { name }: Properties): void {
  house.set(environment.loadBalancerVpc, network.vpc.vpcId);
  house.set(environment.loadBalancerSubnets, network.vpc.selectSubnets(network.subnets).subnetIds.join(','));
  house.set(environment.loadBalancerGroup, network.loadBalancers.securityGroupId);

  const stack = Stack.of(house);
  const elb = (...kinds: string[]): string[] =>
    kinds.map((kind) =>
      stack.formatArn({ service: 'elasticloadbalancing', resource: kind, resourceName: `${names[kind]}` }),
    );
  const groups = [stack.formatArn({ service: 'ec2', resource: 'security-group', resourceName: '*' })];
  const made = { StringEquals: { 'aws:RequestTag/slipway/cluster': name } };
  const own = { StringEquals: { 'aws:ResourceTag/slipway/cluster': name } };

  house.allow(descriptions, ['*']);
  house.allow(
    [
      'elasticloadbalancing:CreateListener',
      'elasticloadbalancing:CreateLoadBalancer',
      'elasticloadbalancing:CreateTargetGroup',
    ],
    elb('loadbalancer', 'targetgroup'),
    made,
  );
  house.allow(['elasticloadbalancing:AddTags'], elb('loadbalancer', 'targetgroup', 'listener'), {
    StringEquals: {
      ...made.StringEquals,
      'elasticloadbalancing:CreateAction': ['CreateListener', 'CreateLoadBalancer', 'CreateTargetGroup'],
    },
  });
  house.allow(
    [
      'elasticloadbalancing:DeleteListener',
      'elasticloadbalancing:DeleteLoadBalancer',
      'elasticloadbalancing:DeleteTargetGroup',
      'elasticloadbalancing:DeregisterTargets',
      'elasticloadbalancing:ModifyListener',
      'elasticloadbalancing:RegisterTargets',
    ],
    elb('loadbalancer', 'targetgroup', 'listener'),
    own,
  );
  house.allow(['ec2:CreateSecurityGroup'], groups, made);
  house.allow(
    ['ec2:CreateSecurityGroup', 'ec2:GetSecurityGroupsForVpc'],
    [stack.formatArn({ service: 'ec2', resource: 'vpc', resourceName: network.vpc.vpcId })],
  );
  house.allow(['ec2:CreateTags'], groups, {
    StringEquals: { ...made.StringEquals, 'ec2:CreateAction': 'CreateSecurityGroup' },
  });
  house.allow(
    ['ec2:AuthorizeSecurityGroupIngress', 'ec2:DeleteSecurityGroup', 'ec2:RevokeSecurityGroupIngress'],
    groups,
    own,
  );
  // The first load balancer of an account makes the role that AWS runs them with.
  house.allow(
    ['iam:CreateServiceLinkedRole'],
    [
      stack.formatArn({
        service: 'iam',
        region: '',
        resource: 'role',
        resourceName: 'aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing',
      }),
    ],
    { StringEquals: { 'iam:AWSServiceName': 'elasticloadbalancing.amazonaws.com' } },
  );
}

/** Names as core/controllers/load-balancers-aws/wanted.ts makes them; the ends are ids of AWS. */
const names: Record<string, string> = {
  loadbalancer: 'net/k8s-*/*',
  targetgroup: 'k8s-*/*',
  listener: 'net/k8s-*/*/*',
};
