// The API as functions behind an API Gateway: who calls it is answered, or told that a function died; what then became of the
// request only the store knows.
import type { Client } from '../../../core/client/client.ts';
import { httpClient } from '../../../core/client/http.ts';
import type { Ids } from '../../../core/ports.ts';
import { composeOver } from './control-plane.ts';
import { Died, type Lambda, Pool, Throttled } from './pool.ts';

type Handle = (request: Request) => Promise<Response>;

/** API Gateway waits for so long: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html */
const limitMs = 29_000;

const againMs = 5_000;

/** What API Gateway says when there is no answer of a function. */
const gatewaySays = (status: number, message: string): Response => Response.json({ message }, { status });

/** A client of the API as `system:COMPONENT` in system:masters; nothing is retried. */
export function apiFunctions(lambda: Lambda, ids: Ids, instances: number): (component: string) => Client {
  const pool = new Pool<(component: string) => Handle>(lambda, 'api', instances, async ({ ports, store }) => {
    const { api } = await composeOver({ ...ports, ids, store });
    store.settled();
    return (component) => {
      const certificate = { commonName: `system:${component}`, organizations: ['system:masters'], fingerprint: '' };
      return (request) => api.fetch(request, { certificate });
    };
  });
  const answer = async (component: string, request: Request): Promise<Response> => {
    if (lambda.outage) {
      // Who calls does so every few seconds; the calls that do not matter are left out.
      await lambda.outage;
      await lambda.time.sleep(lambda.random.below(againMs));
      return gatewaySays(503, 'Service Unavailable');
    }
    try {
      return await pool.invoke(limitMs, async (handleOf) => {
        const response = await handleOf(component)(request);
        const { status, headers } = response;
        return new Response(await response.text(), { status, headers });
      });
    } catch (error) {
      if (error instanceof Died) return gatewaySays(502, 'Internal server error');
      if (error instanceof Throttled) return gatewaySays(429, 'Too Many Requests');
      throw error;
    }
  };
  return (component) =>
    httpClient({
      baseUrl: 'https://kubernetes.default.svc',
      fetch: (request) => answer(component, request),
      userAgent: component,
    });
}
