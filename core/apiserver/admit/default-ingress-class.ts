// An ingress that names no class gets the default one.
// Source: https://kubernetes.io/docs/concepts/services-networking/ingress/#default-ingress-class
import type { Ingress, IngressClass } from '../../api/types.gen.ts';
import type { AdmissionPlugin } from '../server.ts';
import { type AdmissionDeps, concerns } from './request.ts';
import { newest } from './storage.ts';

const legacyAnnotation = 'kubernetes.io/ingress.class';
const defaultAnnotation = 'ingressclass.kubernetes.io/is-default-class';

export const defaultIngressClass = ({ lister }: AdmissionDeps): AdmissionPlugin => ({
  name: 'DefaultIngressClass',
  async mutate(request) {
    if (!concerns(request, 'ingresses.networking.k8s.io') || request.operation !== 'CREATE') return;
    const ingress = request.object as unknown as Ingress;
    if (ingress.spec?.ingressClassName || ingress.metadata?.annotations?.[legacyAnnotation] !== undefined) return;
    const all = (await lister.list('ingressclasses.networking.k8s.io')) as unknown as IngressClass[];
    const found = newest(all.filter(({ metadata }) => metadata?.annotations?.[defaultAnnotation] === 'true'));
    if (found?.metadata?.name) ingress.spec = { ...ingress.spec, ingressClassName: found.metadata.name };
  },
});
