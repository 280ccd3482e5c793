// Services whose endpoints come and go while they are used without a pause.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSlice } from '../../../core/api/types.gen.ts';
import { resources } from '../../../core/client/resources.ts';
import { eventually } from '../cluster.ts';
import type { Peer } from '../peer.ts';
import { ipOf, limit, type ServicePlace, until, web } from './place.ts';

const page = { send: 'GET / HTTP/1.0\r\n\r\n' };

/** Visits a service from two clients until `enough`; every visit must be served. How many were. */
async function visitUntil(place: ServicePlace, ip: string, enough: (served: number) => boolean): Promise<number> {
  const heard: Record<string, number> = {};
  let served = 0;
  const visit = async (from: Peer): Promise<void> => {
    while (!enough(served)) {
      for (const [word, times] of Object.entries(await from.asks(ip, 80, { ...page, times: 50 }))) {
        const key = /It floats/.test(word) ? 'served' : word;
        heard[key] = (heard[key] ?? 0) + times;
      }
      served = heard['served'] ?? 0;
      assert.deepEqual(Object.keys(heard), ['served'], JSON.stringify(heard));
    }
  };
  await Promise.all([place.client, place.client, place.nodeOne].map(visit));
  return served;
}

async function startFloating(place: ServicePlace, name: string, container: object): Promise<string> {
  const { shell } = place;
  await shell.ok(
    `kubectl create deployment ${name} --image=slipway/sample:1 --replicas=3 --dry-run=client -o json > d.json`,
  );
  const patch = {
    spec: { template: { spec: { terminationGracePeriodSeconds: 60, containers: [{ name: 'sample', ...container }] } } },
  };
  await shell.ok(`kubectl patch --local -f d.json -p '${JSON.stringify(patch)}' -o json | kubectl apply -f -`);
  await shell.ok(`kubectl rollout status deploy/${name} --timeout=120s`);
  const ip = ipOf(await place.service(name, { selector: { app: name }, ports: web }));
  for (const from of [place.client, place.nodeOne])
    await until('it floats', async () => Object.keys(await from.asks(ip, 80, page)).join(), /It floats/);
  return ip;
}

export function ofLoad(place: ServicePlace): void {
  const long = { timeout: 600_000 };
  test('ten thousand connections through a service during rolling updates: not one fails', long, async () => {
    const { shell } = place;
    const ip = await startFloating(place, 'floats', {
      readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, timeoutSeconds: 60 },
      // As long as it may take until nobody is led here any more.
      lifecycle: { preStop: { sleep: { seconds: 20 } } },
    });
    let updates = 0;
    let over = false;
    const rolling = (async (): Promise<void> => {
      while (!over) {
        await shell.ok('kubectl rollout restart deploy/floats && kubectl rollout status deploy/floats --timeout=120s');
        updates++;
      }
    })();
    const served = await visitUntil(place, ip, (count) => count >= 10_000 && updates > 0).finally(() => {
      over = true;
    });
    await rolling;
    assert.ok(served >= 10_000);
    await shell.ok('kubectl delete deploy floats --wait=false');
  });

  test('pods whose readiness flaps come and go behind their service, and no connection fails', limit, async () => {
    const { shell, cluster } = place;
    const ip = await startFloating(place, 'flaps', {
      readinessProbe: {
        exec: { command: ['test', '!', '-e', '/down'] },
        periodSeconds: 1,
        timeoutSeconds: 60,
        failureThreshold: 1,
      },
    });
    const query = { namespace: 'default', labelSelector: 'kubernetes.io/service-name=flaps' };
    const areReady = (count: number): Promise<unknown> =>
      eventually(`${count} are ready`, async () => {
        const { items } = await cluster.client().list<EndpointSlice>(resources.endpointSlices, query);
        const ready = items.flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions?.ready);
        return ready.length === count;
      });
    let over = false;
    const flapping = (async (): Promise<void> => {
      for (const pod of (await shell.ok('kubectl get pods -l app=flaps -o name')).trim().split('\n')) {
        await shell.ok(`kubectl exec ${pod} -- touch /down`);
        await areReady(2);
        await shell.ok(`kubectl exec ${pod} -- rm /down`);
        await areReady(3);
      }
    })().finally(() => {
      over = true;
    });
    await Promise.all([flapping, visitUntil(place, ip, () => over)]);
  });
}
