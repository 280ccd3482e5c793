// What a node uses, as its agent answers GET /usage: for metrics.k8s.io. Nobody is told unless somebody asks (docs/decisions/0012).

export interface Used {
  /** CPU over the window, in billionths of a core. */
  cpuNanoCores: number;
  /** Memory that cannot be given back under pressure: all of it but files that were not used lately. */
  memoryWorkingSetBytes: number;
}

export interface Measured extends Used {
  /** End of the window, milliseconds since the epoch by the node's clock. */
  atMs: number;
  windowMs: number;
}

export interface PodMeasured {
  namespace: string;
  name: string;
  uid: string;
  /** Those that run and have run long enough for a rate. */
  containers: ({ name: string } & Measured)[];
}

export interface NodeUsageAnswer {
  /** Absent until there is a rate. */
  node?: Measured;
  pods: PodMeasured[];
}

/** The agent's path. */
export const usagePath = '/usage';
