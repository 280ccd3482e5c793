// Slipway's API server on the memory store, without controllers: what the real kube-apiserver is alone.
import { createAccess } from '../../core/apiserver/access-control.ts';
import { createApiServer } from '../../core/apiserver/app.ts';
import { bootstrap } from '../../core/apiserver/bootstrap.ts';
import { Hub } from '../../core/store/hub.ts';
import { MemoryStore } from '../../core/store/memory.ts';
import { randomIds, systemClock } from '../../host/ports.ts';
import { serverVersion } from '../../host/version.ts';
import type { Send } from './scenario.ts';

const serviceCidr = '10.0.0.0/16';
const admin = { certificate: { commonName: 'admin', organizations: ['system:masters'], fingerprint: '' } };

export async function startInProcess(): Promise<{ send: Send; stop(): Promise<void> }> {
  const ports = { clock: systemClock, ids: randomIds, log: () => {} };
  const store = new MemoryStore({ now: systemClock.now });
  const hub = new Hub(store);
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const access = await createAccess({
    ...ports,
    store,
    signingKeys: [{ algorithm: 'ES256', privateKey: pair.privateKey, publicKey: pair.publicKey }],
    issuers: ['https://kubernetes.default.svc.cluster.local'],
  });
  const endpoint = { ip: '127.0.0.1', port: 6443 };
  await bootstrap({ store, ...ports }, { endpoint, serviceIp: '10.0.0.1', serviceCidrs: [serviceCidr] });
  const nodes = {
    fetch: async (): Promise<Response> => {
      throw new Error('no node is here');
    },
  };
  const api = createApiServer({
    ...ports,
    ...access,
    store,
    hub,
    nodes,
    services: { cidr: serviceCidr },
    version: serverVersion,
  });
  return {
    send: (path, init) => api.fetch(new Request(`https://127.0.0.1${path}`, init), admin),
    stop: async () => {
      api.close();
      hub.close();
      await store.close();
    },
  };
}
