// Whether a node is ready for pods, by what it reports of itself.
// https://kubernetes.io/docs/reference/node/node-status/#condition

interface Reported {
  status?: { conditions?: readonly { type?: string; status?: string }[] };
}

/** A node that has not reported yet is not. */
export const isNodeReady = ({ status }: Reported): boolean =>
  status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
