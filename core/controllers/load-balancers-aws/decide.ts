// From what AWS has of a service's load balancer to what is to be done next: pure. What needs an id that AWS gives first comes with
// the next look, so a caller looks and acts until nothing is left to do.
import type { Scheme } from './asked.ts';
import type { BalancerProtocol, Opening, TargetGroupPlan, WantedBalancer } from './wanted.ts';

export interface StandingBalancer {
  balancer?: { arn: string; hostname: string; scheme: Scheme };
  listeners: readonly { arn: string; protocol: string; port: number; targetGroup: string }[];
  /** `instances`: without those that are being drained. */
  targetGroups: readonly { arn: string; name: string; instances: readonly string[] }[];
  /** Security group of the load balancer. */
  group?: { id: string; openings: readonly Opening[] };
}

export type BalancerAction =
  | { do: 'create-group'; name: string }
  | { do: 'open' | 'close'; group: string; openings: readonly Opening[] }
  | { do: 'delete-group'; group: string }
  | { do: 'create-target-group'; plan: TargetGroupPlan }
  | { do: 'register' | 'deregister'; targetGroup: string; instances: readonly string[] }
  | { do: 'delete-target-group'; targetGroup: string }
  | { do: 'create-balancer'; name: string; scheme: Scheme; group: string }
  | { do: 'delete-balancer'; balancer: string }
  | { do: 'create-listener'; balancer: string; protocol: BalancerProtocol; port: number; targetGroup: string }
  | { do: 'point-listener'; listener: string; targetGroup: string }
  | { do: 'delete-listener'; listener: string };

/** `wanted` undefined: nothing is to be left. */
export function decideNetworkBalancer(
  wanted: WantedBalancer | undefined,
  standing: StandingBalancer,
): BalancerAction[] {
  if (!wanted) return dismantle(standing);
  return [...groupActions(wanted, standing), ...targetActions(wanted, standing), ...balancerActions(wanted, standing)];
}

/** Target groups and security group are in use until the load balancer is gone. */
function dismantle({ balancer, targetGroups, group }: StandingBalancer): BalancerAction[] {
  if (balancer) return [{ do: 'delete-balancer', balancer: balancer.arn }];
  return [
    ...targetGroups.map(({ arn }) => ({ do: 'delete-target-group', targetGroup: arn }) as const),
    ...(group ? [{ do: 'delete-group', group: group.id } as const] : []),
  ];
}

const textOf = ({ protocol, port, cidr }: Opening): string => `${protocol} ${port} ${cidr}`;

const without = (these: readonly Opening[], those: readonly Opening[]): Opening[] => {
  const known = new Set(those.map(textOf));
  return these.filter((one) => !known.has(textOf(one)));
};

function groupActions({ name, openings }: WantedBalancer, { group }: StandingBalancer): BalancerAction[] {
  if (!group) return [{ do: 'create-group', name }];
  const missing = without(openings, group.openings);
  const left = without(group.openings, openings);
  return [
    ...(missing.length > 0 ? [{ do: 'open', group: group.id, openings: missing } as const] : []),
    ...(left.length > 0 ? [{ do: 'close', group: group.id, openings: left } as const] : []),
  ];
}

function targetActions(wanted: WantedBalancer, { targetGroups, listeners }: StandingBalancer): BalancerAction[] {
  const actions: BalancerAction[] = [];
  const plans = wanted.listeners.map(({ targets }) => targets);
  for (const plan of plans) {
    const standing = targetGroups.find(({ name }) => name === plan.name);
    if (!standing) {
      actions.push({ do: 'create-target-group', plan });
      continue;
    }
    const targetGroup = standing.arn;
    const joining = wanted.instances.filter((id) => !standing.instances.includes(id));
    const leaving = standing.instances.filter((id) => !wanted.instances.includes(id));
    if (joining.length > 0) actions.push({ do: 'register', targetGroup, instances: joining });
    if (leaving.length > 0) actions.push({ do: 'deregister', targetGroup, instances: leaving });
  }
  const used = new Set(listeners.map(({ targetGroup }) => targetGroup));
  for (const { arn, name } of targetGroups) {
    const isLeft = !plans.some((plan) => plan.name === name) && !used.has(arn);
    if (isLeft) actions.push({ do: 'delete-target-group', targetGroup: arn });
  }
  return actions;
}

function balancerActions(wanted: WantedBalancer, standing: StandingBalancer): BalancerAction[] {
  const { balancer, group, listeners, targetGroups } = standing;
  if (!balancer) {
    return group ? [{ do: 'create-balancer', name: wanted.name, scheme: wanted.scheme, group: group.id }] : [];
  }
  // A load balancer keeps its scheme for life; the new one has another hostname.
  if (balancer.scheme !== wanted.scheme) return [{ do: 'delete-balancer', balancer: balancer.arn }];
  const actions: BalancerAction[] = [];
  for (const { arn, port, protocol } of listeners) {
    const isWanted = wanted.listeners.some((one) => one.port === port && one.protocol === protocol);
    if (!isWanted) actions.push({ do: 'delete-listener', listener: arn });
  }
  for (const { protocol, port, targets } of wanted.listeners) {
    const targetGroup = targetGroups.find(({ name }) => name === targets.name)?.arn;
    if (!targetGroup) continue;
    const there = listeners.find((one) => one.port === port);
    if (!there) actions.push({ do: 'create-listener', balancer: balancer.arn, protocol, port, targetGroup });
    else if (there.protocol === protocol && there.targetGroup !== targetGroup) {
      actions.push({ do: 'point-listener', listener: there.arn, targetGroup });
    }
  }
  return actions;
}
