// The API over a store, in this process: what each simulated function has of its own, and what users and nodes call.
import { createAccess } from '../../../core/apiserver/access-control.ts';
import { createApiServer } from '../../../core/apiserver/app.ts';
import { bootstrap } from '../../../core/apiserver/bootstrap.ts';
import type { Client } from '../../../core/client/client.ts';
import type { Random } from '../../../core/client/fixture/random.ts';
import { httpClient } from '../../../core/client/http.ts';
import type { Clock, Ids, Log } from '../../../core/ports.ts';
import { Hub } from '../../../core/store/hub.ts';
import type { Store } from '../../../core/store/store.ts';
import { serverVersion } from '../../../host/version.ts';
import type { Composed } from '../../../lambdas/host/compose.ts';

const signingKey = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);

export function seededIds(random: Random): Ids {
  const hex = (length: number): string => Array.from({ length }, () => '0123456789abcdef'[random.below(16)]).join('');
  return {
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`,
    suffix: (length) => Array.from({ length }, () => 'bcdfghjklmnpqrstvwxz2456789'[random.below(27)]).join(''),
    bytes: (length) => Uint8Array.from({ length }, () => random.below(256)),
  };
}

export interface PlaneOptions {
  store: Store;
  clock: Clock;
  ids: Ids;
  log: Log;
}

/** As lambdas/host/compose.ts makes it, without AWS. */
export async function composeOver({
  store,
  clock,
  ids,
  log,
}: PlaneOptions): Promise<Pick<Composed, 'ports' | 'store' | 'hub' | 'api' | 'clientOf'>> {
  const ports = { clock, ids, log };
  const hub = new Hub(store);
  const access = await createAccess({
    ...ports,
    store,
    signingKeys: [{ algorithm: 'ES256', ...signingKey }],
    issuers: ['https://kubernetes.default.svc'],
  });
  const nodes = {
    fetch: async (): Promise<Response> => {
      throw new Error('no node can be reached here');
    },
  };
  const api = createApiServer({ ...ports, ...access, store, hub, nodes, version: serverVersion });
  const clientOf = (component: string): Client => {
    const certificate = { commonName: `system:${component}`, organizations: ['system:masters'], fingerprint: '' };
    return httpClient({
      baseUrl: 'https://kubernetes.default.svc',
      fetch: (request) => api.fetch(request, { certificate }),
      userAgent: component,
    });
  };
  return { ports, store, hub, api, clientOf };
}

export async function writeDefaults({ store, clock, ids }: PlaneOptions): Promise<void> {
  const endpoint = { ip: '127.0.0.1', port: 6443 };
  await bootstrap({ store, clock, ids }, { endpoint, serviceIp: '10.96.0.1', serviceCidrs: ['10.96.0.0/16'] });
}
