// Which resources the API serves, from aggregated discovery, remembered for a while.
// Follows https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery
import type { Clock } from '../ports.ts';
import type { Client, ResourceRef } from './client.ts';

export interface ServedResource {
  of: ResourceRef;
  kind: string;
  namespaced: boolean;
  verbs: readonly string[];
}

const REMEMBERED_MS = 30_000;
const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

interface GroupDiscoveryList {
  items?: {
    metadata?: { name?: string };
    versions?: {
      version: string;
      freshness?: string;
      resources?: {
        resource: string;
        scope?: 'Namespaced' | 'Cluster';
        verbs?: string[];
        responseKind?: { kind?: string };
      }[];
    }[];
  }[];
}

export class ResourceCatalog {
  readonly #client: Client;
  readonly #clock: Clock;
  #served: Promise<ServedResource[]> | undefined;
  #readMs = 0;

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Every resource in the preferred version of its group. At most 30 s old. Throws when discovery cannot be read. */
  served(): Promise<ServedResource[]> {
    const nowMs = this.#clock.now();
    if (!this.#served || nowMs - this.#readMs > REMEMBERED_MS) {
      this.#readMs = nowMs;
      const reading = this.#read();
      this.#served = reading;
      reading.catch(() => {
        if (this.#served === reading) this.#served = undefined;
      });
    }
    return this.#served;
  }

  forget(): void {
    this.#served = undefined;
  }

  /** The resource of a kind, as an owner reference names it; undefined when none is served. */
  async find(apiVersion: string, kind: string): Promise<ServedResource | undefined> {
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
    return (await this.served()).find((resource) => resource.kind === kind && resource.of.group === group);
  }

  async #read(): Promise<ServedResource[]> {
    const lists = await Promise.all(['/api', '/apis'].map((path) => this.#list(path)));
    const served = new Map<string, ServedResource>();
    for (const { metadata, versions } of lists.flatMap((list) => list.items ?? [])) {
      const group = metadata?.name ?? '';
      for (const { version, resources } of versions ?? []) {
        for (const { resource: plural, scope, verbs = [], responseKind } of resources ?? []) {
          // Versions come in order of preference.
          if (served.has(`${plural}.${group}`)) continue;
          const of = { group, version, plural };
          served.set(`${plural}.${group}`, {
            of,
            kind: responseKind?.kind ?? '',
            namespaced: scope === 'Namespaced',
            verbs,
          });
        }
      }
    }
    return [...served.values()];
  }

  async #list(path: string): Promise<GroupDiscoveryList> {
    const response = await this.#client.raw(path, { headers: { accept } });
    if (!response.ok) throw new Error(`discovery at ${path} answered ${response.status}`);
    return (await response.json()) as GroupDiscoveryList;
  }
}
