// Whether this API server lives and can serve.
// Follows https://kubernetes.io/docs/reference/using-api/health-checks/
import type { ApiServerDeps } from './server.ts';

interface Check {
  name: string;
  run(deps: ApiServerDeps): Promise<void>;
}

const checks: readonly Check[] = [
  { name: 'ping', run: async () => {} },
  {
    name: 'etcd',
    // The name is the one that probes and dashboards know for "the store answers".
    run: async (deps) => {
      await deps.store.head('namespaces');
    },
  },
];

const text = (body: string, status = 200): Response =>
  new Response(body, {
    status,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-cache, private',
    },
  });

/** `endpoint`: healthz, livez or readyz. `name`: '' for all checks, or one of them. */
export async function health(
  deps: ApiServerDeps,
  endpoint: string,
  name: string,
  query: URLSearchParams,
): Promise<Response> {
  const excluded = new Set(query.getAll('exclude'));
  const wanted = name ? checks.filter((check) => check.name === name) : checks;
  if (wanted.length === 0) return text('404 page not found\n', 404);
  const lines: string[] = [];
  const failed: string[] = [];
  for (const check of wanted) {
    if (excluded.delete(check.name)) {
      lines.push(`[+]${check.name} excluded: ok`);
      continue;
    }
    try {
      await check.run(deps);
      lines.push(`[+]${check.name} ok`);
    } catch (error) {
      deps.log('warn', 'health.failed', { check: check.name, error: String(error) });
      failed.push(check.name);
      lines.push(`[-]${check.name} failed: reason withheld`);
    }
  }
  if (excluded.size > 0)
    lines.push(
      `warn: some health checks cannot be excluded: no matches for ${[...excluded].map((n) => `"${n}"`).join(',')}`,
    );
  if (failed.length > 0) return text(`${lines.join('\n')}\n${endpoint} check failed\n`, 500);
  if (name || !query.has('verbose')) return text('ok');
  return text(`${lines.join('\n')}\n${endpoint} check passed\n`);
}

export const healthPaths = (): string[] =>
  ['healthz', 'livez', 'readyz'].flatMap((endpoint) => [
    `/${endpoint}`,
    ...checks.map(({ name }) => `/${endpoint}/${name}`),
  ]);
