// Bare etcd puts over gRPC, of the size of the object that the API writes store.
import { credentials, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

const descriptor: Parameters<typeof fromJSON>[0] = {
  nested: {
    etcdserverpb: {
      nested: {
        KV: { methods: { Put: { requestType: 'PutRequest', responseType: 'PutResponse', comment: '' } } },
        PutRequest: { fields: { key: { type: 'bytes', id: 1 }, value: { type: 'bytes', id: 2 } } },
        PutResponse: { fields: {} },
      },
    },
  },
};

interface KeyValue {
  Put(request: { key: Buffer; value: Buffer }, done: (error: Error | null) => void): void;
  close(): void;
}

/** `put(key, value)` resolves once etcd acknowledged (and with fsync on, synced) it. */
export function etcdClient(address: string): { put(key: string, value: Buffer): Promise<void>; close(): void } {
  const loaded = loadPackageDefinition(fromJSON(descriptor)) as unknown as {
    etcdserverpb: { KV: ServiceClientConstructor };
  };
  const client = new loaded.etcdserverpb.KV(address, credentials.createInsecure()) as unknown as KeyValue;
  return {
    put: (key, value) =>
      new Promise((resolve, reject) => {
        client.Put({ key: Buffer.from(key), value }, (error) => (error ? reject(error) : resolve()));
      }),
    close: () => client.close(),
  };
}
