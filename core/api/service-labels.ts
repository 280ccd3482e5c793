// Labels that tie endpoint slices to their services: https://kubernetes.io/docs/reference/labels-annotations-taints/

/** On an endpoint slice: the name of the service that it belongs to. */
export const serviceNameLabel = 'kubernetes.io/service-name';
