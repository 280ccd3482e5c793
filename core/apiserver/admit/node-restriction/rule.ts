// What the rules of NodeRestriction have in common.

import { sameJson } from '../../../api/json-value.ts';
import type { AdmissionRequest } from '../../server.ts';
import type { AdmissionDeps } from '../request.ts';

/** Throws what a node is refused with. */
export type Rule = (node: string, request: AdmissionRequest, deps: AdmissionDeps) => void | Promise<void>;

export const same = (a: unknown, b: unknown): boolean => sameJson(a ?? null, b ?? null);
