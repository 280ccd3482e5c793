// Where STS, and other services that are called by hand, are. https://docs.aws.amazon.com/general/latest/gr/sts.html

/** China, Europe's sovereign cloud and the isolated partitions have names of their own. */
const suffixes: readonly (readonly [prefix: string, suffix: string])[] = [
  ['cn-', 'amazonaws.com.cn'],
  ['eusc-', 'amazonaws.eu'],
  ['us-iso-', 'c2s.ic.gov'],
  ['us-isob-', 'sc2s.sgov.gov'],
  ['eu-isoe-', 'cloud.adc-e.uk'],
  ['us-isof-', 'csp.hci.ic.gov'],
];

/** What names of a region's services end in. */
export const domainSuffix = (region: string): string =>
  suffixes.find(([prefix]) => region.startsWith(prefix))?.[1] ?? 'amazonaws.com';

const isCommercial = (region: string): boolean =>
  domainSuffix(region) === 'amazonaws.com' && !region.startsWith('us-gov-');

/** A service of a region by its prefix (`sts`, `ec2`); an emulator's endpoint if there is one. */
export const serviceOrigin = (service: string, region: string, endpoint?: string): string =>
  endpoint ? new URL(endpoint).origin : `https://${service}.${region}.${domainSuffix(region)}`;

/** STS of a region; an emulator's endpoint if there is one (AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL). */
export const stsOrigin = (region: string, endpoint?: string): string => serviceOrigin('sts', region, endpoint);

/**
 * Origins that a token's URL may have: STS of the cluster's own region, by each of its names, and the old global endpoint. An
 * emulator is known by several names on one machine, and only to itself.
 */
export function allowedOrigins(region: string, endpoint?: string): ReadonlySet<string> {
  if (endpoint) {
    const { protocol, port, origin } = new URL(endpoint);
    const suffix = port ? `:${port}` : '';
    return new Set([origin, ...['127.0.0.1', 'localhost'].map((host) => `${protocol}//${host}${suffix}`)]);
  }
  return new Set([
    stsOrigin(region),
    `https://sts-fips.${region}.${domainSuffix(region)}`,
    ...(isCommercial(region) ? [`https://sts.${region}.api.aws`, 'https://sts.amazonaws.com'] : []),
  ]);
}

type Environment = Readonly<Record<string, string | undefined>>;

export const stsEndpointOf = (env: Environment): string | undefined =>
  env['AWS_ENDPOINT_URL_STS'] || env['AWS_ENDPOINT_URL'] || undefined;

export const regionOf = (env: Environment): string | undefined =>
  env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || undefined;
