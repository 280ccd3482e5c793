// Which registry hosts are ECR's private ones, and whose token opens them.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html and .../general/latest/gr/ecr.html
import { domainSuffix } from '../identity/endpoints.ts';

export interface EcrHost {
  account: string;
  region: string;
  /** The host is of the region's FIPS endpoint, so the token is asked for there. */
  fips: boolean;
}

/** `ACCOUNT.dkr.ecr[-fips].REGION.SUFFIX` (amazonaws.com, but in China and the like), and `ACCOUNT.dkr-ecr[-fips].REGION.on.aws` with IPv6 too. */
const classic = /^(\d{12})\.dkr\.ecr(-fips)?\.([a-z]{2,4}(?:-[a-z]+)+-\d)\.(.+)$/;
const dualStack = /^(\d{12})\.dkr-ecr(-fips)?\.([a-z]{2,4}(?:-[a-z]+)+-\d)\.on\.(aws|amazonwebservices\.com\.cn)$/;

/** undefined: not a private registry of ECR (public.ecr.aws needs no token). `image`: a reference or a host. */
export function ecrHost(image: string): EcrHost | undefined {
  const host = image.split('/', 1)[0]!;
  const known = classic.exec(host);
  // A host that only looks like one of ECR's would be shown the token.
  const match = known && known[4] === domainSuffix(known[3]!) ? known : dualStack.exec(host);
  if (!match) return undefined;
  const [, account, fips, region] = match;
  return { account: account!, region: region!, fips: fips !== undefined };
}
