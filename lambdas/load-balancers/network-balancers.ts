// Network Load Balancers in AWS: how a service's stands, and each way in which it is changed. Names hold the service's uid, so what
// has the name is the service's; tags say whose it is to IAM (infra/load-balancers.ts) and to people.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html

import { AwsError, numbered, type Query } from '../../aws/query-api/client.ts';
import { elementsAt, textAt, type XmlElement } from '../../aws/query-api/xml.ts';
import type { BalancerAction, StandingBalancer } from '../../core/controllers/load-balancers-aws/decide.ts';
import type { Opening } from '../../core/controllers/load-balancers-aws/wanted.ts';

export interface BalancerPlace {
  /** Of the cluster: value of the tag `slipway/cluster`. */
  cluster: string;
  vpc: string;
  /** One in each zone. */
  subnets: readonly string[];
  /** Security group that every load balancer is in: workers let it in at their node ports. */
  group: string;
}

export interface NetworkBalancers {
  /** What stands of the load balancer with this name. Rejects with an AwsError. */
  look(name: string): Promise<StandingBalancer>;
  /** `service`: NAMESPACE/NAME, for the tags. What another run did already is no error. Rejects with an AwsError. */
  act(action: BalancerAction, service: string): Promise<void>;
}

/** In use by what AWS is still taking down: it works a little later. */
export const isStillInUse = (error: unknown): boolean =>
  error instanceof AwsError && ['DependencyViolation', 'ResourceInUse'].includes(error.code);

const takesAway = /^(delete|deregister|close)/;

/** Another run was faster. Most creations are idempotent in Elastic Load Balancing; in EC2 the second one is told. */
const isDone = (action: BalancerAction, error: unknown): boolean =>
  error instanceof AwsError && (takesAway.test(action.do) ? /NotFound$/ : /^Duplicate|\.Duplicate$/).test(error.code);

export function networkBalancers(query: Query, place: BalancerPlace): NetworkBalancers {
  return {
    async look(name) {
      const [balancer, targetGroups, group] = await Promise.all([
        balancerNamed(query, name),
        targetGroupsOf(query, name),
        groupNamed(query, name, place.vpc),
      ]);
      const listeners = balancer ? await listenersOf(query, balancer.arn) : [];
      return { ...(balancer ? { balancer } : {}), listeners, targetGroups, ...(group ? { group } : {}) };
    },
    async act(action, service) {
      try {
        await perform(query, place, action, service);
      } catch (error) {
        if (!isDone(action, error)) throw error;
      }
    },
  };
}

async function balancerNamed(query: Query, name: string): Promise<StandingBalancer['balancer']> {
  const answer = await query('elasticloadbalancing', 'DescribeLoadBalancers', { 'Names.member.1': name }).catch(
    (error: unknown) =>
      error instanceof AwsError && error.code === 'LoadBalancerNotFound' ? undefined : Promise.reject(error),
  );
  const [found] = answer ? elementsAt(answer, 'DescribeLoadBalancersResult', 'LoadBalancers', 'member') : [];
  if (!found) return undefined;
  const scheme = textAt(found, 'Scheme') === 'internet-facing' ? 'internet-facing' : 'internal';
  return { arn: textAt(found, 'LoadBalancerArn'), hostname: textAt(found, 'DNSName'), scheme };
}

async function listenersOf(query: Query, balancer: string): Promise<StandingBalancer['listeners']> {
  // 50 at most, and a page has 400.
  const answer = await query('elasticloadbalancing', 'DescribeListeners', { LoadBalancerArn: balancer });
  return elementsAt(answer, 'DescribeListenersResult', 'Listeners', 'member').map((listener) => ({
    arn: textAt(listener, 'ListenerArn'),
    protocol: textAt(listener, 'Protocol'),
    port: Number(textAt(listener, 'Port')),
    targetGroup: textAt(listener, 'DefaultActions', 'member', 'TargetGroupArn'),
  }));
}

/** Also those that are bound to no load balancer (yet): all of the region are read, by the page. */
async function targetGroupsOf(query: Query, balancer: string): Promise<StandingBalancer['targetGroups']> {
  const found: XmlElement[] = [];
  let marker = '';
  do {
    const page = { PageSize: '400', ...(marker ? { Marker: marker } : {}) };
    const answer = await query('elasticloadbalancing', 'DescribeTargetGroups', page);
    found.push(...elementsAt(answer, 'DescribeTargetGroupsResult', 'TargetGroups', 'member'));
    marker = textAt(answer, 'DescribeTargetGroupsResult', 'NextMarker');
  } while (marker);
  const own = found.filter((group) => textAt(group, 'TargetGroupName').startsWith(`${balancer}-`));
  return await Promise.all(
    own.map(async (group) => {
      const arn = textAt(group, 'TargetGroupArn');
      const answer = await query('elasticloadbalancing', 'DescribeTargetHealth', { TargetGroupArn: arn });
      const path = ['DescribeTargetHealthResult', 'TargetHealthDescriptions', 'member'];
      const instances = elementsAt(answer, ...path)
        .filter((target) => textAt(target, 'TargetHealth', 'State') !== 'draining')
        .map((target) => textAt(target, 'Target', 'Id'));
      return { arn, name: textAt(group, 'TargetGroupName'), instances };
    }),
  );
}

async function groupNamed(query: Query, name: string, vpc: string): Promise<StandingBalancer['group']> {
  const filters = { 'group-name': name, 'vpc-id': vpc };
  const parameters = numbered(
    'Filter',
    Object.entries(filters).map(([Name, value]) => ({ Name, 'Value.1': value })),
  );
  const answer = await query('ec2', 'DescribeSecurityGroups', parameters);
  const [group] = elementsAt(answer, 'securityGroupInfo', 'item');
  if (!group) return undefined;
  const openings = elementsAt(group, 'ipPermissions', 'item').flatMap((permission) =>
    elementsAt(permission, 'ipRanges', 'item').map(
      (range): Opening => ({
        protocol: textAt(permission, 'ipProtocol') === 'udp' ? 'UDP' : 'TCP',
        port: Number(textAt(permission, 'fromPort')),
        cidr: textAt(range, 'cidrIp'),
      }),
    ),
  );
  return { id: textAt(group, 'groupId'), openings };
}

const permissions = (openings: readonly Opening[]): Record<string, string> =>
  numbered(
    'IpPermissions',
    openings.map(({ protocol, port, cidr }) => ({
      IpProtocol: protocol.toLowerCase(),
      FromPort: String(port),
      ToPort: String(port),
      'IpRanges.1.CidrIp': cidr,
    })),
  );

async function perform(query: Query, place: BalancerPlace, action: BalancerAction, service: string): Promise<void> {
  const tags = [
    { Key: 'slipway/cluster', Value: place.cluster },
    { Key: 'slipway/service', Value: service },
  ];
  const elb = (name: string, parameters: Record<string, string>) => query('elasticloadbalancing', name, parameters);
  const tagged = (name: string, parameters: Record<string, string>) =>
    elb(name, { ...parameters, ...numbered('Tags.member', tags) });
  const forward = (targetGroup: string) =>
    numbered('DefaultActions.member', [{ Type: 'forward', TargetGroupArn: targetGroup }]);
  switch (action.do) {
    case 'create-group': {
      const description = `Clients of the load balancer of ${service}`.slice(0, 255);
      const specification = { ResourceType: 'security-group', ...numbered('Tag', tags) };
      await query('ec2', 'CreateSecurityGroup', {
        GroupName: action.name,
        GroupDescription: description,
        VpcId: place.vpc,
        ...numbered('TagSpecification', [specification]),
      });
      return;
    }
    case 'open':
    case 'close': {
      const name = action.do === 'open' ? 'AuthorizeSecurityGroupIngress' : 'RevokeSecurityGroupIngress';
      await query('ec2', name, { GroupId: action.group, ...permissions(action.openings) });
      return;
    }
    case 'delete-group':
      await query('ec2', 'DeleteSecurityGroup', { GroupId: action.group });
      return;
    case 'create-target-group': {
      const { name, protocol, port, health } = action.plan;
      await tagged('CreateTargetGroup', {
        Name: name,
        Protocol: protocol,
        Port: String(port),
        VpcId: place.vpc,
        TargetType: 'instance',
        HealthCheckProtocol: health.protocol,
        HealthCheckPort: String(health.port),
        ...(health.protocol === 'HTTP' ? { HealthCheckPath: '/healthz' } : {}),
      });
      return;
    }
    case 'register':
    case 'deregister': {
      const targets = numbered(
        'Targets.member',
        action.instances.map((Id) => ({ Id })),
      );
      const name = action.do === 'register' ? 'RegisterTargets' : 'DeregisterTargets';
      await elb(name, { TargetGroupArn: action.targetGroup, ...targets });
      return;
    }
    case 'delete-target-group':
      await elb('DeleteTargetGroup', { TargetGroupArn: action.targetGroup });
      return;
    case 'create-balancer':
      await tagged('CreateLoadBalancer', {
        Name: action.name,
        Type: 'network',
        Scheme: action.scheme,
        ...numbered('Subnets.member', place.subnets),
        ...numbered('SecurityGroups.member', [place.group, action.group]),
      });
      return;
    case 'delete-balancer':
      await elb('DeleteLoadBalancer', { LoadBalancerArn: action.balancer });
      return;
    case 'create-listener': {
      const { balancer, protocol, port, targetGroup } = action;
      const listener = { LoadBalancerArn: balancer, Protocol: protocol, Port: String(port) };
      await tagged('CreateListener', { ...listener, ...forward(targetGroup) });
      return;
    }
    case 'point-listener':
      await elb('ModifyListener', { ListenerArn: action.listener, ...forward(action.targetGroup) });
      return;
    case 'delete-listener':
      await elb('DeleteListener', { ListenerArn: action.listener });
      return;
  }
}
