// What one look at a job works out, step by step: what stands, and what is to be done.
import type { JobStatus } from '../../api/types.gen.ts';
import type { Action } from '../controller.ts';
import type { StoredPod } from '../pod-state.ts';
import type { StoredJob } from './pods.ts';
import type { Tally } from './tally.ts';

export interface Plan {
  job: StoredJob;
  nowMs: number;
  tally: Tally;
  status: JobStatus;
  created: Action[];
  removed: StoredPod[];
  events: Action[];
  laterMs: number[];
}
