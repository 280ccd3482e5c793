// What an EC2 instance says about itself (IMDSv2 only).
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html

export interface InstanceFacts {
  /** `i-0123456789abcdef0`. */
  id: string;
  /** Primary private IPv4 address. */
  address: string;
  region: string;
  zone: string;
  /** `euc1-az1`: the same place in every account. */
  zoneId: string;
  type: string;
  /** IPv4 blocks of the VPC. */
  vpcBlocks: string[];
}

const defaultEndpoint = 'http://169.254.169.254';
const patienceMs = 2_000;
const tokenSeconds = 300;
const tries = 5;

/** The SDKs' own variable moves it, for tests and emulators. */
const endpointOf = (environment: NodeJS.ProcessEnv): string =>
  (environment['AWS_EC2_METADATA_SERVICE_ENDPOINT'] ?? defaultEndpoint).replace(/\/$/, '');

async function ask(url: string, init: RequestInit): Promise<string> {
  let failure: unknown;
  for (let i = 0; i < tries; i++) {
    try {
      const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(patienceMs) });
      if (answer.ok) return (await answer.text()).trim();
      failure = new Error(`the answer is ${answer.status}`);
    } catch (error) {
      failure = error;
    }
  }
  throw new Error(`instance metadata ${new URL(url).pathname} cannot be read: ${(failure as Error).message}`);
}

/** Throws an Error that names what could not be read, after a few tries. */
export async function instanceFacts(environment: NodeJS.ProcessEnv = process.env): Promise<InstanceFacts> {
  const base = `${endpointOf(environment)}/latest`;
  const token = await ask(`${base}/api/token`, {
    method: 'PUT',
    headers: { 'x-aws-ec2-metadata-token-ttl-seconds': String(tokenSeconds) },
  });
  const read = (path: string): Promise<string> =>
    ask(`${base}/meta-data/${path}`, { headers: { 'x-aws-ec2-metadata-token': token } });
  const [id, address, region, zone, zoneId, type, mac] = await Promise.all([
    read('instance-id'),
    read('local-ipv4'),
    read('placement/region'),
    read('placement/availability-zone'),
    read('placement/availability-zone-id'),
    read('instance-type'),
    read('mac'),
  ]);
  const blocks = await read(`network/interfaces/macs/${mac}/vpc-ipv4-cidr-blocks`);
  return { id, address, region, zone, zoneId, type, vpcBlocks: blocks.split('\n').filter(Boolean) };
}
