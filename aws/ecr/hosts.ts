// Which registry hosts are ECR's private ones, and whose token opens them.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html and .../general/latest/gr/ecr.html

export interface EcrHost {
  account: string;
  region: string;
  /** The host is of the region's FIPS endpoint, so the token is asked for there. */
  fips: boolean;
}

/** `ACCOUNT.dkr.ecr[-fips].REGION.amazonaws.com[.cn]`, and the dual-stack form `ACCOUNT.dkr-ecr[-fips].REGION.on.aws`. */
const classic = /^(\d{12})\.dkr\.ecr(-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(\.cn)?$/;
const dualStack = /^(\d{12})\.dkr-ecr(-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d)\.on\.(?:aws|amazonwebservices\.com\.cn)$/;

/** undefined: not a private registry of ECR (public.ecr.aws needs no token). `image`: a reference or a host. */
export function ecrHost(image: string): EcrHost | undefined {
  const host = image.split('/', 1)[0]!;
  const match = classic.exec(host) ?? dualStack.exec(host);
  if (!match) return undefined;
  const [, account, fips, region] = match;
  return { account: account!, region: region!, fips: fips !== undefined };
}
