// What an instance is told by its metadata service (version 2): who it is, and credentials of its role, which the emulator's STS gives
// to a session named after the instance, as EC2 does.
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';

export interface InstanceIdentity {
  id: string;
  address: string;
  block: string;
  region: string;
  /** ARN of the role. */
  role: string;
}

/** Serves on the address; resolves with what closes it. */
export async function startMetadata(
  endpoint: string,
  identity: InstanceIdentity,
  listen: { address: string; port: number },
): Promise<Server> {
  const token = randomBytes(16).toString('hex');
  const name = identity.role.split('/').at(-1)!;
  const mac = '02:00:00:00:00:01';
  const facts: Record<string, string> = {
    'instance-id': identity.id,
    'local-ipv4': identity.address,
    'placement/region': identity.region,
    'placement/availability-zone': `${identity.region}a`,
    'placement/availability-zone-id': 'use1-az1',
    'instance-type': 't4g.medium',
    mac,
    [`network/interfaces/macs/${mac}/vpc-ipv4-cidr-blocks`]: identity.block,
    'iam/security-credentials/': name,
  };
  const server = createServer(async (request, response) => {
    const { method, url = '', headers } = request;
    if (method === 'PUT' && url === '/latest/api/token') {
      response.setHeader('x-aws-ec2-metadata-token-ttl-seconds', headers['x-aws-ec2-metadata-token-ttl-seconds'] ?? '');
      response.end(token);
      return;
    }
    if (headers['x-aws-ec2-metadata-token'] !== token) {
      response.writeHead(401).end();
      return;
    }
    const path = url.replace('/latest/meta-data/', '');
    if (path === `iam/security-credentials/${name}`) response.end(JSON.stringify(await session(endpoint, identity)));
    else if (facts[path] !== undefined) response.end(facts[path]);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(listen.port, listen.address, resolve),
  );
  return server;
}

export interface SessionCredentials {
  AccessKeyId: string;
  SecretAccessKey: string;
  Token: string;
  Expiration: string;
}

/** sts:AssumeRole. Emulators take any signature, so that none is made. */
export async function assumeRole(
  endpoint: string,
  role: string,
  sessionName: string,
  region: string,
): Promise<SessionCredentials> {
  const body = new URLSearchParams({
    Action: 'AssumeRole',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: sessionName,
  });
  const credential = `test/20260101/${region}/sts/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=0`;
  const answer = await fetch(endpoint, { method: 'POST', body, headers: { authorization } });
  const text = await answer.text();
  const field = (name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? '';
  if (!answer.ok || !field('AccessKeyId'))
    throw new Error(`sts:AssumeRole of ${role}: ${answer.status} ${text.slice(0, 500)}`);
  return {
    AccessKeyId: field('AccessKeyId'),
    SecretAccessKey: field('SecretAccessKey'),
    Token: field('SessionToken'),
    Expiration: field('Expiration'),
  };
}

async function session(endpoint: string, { id, role, region }: InstanceIdentity): Promise<object> {
  const credentials = await assumeRole(endpoint, role, id, region);
  return { Code: 'Success', Type: 'AWS-HMAC', LastUpdated: new Date().toISOString(), ...credentials };
}
