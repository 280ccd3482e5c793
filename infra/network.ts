// Where workers are: a VPC of the cluster's own, or the team's; and who may reach whom in it.
import { Fn } from 'aws-cdk-lib';
import {
  GatewayVpcEndpointAwsService,
  type IPeer,
  type ISecurityGroup,
  type IVpc,
  Port,
  SecurityGroup,
  type SubnetSelection,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import type { Properties } from './properties.ts';

/** The agent's port (the kubelet's in Kubernetes). */
const agentPort = 10250;
/** Ports that services have on every node (core/apiserver/allocation.ts). */
const nodePorts = [30_000, 32_767] as const;

/** A security group as the source of a rule that is written into the other group, so that no resource is needed for the rule. */
const membersOf = (group: ISecurityGroup): IPeer => ({
  canInlineRule: true,
  uniqueId: group.node.addr,
  connections: group.connections,
  toIngressRuleConfig: () => ({ sourceSecurityGroupId: group.securityGroupId }),
  toEgressRuleConfig: () => ({ destinationSecurityGroupId: group.securityGroupId }),
});

/**
 * Public subnets only: a worker reaches ECR, SSM and the API through the internet gateway, which costs nothing, where a NAT gateway
 * would cost 32 USD a month. Nothing is let in from the internet: the agent's port is open to the dialer, node ports to load balancers
 * that services ask for. DynamoDB and S3
 * (image layers) have gateway endpoints, which cost nothing either.
 */
export class Network extends Construct {
  readonly vpc: IVpc;
  readonly subnets: SubnetSelection;
  /** The dialer's group. */
  readonly dialer: SecurityGroup;
  /** Every load balancer that a service asks for is in it; it lets nobody in itself. */
  readonly loadBalancers: SecurityGroup;
  /** The groups of each worker. */
  readonly workers: SecurityGroup[];

  constructor(scope: Construct, id: string, properties: Properties) {
    super(scope, id);
    this.vpc = properties.vpc ? theirs(this, properties.vpc) : newVpc(this);
    this.subnets = { subnetType: SubnetType.PUBLIC };
    const { vpc } = this;
    this.dialer = new SecurityGroup(this, 'Dialer', {
      vpc,
      description: 'The function that calls agents',
      allowAllOutbound: true,
    });
    const worker = new SecurityGroup(this, 'Worker', {
      vpc,
      description: 'Workers: the port of the agent is open to the dialer',
      allowAllOutbound: true,
    });
    worker.addIngressRule(membersOf(this.dialer), Port.tcp(agentPort), 'The dialer calls the agent');
    this.loadBalancers = new SecurityGroup(this, 'LoadBalancers', {
      vpc,
      description: 'Load balancers that services ask for',
      allowAllOutbound: true,
    });
    for (const port of [Port.tcpRange(...nodePorts), Port.udpRange(...nodePorts)]) {
      worker.addIngressRule(membersOf(this.loadBalancers), port, 'Load balancers reach services at node ports');
    }
    // A group of its own: a rule of a group that names the same group would have to be a resource beside it.
    const pods = new SecurityGroup(this, 'Pods', {
      vpc,
      description: 'Pods of workers reach each other',
      allowAllOutbound: true,
    });
    pods.addIngressRule(membersOf(worker), Port.allTraffic(), 'From pod to pod across workers');
    this.workers = [worker, pods];
  }
}

const newVpc = (scope: Construct): Vpc =>
  new Vpc(scope, 'Vpc', {
    maxAzs: 2,
    natGateways: 0,
    // Would be a function of CDK's own; the default group is not used by anything here.
    restrictDefaultSecurityGroup: false,
    subnetConfiguration: [{ name: 'workers', subnetType: SubnetType.PUBLIC, cidrMask: 20, mapPublicIpOnLaunch: true }],
    gatewayEndpoints: {
      DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
      S3: { service: GatewayVpcEndpointAwsService.S3 },
    },
  });

/** By attributes: a look-up would need an account at synthesis. The zones' names are not used by anything. */
const theirs = (scope: Construct, { id, subnets }: { id: string; subnets: string[] }): IVpc =>
  Vpc.fromVpcAttributes(scope, 'Vpc', {
    vpcId: id,
    availabilityZones: subnets.map((_, index) => Fn.select(index, Fn.getAzs())),
    publicSubnetIds: subnets,
  });
