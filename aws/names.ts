// Names that the CDK app and the functions share: environment variables and parameters. Nothing else passes between them.

/** Environment variables of the functions. */
export const environment = {
  /** Name of the cluster: what identity tokens must be made for. */
  cluster: 'SLIPWAY_CLUSTER',
  objectsTable: 'SLIPWAY_OBJECTS_TABLE',
  changesTable: 'SLIPWAY_CHANGES_TABLE',
  /** Prefix of the SSM parameters, `/slipway/NAME`. */
  parameters: 'SLIPWAY_PARAMETERS',
  /** Role whose sessions are system:masters (ARN). */
  adminRole: 'SLIPWAY_ADMIN_ROLE',
  /** More of them: ARNs of roles and users, separated by commas. */
  admins: 'SLIPWAY_ADMINS',
  /** Role of the workers' instances (ARN): its sessions are nodes. */
  workerRole: 'SLIPWAY_WORKER_ROLE',
  /** CIDRs that people may call the API from, separated by commas; absent: all. */
  allowedAddresses: 'SLIPWAY_ALLOWED_ADDRESSES',
  serviceCidr: 'SLIPWAY_SERVICE_CIDR',
  /** 'stream' or 'buffer': how the API answers. */
  responses: 'SLIPWAY_RESPONSES',
  /** Set: each invocation logs what it asked AWS for. */
  meter: 'SLIPWAY_METER',
  /** Function that reaches agents (name). */
  dialer: 'SLIPWAY_DIALER',
  /** Queue URL of delayed wishes to be woken, of the function that has it. */
  wakeQueue: 'SLIPWAY_WAKE_QUEUE',
  /** Functions that the tick wakes, and that wake each other (names). */
  scheduler: 'SLIPWAY_SCHEDULER',
  controllers: 'SLIPWAY_CONTROLLERS',
  workersFunction: 'SLIPWAY_WORKERS_FUNCTION',
  loadBalancersFunction: 'SLIPWAY_LOAD_BALANCERS_FUNCTION',
  /** Auto Scaling group of the workers (name). */
  workers: 'SLIPWAY_WORKERS',
  /** Most workers there may be. */
  workersLimit: 'SLIPWAY_WORKERS_LIMIT',
  /** Fewest workers that are kept; 0 when absent. */
  workersMinimum: 'SLIPWAY_WORKERS_MINIMUM',
  /** How long a worker is idle before it is ended; 600 when absent. */
  workersIdleSeconds: 'SLIPWAY_WORKERS_IDLE_SECONDS',
  /** Instance types that the group starts, separated by commas. */
  workerTypes: 'SLIPWAY_WORKER_TYPES',
  /** JSON: labels, and taints, that the stack gives its workers; none when absent. */
  workerLabels: 'SLIPWAY_WORKER_LABELS',
  workerTaints: 'SLIPWAY_WORKER_TAINTS',
  /** Where load balancers are made: VPC (id), subnets (ids, separated by commas), security group that workers let in (id). */
  loadBalancerVpc: 'SLIPWAY_LOAD_BALANCER_VPC',
  loadBalancerSubnets: 'SLIPWAY_LOAD_BALANCER_SUBNETS',
  loadBalancerGroup: 'SLIPWAY_LOAD_BALANCER_GROUP',
  /** KMS key that wraps the data key of secrets (ARN). */
  kmsKey: 'SLIPWAY_KMS_KEY',
} as const;

/** Parameters below the prefix. Secret ones are SecureStrings, made by `setup`. */
export const parameters = {
  /** Written by the stack: `https://.../STAGE`, without a slash at the end. */
  apiUrl: 'api-url',
  /** Written by the stack: version of the agent that workers should run. */
  agentVersion: 'agent-version',
  /** Written by the stack, one line: the same version, where its bundle is, and what it must hash to: `VERSION s3://BUCKET/KEY SHA256`. */
  agentBundle: 'agent-bundle',
  /**
   * SecureStrings, each small enough for a standard parameter (4 KB) and made once; see aws/cluster-keys.ts.
   * JSON {certificate, key}: the cluster's authority.
   */
  authority: 'keys/authority',
  /** PEM: the key that signs service account tokens. */
  serviceAccountKey: 'keys/service-account',
  /** JSON {certificate, key}: what the control plane shows to agents. Renewed. */
  nodeClient: 'keys/node-client',
  /** JSON [{id, key}], base64, 256 bit: what secrets at rest are encrypted with; the first one writes. */
  encryption: 'keys/encryption',
  /** PEM, for workers. */
  ca: 'ca',
} as const;

/** Where a cluster's parameters are. */
export const parametersPrefix = (cluster: string): string => `/slipway/${cluster}`;

/** Repositories of a cluster's images in ECR stand below this. */
export const repositoryPrefix = (cluster: string): string => `slipway/${cluster}/`;
