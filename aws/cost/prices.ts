// What AWS asks for, in us-east-1, on demand, in US dollars without tax. Copied from the pages named; look there before you rely on it.
import type { Quantity } from './meter.ts';

export const pricesAsOf = '2026-09-20';
export const pricesRegion = 'us-east-1';

export interface Price {
  /** What of a service's counts it is for; absent operation: all. */
  service: string;
  operation?: string;
  quantity: Quantity;
  what: string;
  usd: number;
  /** For so many of the quantity. */
  per: number;
  /** Free of charge each month, of an account that uses it for nothing else. */
  free?: number;
  /** The page, and where on it. */
  source: string;
}

const million = 1_000_000;
const gb = 2 ** 30;
/** Bytes times milliseconds of a gigabyte that is kept for a month. */
const gbMonth = gb * 730 * 3_600_000;
const pages = {
  dynamodb: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
  lambda: 'https://aws.amazon.com/lambda/pricing/',
  gateway: 'https://aws.amazon.com/api-gateway/pricing/',
  sqs: 'https://aws.amazon.com/sqs/pricing/',
  kms: 'https://aws.amazon.com/kms/pricing/',
  logs: 'https://aws.amazon.com/cloudwatch/pricing/',
  transfer: 'https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer',
};

export const prices: readonly Price[] = [
  {
    service: 'dynamodb',
    quantity: 'writeUnits',
    what: 'write request units',
    usd: 0.625,
    per: million,
    source: pages.dynamodb,
  },
  {
    service: 'dynamodb',
    quantity: 'readUnits',
    what: 'read request units',
    usd: 0.125,
    per: million,
    source: pages.dynamodb,
  },
  {
    service: 'dynamodb',
    operation: 'storage',
    quantity: 'byteMs',
    // 0.25 for what is stored and 0.20 for point-in-time recovery, which both tables have.
    what: 'GB-months stored, with point-in-time recovery',
    usd: 0.45,
    per: gbMonth,
    // 25 GB of storage are always free; recovery is not.
    source: pages.dynamodb,
  },
  {
    service: 'lambda',
    quantity: 'mbMs',
    what: 'GB-seconds, arm64',
    usd: 0.0000133334,
    per: 1_024 * 1_000,
    free: 400_000 * 1_024 * 1_000,
    source: pages.lambda,
  },
  {
    service: 'lambda',
    quantity: 'requests',
    what: 'invocations',
    usd: 0.2,
    per: million,
    free: million,
    source: pages.lambda,
  },
  {
    service: 'api-gateway',
    quantity: 'requests',
    what: 'REST API calls',
    usd: 3.5,
    per: million,
    // A million for the first twelve months of an account: not counted.
    source: pages.gateway,
  },
  {
    service: 'api-gateway',
    operation: 'to users',
    quantity: 'bytesOut',
    what: 'GB sent to the internet',
    usd: 0.09,
    per: gb,
    free: 100 * gb,
    source: pages.transfer,
  },
  {
    service: 'api-gateway',
    operation: 'to workers',
    quantity: 'bytesOut',
    // Between public addresses of a region each side pays 0.01.
    what: 'GB sent to workers in the region',
    usd: 0.02,
    per: gb,
    source: pages.transfer,
  },
  { service: 'sqs', quantity: 'requests', what: 'requests', usd: 0.4, per: million, free: million, source: pages.sqs },
  { service: 'kms', quantity: 'requests', what: 'requests', usd: 0.03, per: 10_000, free: 20_000, source: pages.kms },
  { service: 'logs', quantity: 'bytesIn', what: 'GB of logs', usd: 0.5, per: gb, free: 5 * gb, source: pages.logs },
];
