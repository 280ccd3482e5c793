// The few requests that tests make to an emulator themselves, in the services' own protocols. Emulators take any signature.

const authorization = (region: string, service: string): string =>
  `AWS4-HMAC-SHA256 Credential=test/20260101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=0`;

export type AwsJson = <T = Record<string, unknown>>(target: string, input: object) => Promise<T>;

const services: Record<string, string> = {
  AmazonSSM: 'ssm',
  DynamoDB_20120810: 'dynamodb',
  AmazonSQS: 'sqs',
  AmazonEC2ContainerRegistry_V20150921: 'ecr',
};
/** Those that speak JSON 1.1. */
const newer: readonly string[] = ['ssm', 'ecr'];

/** Calls by `x-amz-target`: SSM, DynamoDB, SQS, ECR. Throws an Error with the service's words. */
export const awsJson =
  (endpoint: string, region: string): AwsJson =>
  async <T>(target: string, input: object): Promise<T> => {
    const service = services[target.split('.')[0]!] ?? '';
    const answer = await fetch(endpoint, {
      method: 'POST',
      body: JSON.stringify(input),
      headers: {
        'x-amz-target': target,
        'content-type': `application/x-amz-json-${newer.includes(service) ? '1.1' : '1.0'}`,
        authorization: authorization(region, service),
      },
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${target}: ${answer.status} ${text.slice(0, 1_000)}`);
    return JSON.parse(text || '{}') as T;
  };

/** Logical ids of a stack's resources to physical ones. */
export async function stackResources(endpoint: string, stack: string, region: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const body = new URLSearchParams({ Action: 'DescribeStackResources', Version: '2010-05-15', StackName: stack });
  const answer = await fetch(endpoint, {
    method: 'POST',
    body,
    headers: { authorization: authorization(region, 'cloudformation') },
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`DescribeStackResources: ${answer.status} ${text.slice(0, 1_000)}`);
  for (const [, member = ''] of text.matchAll(/<member>(.*?)<\/member>/gs)) {
    const field = (name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(member)?.[1] ?? '';
    found.set(field('LogicalResourceId'), field('PhysicalResourceId'));
  }
  return found;
}

/** Invokes a function and waits. Throws an Error with what the function failed with. */
export async function invoke(endpoint: string, region: string, name: string, event: object): Promise<unknown> {
  const answer = await fetch(`${endpoint}/2015-03-31/functions/${name}/invocations`, {
    method: 'POST',
    body: JSON.stringify(event),
    headers: { authorization: authorization(region, 'lambda') },
  });
  const text = await answer.text();
  if (!answer.ok || answer.headers.get('x-amz-function-error')) throw new Error(`${name}: ${answer.status} ${text}`);
  return JSON.parse(text || 'null');
}

/** How many instances an Auto Scaling group is to have. */
export async function desiredCapacity(endpoint: string, region: string, group: string): Promise<number> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      Action: 'DescribeAutoScalingGroups',
      Version: '2011-01-01',
      'AutoScalingGroupNames.member.1': group,
    }),
    headers: { authorization: authorization(region, 'autoscaling') },
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`DescribeAutoScalingGroups: ${answer.status} ${text.slice(0, 1_000)}`);
  return Number(/<DesiredCapacity>(\d+)</.exec(text)?.[1]);
}
