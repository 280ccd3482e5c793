// Credentials of a role, for those who may take it on. One call: a client of its own would be larger than all of this program.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
import type { AwsCredentialIdentity } from '@smithy/types';
import { postSigned } from '../query-api/signed-post.ts';
import { stsOrigin } from './endpoints.ts';
import { readAnswer } from './sts-answer.ts';

export interface AssumeRoleOptions {
  credentials: AwsCredentialIdentity;
  /** ARN. */
  role: string;
  /** Name of the session, which logs and `{{SessionName}}` show. */
  session: string;
  region: string;
  endpoint?: string;
  nowMs: number;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** Throws an Error that says what STS said. */
export async function assumeRole(options: AssumeRoleOptions): Promise<AwsCredentialIdentity> {
  const { credentials, role, session, region, endpoint, nowMs, fetch } = options;
  const response = await postSigned({
    service: 'sts',
    region,
    credentials,
    origin: stsOrigin(region, endpoint),
    form: { Action: 'AssumeRole', Version: '2011-06-15', RoleArn: role, RoleSessionName: session },
    headers: { accept: 'application/json' },
    nowMs,
    ...(fetch ? { fetch } : {}),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`STS does not give the role ${role}: ${reasonOf(text) || response.status}`);
  const field = readAnswer(text, 'AssumeRole', 'Credentials');
  const expiration = new Date(dateOf(field('Expiration')));
  const found = { accessKeyId: field('AccessKeyId'), secretAccessKey: field('SecretAccessKey') };
  if (!found.accessKeyId || !found.secretAccessKey) throw new Error(`STS gave no credentials for the role ${role}`);
  return {
    ...found,
    sessionToken: field('SessionToken'),
    ...(Number.isNaN(expiration.getTime()) ? {} : { expiration }),
  };
}

/** Seconds in JSON, a date in XML. */
const dateOf = (text: string): number => (/^[\d.]+(E\d+)?$/.test(text) ? Number(text) * 1_000 : Date.parse(text));

const reasonOf = (text: string): string =>
  /<Message>([^<]*)<\/Message>/.exec(text)?.[1] ?? /"Message"\s*:\s*"([^"]*)"/i.exec(text)?.[1] ?? '';
