// What LocalStack is told, in a container and as a process of this machine: one list for both.
import { join } from 'node:path';
import { cacheFolder, emulatorEnvironment, root } from './emulator.ts';

export interface Place {
  /** On 127.0.0.1. */
  port: number;
  /** Where it keeps everything. */
  folder: string;
  /** Search path for programs, Java among them. */
  path: string;
}

export function settings({ port, folder, path }: Place): Record<string, string> {
  return {
    ...emulatorEnvironment(`http://127.0.0.1:${port}`),
    // The usual server of its gateway listens on every address.
    GATEWAY_LISTEN: `127.0.0.1:${port}`,
    GATEWAY_SERVER: 'hypercorn',
    // In URLs that it hands out: its usual name is asked of a name server somewhere.
    LOCALSTACK_HOST: `localhost:${port}`,
    FILESYSTEM_ROOT: folder,
    // The code of functions is unpacked there, and left.
    TMPDIR: folder,
    OVERRIDE_IN_DOCKER: '0',
    DNS_ADDRESS: '0',
    DISABLE_EVENTS: '1',
    SKIP_SSL_CERT_DOWNLOAD: '1',
    SQS_ENDPOINT_STRATEGY: 'path',
    EAGER_SERVICE_LOADING: '0',
    PROVIDER_OVERRIDE_DYNAMODB: 'v2',
    PROVIDER_OVERRIDE_DYNAMODBSTREAMS: 'v2',
    DYNAMODB_IN_MEMORY: '1',
    LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC: '0.03',
    LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC: '0.05',
    LAMBDA_RUNTIME_EXECUTOR: 'slipway-processes',
    LAMBDA_LIMITS_CONCURRENT_EXECUTIONS: '200',
    SLIPWAY_NODE: process.execPath,
    SLIPWAY_FUNCTION_HOST: join(root, 'test/emulator/runtime/localstack.ts'),
    SLIPWAY_PATH: path,
    // Python finds the plugin's entry points by the .dist-info folder beside it.
    PYTHONPATH: join(root, 'test/emulator/localstack-plugin'),
    PYTHONPYCACHEPREFIX: join(cacheFolder, 'pycache'),
  };
}
