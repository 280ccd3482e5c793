// Answers load balancers that ask whether this node has an endpoint of a service with externalTrafficPolicy Local: 200 or 503 on
// the service's healthCheckNodePort, in kube-proxy's words.
// Follows https://kubernetes.io/docs/reference/networking/virtual-ips/#external-traffic-policy
import { createServer, type Server } from 'node:http';
import type { Log } from '../../../core/ports.ts';

export interface HealthCheck {
  /** `namespace/name`. */
  service: string;
  port: number;
  localEndpoints: number;
}

interface Listening {
  server: Server;
  check: HealthCheck;
}

export class HealthChecks {
  readonly #address: string;
  readonly #log: Log;
  readonly #listening = new Map<number, Listening>();

  /** @param address of the node, which ports are opened on */
  constructor(address: string, log: Log) {
    this.#address = address;
    this.#log = log;
  }

  /** Listens for those that are named and for no others. */
  replace(checks: readonly HealthCheck[]): void {
    const wanted = new Map(checks.map((check) => [check.port, check]));
    for (const [port, { server }] of this.#listening) {
      if (wanted.has(port)) continue;
      server.close();
      server.closeAllConnections();
      this.#listening.delete(port);
    }
    for (const check of wanted.values()) {
      const standing = this.#listening.get(check.port);
      if (standing) standing.check = check;
      else this.#listen(check);
    }
  }

  close(): void {
    this.replace([]);
  }

  #listen(check: HealthCheck): void {
    const server = createServer((_request, response) => {
      const { service, localEndpoints } = listening.check;
      const [namespace, name] = service.split('/');
      const body = { service: { namespace, name }, localEndpoints, serviceProxyHealthy: true };
      response.writeHead(localEndpoints > 0 ? 200 : 503, {
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
        'x-load-balancing-endpoint-weight': String(localEndpoints),
      });
      response.end(JSON.stringify(body));
    });
    const listening: Listening = { server, check };
    this.#listening.set(check.port, listening);
    server.on('error', (error) => {
      this.#log('warn', 'health check not served', { service: check.service, port: check.port, error: error.message });
      // tried again at the next change
      if (this.#listening.get(check.port) === listening) this.#listening.delete(check.port);
    });
    server.listen(check.port, this.#address);
  }
}
