// What the stack tells a function by its environment.
import { environment } from '../../aws/names.ts';
import { StatusError } from '../../core/api/errors.ts';

export interface Settings {
  /** Name of the cluster. */
  cluster: string;
  /** Prefix of the SSM parameters. */
  parameters: string;
  serviceCidr: string;
  /** CIDRs that people may call the API from; none: all. */
  allowedAddresses: readonly string[];
  /** Name of the function that reaches agents. */
  dialer: string | undefined;
  responses: 'stream' | 'buffer';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The service range of a cluster whose stack names no other. */
export const defaultServiceCidr = '10.96.0.0/16';

/** Throws ServiceUnavailable that names the variable. */
export function required(env: Environment, name: string): string {
  const value = env[name];
  if (!value) throw new StatusError('ServiceUnavailable', `the function's environment variable ${name} is not set`);
  return value;
}

export const responsesOf = (env: Environment): Settings['responses'] =>
  env[environment.responses] === 'buffer' ? 'buffer' : 'stream';

export const settingsOf = (env: Environment): Settings => ({
  cluster: required(env, environment.cluster),
  parameters: required(env, environment.parameters).replace(/\/$/, ''),
  serviceCidr: env[environment.serviceCidr] || defaultServiceCidr,
  allowedAddresses: (env[environment.allowedAddresses] ?? '').split(',').filter(Boolean),
  dialer: env[environment.dialer],
  responses: responsesOf(env),
});
